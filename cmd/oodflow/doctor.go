package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/cpu"

	"github.com/oodflow/oodflow/internal/blas"
	"github.com/oodflow/oodflow/internal/classifier"
	"github.com/oodflow/oodflow/internal/imageset"
)

const doctorLong = `Shows what this machine offers to oodflow: the processor, linear algebra with its
measured speed, the engines that can run classifiers, and the versions that
matter in a bug report. Without ONNX Runtime oodflow still works, more slowly and
with fewer kinds of models; doctor then says how to get it.`

const doctorExample = `  oodflow doctor
  oodflow doctor --json`

type doctorOptions struct {
	json    bool
	library string
}

func newDoctorCommand() *cobra.Command {
	var opts doctorOptions
	cmd := &cobra.Command{
		Use:     "doctor [flags]",
		Short:   "Show what this machine offers: BLAS, ONNX Runtime, cores, versions",
		Long:    doctorLong,
		Example: doctorExample,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDoctor(cmd.Context(), opts, consoleOf(cmd))
		},
	}
	cmd.Flags().BoolVar(&opts.json, "json", false, "write JSON")
	addLibraryFlag(cmd, &opts.library)
	return cmd
}

// diagnosis is what doctor found; its JSON form is for bug reports and scripts.
type diagnosis struct {
	Version     string            `json:"version"`
	Build       []string          `json:"build"`
	OS          string            `json:"os"`
	Arch        string            `json:"arch"`
	CPUs        int               `json:"cpus"`
	Threads     int               `json:"threads"`
	CPUFeatures []string          `json:"cpu_features"`
	BLAS        blasFacts         `json:"blas"`
	JPEG        jpegFacts         `json:"jpeg"`
	ONNXRuntime onnxRuntimeFacts  `json:"onnxruntime"`
	Gorgonia    gorgoniaFacts     `json:"gorgonia"`
	Engine      string            `json:"engine"` // what --engine auto takes
	Modules     map[string]string `json:"modules"`
}

type blasFacts struct {
	Name        string   `json:"name"`
	Version     string   `json:"version,omitempty"`
	Path        string   `json:"path,omitempty"`
	Where       string   `json:"where"`
	Threads     int      `json:"threads,omitempty"`
	Refused     []string `json:"refused,omitempty"` // libraries that were found and are not used, with reasons
	Problem     string   `json:"problem,omitempty"` // why $OODFLOW_BLAS is not followed
	SgemmGFLOPS float64  `json:"sgemm_gflops"`
}

type jpegFacts struct {
	Decoder string `json:"decoder"` // "libjpeg-turbo" or "go"
	Path    string `json:"path,omitempty"`
	Problem string `json:"problem,omitempty"` // why a library that was found or asked for is not used
}

