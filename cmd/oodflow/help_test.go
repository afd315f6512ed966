package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands are the root and all commands below it.
func commands() (all []*cobra.Command) {
	below := []*cobra.Command{newRootCommand()}
	for len(below) > 0 {
		cmd := below[0]
		all, below = append(all, cmd), below[1:]
		if cmd.Name() != "completion" { // cobra's own
			below = append(below, cmd.Commands()...)
		}
	}
	return all
}

// examples are the command lines in a command's help, without the program's name.
func examples(cmd *cobra.Command) [][]string {
	var found [][]string
	joined := strings.ReplaceAll(cmd.Example, "\\\n", " ")
	for line := range strings.Lines(joined) {
		words := strings.Fields(line)
		if len(words) > 1 && words[0] == "oodflow" {
			found = append(found, words[1:])
		}
	}
	return found
}

// TestExamplesAreValid runs every example of the help where none of its files exist: all must get as far as looking for
// them, that is be good usage, and none may leave anything behind.
func TestExamplesAreValid(t *testing.T) {
	t.Chdir(t.TempDir())
	nothing := httptest.NewServer(http.NotFoundHandler())
	defer nothing.Close()
	for _, cmd := range commands() {
		if cmd.Name() == "completion" || cmd.Name() == "help" {
			continue
		}
		if len(examples(cmd)) == 0 {
			t.Errorf("%s: no examples in the help", cmd.CommandPath())
		}
		for _, args := range examples(cmd) {
			if args[0] == "bench" && args[1] == "flow" {
				args = append(args, "--dim", "8", "--steps", "1") // in the least time
			}
			missing := "no such file"
			if args[0] == "fetch" && args[1] != "--list" {
				args, missing = append(args, "--mirror", nothing.URL), "404 Not Found"
			}
			var out, errs bytes.Buffer
			status := run(args, &out, &errs)
			if status == exitUsage || status == exitError && !strings.Contains(errs.String(), missing) {
				t.Errorf("oodflow %s: exit status %d\n%s", strings.Join(args, " "), status, &errs)
			}
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestExamplesRun runs the examples that make up the main job, as they stand in the help, on drawn images.
func TestExamplesRun(t *testing.T) {
	t.Chdir(t.TempDir())
	drawExampleFiles(t)
	ran := map[string]int{}
	for _, cmd := range commands() {
		for _, args := range examples(cmd) {
			if needsMore(args) {
				continue
			}
			mustRun(t, args...)
			ran[args[0]]++
			if slices.Contains(args, "2/3") { // the other parts
				for _, part := range []string{"1", "3"} {
					mustRun(t, strings.Fields(strings.NewReplacer("2/3", part+"/3", "-2", "-"+part).Replace(strings.Join(args, " ")))...)
				}
			}
		}
	}
	for _, name := range []string{"inspect", "extract", "train", "score", "eval", "features", "doctor"} {
		if ran[name] == 0 {
			t.Errorf("no example of %s was run", name)
		}
	}
}

// needsMore tells whether an example uses files that drawExampleFiles does not make, or takes long for nothing.
func needsMore(args []string) bool {
	for _, a := range args {
		for _, missing := range []string{"wrn.onnx", "vit.onnx", "svhn", "npz", "layer4", "bench", "fetch"} {
			if strings.Contains(a, missing) {
				return true
			}
		}
	}
	return false
}

// TestHelpIsComplete wants every command to say what it is for, every flag to be explained, and lines to fit.
func TestHelpIsComplete(t *testing.T) {
	for _, cmd := range commands() {
		if cmd.Name() == "completion" || cmd.Name() == "help" {
			continue
		}
		if cmd.Short == "" || cmd.Long == "" {
			t.Errorf("%s: no description", cmd.CommandPath())
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s: no description", cmd.CommandPath(), f.Name)
			}
		})
		for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 84 {
				t.Errorf("%s: a line of %d columns in the help: %s", cmd.CommandPath(), n, line)
			}
		}
		if help := cmd.UsageString(); !strings.Contains(help, "Exit status:") || !strings.Contains(help, "130  interrupted") {
			t.Errorf("%s: no exit statuses in the help", cmd.CommandPath())
		}
	}
}