type onnxRuntimeFacts struct {
	Found   bool   `json:"found"`
	Path    string `json:"path,omitempty"`
	Where   string `json:"where,omitempty"`
	Version string `json:"version,omitempty"`
	Problem string `json:"problem,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

type gorgoniaFacts struct {
	Version string `json:"version"`
	ONNXGo  string `json:"onnx_go"`
}

func runDoctor(_ context.Context, opts doctorOptions, c *console) error {
	d := diagnose(opts.library)
	if opts.json {
		return writeJSON(c.out, d)
	}
	return d.writeText(c.out)
}

// diagnose looks at everything; the measurement takes about a fifth of a second.
func diagnose(library string) diagnosis {
	modules := moduleVersions()
	d := diagnosis{
		Version: moduleVersion(), Build: buildFacts(),
		OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Threads: runtime.GOMAXPROCS(0),
		CPUFeatures: cpuFeatures(),
		BLAS:        findBLAS(),
		JPEG:        findJPEG(),
		ONNXRuntime: findONNXRuntime(library),
		Gorgonia:    gorgoniaFacts{modules["gorgonia.org/gorgonia"], modules["github.com/owulveryck/onnx-go"]},
		Engine:      "gorgonia",
		Modules:     modules,
	}
	if d.ONNXRuntime.Found {
		d.Engine = "onnxruntime"
	}
	return d
}

// findBLAS opens the machine's BLAS and measures it.
func findBLAS() blasFacts {
	choice, err := blas.Use()
	facts := blasFacts{
		Name: choice.Name, Version: choice.Version, Path: choice.Library, Where: choice.Where, Threads: choice.Threads,
		Refused: choice.Warnings, SgemmGFLOPS: blas.MeasureGFLOPS(200 * time.Millisecond),
	}
	if err != nil {
		facts.Problem = err.Error()
	}
	return facts
}

// findJPEG opens the machine's libjpeg-turbo.
func findJPEG() jpegFacts {
	l, err := imageset.JPEGLibrary()
	switch {
	case err != nil:
		return jpegFacts{Decoder: "go", Problem: err.Error()}
	case l == nil:
		return jpegFacts{Decoder: "go"}
	}
	return jpegFacts{Decoder: "libjpeg-turbo", Path: l.Path}
}

func findONNXRuntime(library string) onnxRuntimeFacts {
	if pureGo() {
		return onnxRuntimeFacts{
			Problem: "not in this build, which has no cgo",
			Hint:    "to use ONNX Runtime, build oodflow with CGO_ENABLED=1 and a C compiler",
		}
	}
	lib, err := classifier.FindLibrary(library)
	switch {
	case errors.Is(err, classifier.ErrNoLibrary):
		return onnxRuntimeFacts{Problem: "not found", Hint: classifier.HowToGetLibrary()}
	case err != nil:
		return onnxRuntimeFacts{Problem: err.Error(), Hint: hintOf(err)}
	}
	return onnxRuntimeFacts{Found: true, Path: lib.Path, Where: lib.Where, Version: lib.Version}
}

// keyModules are those whose version changes results or what can be read.
var keyModules = []string{
	"gonum.org/v1/gonum", "gorgonia.org/gorgonia", "gorgonia.org/tensor", "github.com/owulveryck/onnx-go",
	"github.com/yalue/onnxruntime_go", "golang.org/x/image", "google.golang.org/protobuf",
}

// moduleVersions are the versions of the key modules that were built in.
func moduleVersions() map[string]string {
	versions := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return versions
	}
	for _, dep := range info.Deps {
		if slices.Contains(keyModules, dep.Path) {
			versions[dep.Path] = dep.Version
			if dep.Replace != nil {
				versions[dep.Path] = dep.Replace.Version
			}
		}
	}
	return versions
}

// cpuFeatures are the instruction sets that matter for matrix products.
func cpuFeatures() []string {
	found := []string{}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"SSE4.2", cpu.X86.HasSSE42}, {"AVX", cpu.X86.HasAVX}, {"AVX2", cpu.X86.HasAVX2}, {"FMA", cpu.X86.HasFMA},
		{"AVX-512", cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ},
		{"AVX-512 VNNI", cpu.X86.HasAVX512VNNI}, {"AMX", cpu.X86.HasAMXTile},
		{"NEON", cpu.ARM64.HasASIMD}, {"SVE", cpu.ARM64.HasSVE},
	} {
		if f.has {
			found = append(found, f.name)
		}
	}
	return found
}

// writeText writes the aligned form for people.
func (d diagnosis) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "oodflow\t%s, %s\n", d.Version, strings.Join(d.Build, ", "))
	fmt.Fprintf(t, "processor\t%d cores, %s\n", d.CPUs, strings.Join(d.CPUFeatures, ", "))
	if d.Threads != d.CPUs {
		fmt.Fprintf(t, "threads\t%d (GOMAXPROCS)\n", d.Threads)
	}
	fmt.Fprintf(t, "BLAS\t%s, %.0f GFLOP/s\n", strings.TrimSpace(d.BLAS.Name+" "+d.BLAS.Version), d.BLAS.SgemmGFLOPS)
	if d.BLAS.Path != "" {
		fmt.Fprintf(t, "\t%s, found in %s\n", d.BLAS.Path, d.BLAS.Where)
	}
	for _, line := range append(d.BLAS.Refused, d.BLAS.Problem) {
		if line != "" {
			fmt.Fprintf(t, "\t%s\n", line)
		}
	}
	fmt.Fprintf(t, "JPEG\t%s\n", d.JPEG.text())
	if o := d.ONNXRuntime; o.Found {
		fmt.Fprintf(t, "ONNX Runtime\t%s, %s\n\tfound in %s\n", o.Version, o.Path, o.Where)
	} else {
		fmt.Fprintf(t, "ONNX Runtime\t%s\n", o.Problem)
	}
	fmt.Fprintf(t, "gorgonia\t%s with onnx-go %s, built in\n", d.Gorgonia.Version, d.Gorgonia.ONNXGo)
	fmt.Fprintf(t, "--engine auto\tis %s\n", d.Engine)
	if err := t.Flush(); err != nil {
		return err
	}
	if d.ONNXRuntime.Hint != "" {
		_, err := fmt.Fprintf(w, "\n%s\n", d.ONNXRuntime.Hint)
		return err
	}
	return nil
}

// text is the decoder for people.
func (f jpegFacts) text() string {
	switch {
	case f.Problem != "":
		return "in Go: " + f.Problem
	case f.Path != "":
		return f.Decoder + ", " + f.Path
	}
	return "in Go: there is no libturbojpeg, which is a little faster"
}

// writeJSON writes v as indented JSON and a newline. Unlike [json.Marshal] it leaves <, > and & as they are.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
