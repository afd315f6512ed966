package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/internal/fetch"
	"github.com/oodflow/oodflow/internal/progress"
)

const fetchLong = `Downloads datasets from their publishers' addresses. A file gets its name when its
size, MD5 and SHA-256 are those published, and not before; until then it is called
FILE.part. After Ctrl-C, a crash or a broken connection the same command goes on
where it stopped. A file that is there already is checked, not fetched again.

At the end each SOURCE for 'oodflow extract --images' stands on a line of stdout.
Archives of photographs have to be unpacked before; the command is shown.

Every dataset has terms of its own, which bind you; --list shows them. --mirror URL
takes the files from another address, a folder with files of the same names; they
are verified all the same. HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured.`

const fetchExample = `  oodflow fetch --list
  oodflow fetch cifar10
  oodflow fetch svhn dtd --out ood
  oodflow fetch cifar100 --mirror https://mirror.example.org/cifar --json`

// What is fetched, and how patiently. Only tests set them.
var (
	datasets      = fetch.Catalogue()
	fetchPatience = fetch.DefaultPatience()
)

type fetchOptions struct {
	names  []string
	out    string
	mirror string
	force  bool
	list   bool
	json   bool
}

func newFetchCommand() *cobra.Command {
	var opts fetchOptions
	cmd := &cobra.Command{
		Use:               "fetch DATASET... [flags]",
		Short:             "Download datasets, verified and resumable",
		Long:              fetchLong,
		Example:           fetchExample,
		Args:              cobra.ArbitraryArgs, // validate says what is wrong with them
		ValidArgsFunction: completeDatasets,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.names = args
			if err := opts.validate(cmd); err != nil {
				return err
			}
			if opts.list {
				return runFetchList(opts, consoleOf(cmd))
			}
			return runFetch(cmd.Context(), opts, consoleOf(cmd))
		},
	}
	opts.AddFlags(cmd)
	return cmd
}

// AddFlags defines the flags.
func (o *fetchOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.out, "out", "o", "data", "put the files into `DIR`, which is made if need be")
	if err := cmd.MarkFlagDirname("out"); err != nil {
		panic(err)
	}
	f.StringVar(&o.mirror, "mirror", "", "take the files from `URL`/FILE instead of their publishers' addresses")
	f.BoolVar(&o.force, "force", false, "replace a file that is there and not the published one")
	f.BoolVar(&o.list, "list", false, "list all datasets, or those named, with files, sizes, addresses and terms")
	f.BoolVar(&o.json, "json", false, "write JSON")
	noFiles(cmd, "mirror")
}

// completeDatasets offers the datasets that were not yet named.
func completeDatasets(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	for _, d := range datasets {
		if !slices.Contains(args, d.Name) {
			found = append(found, cobra.CompletionWithDesc(d.Name, d.About))
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// validate checks what can be checked without the network.
func (o *fetchOptions) validate(cmd *cobra.Command) error {
	for _, flag := range []string{"out", "mirror", "force"} {
		if o.list && cmd.Flags().Changed(flag) {
			return usagef("--%s is of no use with --list", flag)
		}
	}
	if len(o.names) == 0 && !o.list {
		return withHint(usagef("no dataset given"), "'oodflow fetch --list' lists them")
	}
	for _, name := range o.names {
		d, ok := fetch.Lookup(datasets, name)
		switch {
		case !ok:
			return unknownDataset(name)
		case d.Manual != "" && !o.list:
			return withHint(usagef("%s cannot be fetched: its publishers give it to registered people only", name), "%s", d.Manual)
		}
	}
	if o.out == "" {
		return usagef("--out is empty: want a folder")
	}
	if _, err := o.mirrorURL(); err != nil {
		return err
	}
	return nil
}

// unknownDataset names the dataset that was probably meant.
func unknownDataset(name string) error {
	var names []string
	for _, d := range datasets {
		names = append(names, d.Name)
	}
	err := usagef("unknown dataset %q", name)
	if n := nearest(name, names); n != "" {
		return withHint(err, "did you mean %s?", n)
	}
	return withHint(err, "'oodflow fetch --list' lists all datasets")
}

// mirrorURL parses --mirror; nil without one.
func (o *fetchOptions) mirrorURL() (*url.URL, error) {
	if o.mirror == "" {
		return nil, nil
	}
	u, err := url.Parse(o.mirror)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, usagef("--mirror %s: want the address of a folder, http://... or https://...", o.mirror)
	}
	return u, nil
}

func runFetch(ctx context.Context, opts fetchOptions, c *console) error {
	mirror, err := opts.mirrorURL()
	if err != nil {
		return err
	}
	if st, err := os.Stat(opts.out); err == nil && !st.IsDir() {
		return withHint(fmt.Errorf("write into %s: is not a folder", opts.out), "give --out a folder")
	}
	client := fetch.New(fetch.Options{
		UserAgent: "oodflow/" + moduleVersion(), Mirror: mirror, Force: opts.force, Patience: fetchPatience, Note: c.note,
		Begin: func(what string, have, total int64) (fetch.Meter, func()) {
			return c.show(progress.Options{What: what, Total: int(total), Done: int(have), Bytes: true})
		},
	})
	var report fetchReport
	for _, name := range opts.names {
		d, _ := fetch.Lookup(datasets, name)
		facts, err := fetchDataset(ctx, client, d, opts.out, c)
		if err != nil {
			return explainFetch(err, d, len(report.Datasets) > 0)
		}
		report.Datasets = append(report.Datasets, facts)
	}
	if opts.json {
		return writeJSON(c.out, report)
	}
	return report.writeSources(c.out)
}

// fetchDataset fetches all files of d.
func fetchDataset(ctx context.Context, client *fetch.Client, d fetch.Dataset, dir string, c *console) (fetchedFacts, error) {
	facts := fetchedFacts{Name: d.Name}
	c.note("%s: terms: %s (%s)", d.Name, d.Terms, d.Homepage)
	for _, f := range d.Files {
		start := time.Now()
		r, err := client.Get(ctx, f, dir)
		if err != nil {
			return facts, err
		}
		if r.State == fetch.Present {
			c.note("%s: is there, and is the published file", r.Path)
		} else {
			c.note("%s: %s, verified, in %s", r.Path, progress.Size(f.Bytes), progress.Duration(time.Since(start)))
		}
		facts.Files = append(facts.Files, fetchedFile{r.Path, r.URL, f.Bytes, f.MD5, f.SHA256, string(r.State)})
		if d.Unpack {
			facts.Unpack = fmt.Sprintf("tar -xf %s -C %s", shellQuote(r.Path), shellQuote(filepath.Clean(dir)))
			c.note("unpack it: %s", facts.Unpack)
		}
	}
	for _, s := range d.Sources {
		facts.Sources = append(facts.Sources, fetchedSource{s.Split, s.Arg(dir)})
	}
	return facts, nil
}

// explainFetch says what to do about an error, and what is kept. more tells that other datasets were fetched before.
func explainFetch(err error, d fetch.Dataset, more bool) error {
	kept := ""
	if p := (*fetch.PartialError)(nil); errors.As(err, &p) {
		kept = fmt.Sprintf("%s of %s are kept in %s", progress.Size(p.Have), progress.Size(p.Want), p.Path)
	}
	if errors.Is(err, context.Canceled) {
		switch {
		case kept != "":
			return &resumable{errors.New("interrupted; " + kept), "the same command goes on from there"}
		case more:
			return &resumable{errors.New("interrupted; the files that are complete stay"), "the same command fetches the rest"}
		}
		return err
	}
	hint := fetchHint(err, d)
	if kept != "" {
		hint += "; " + kept + ", from where the same command goes on"
	}
	return withHint(err, "%s", hint)
}

// fetchHint is what to do about an error.
func fetchHint(err error, d fetch.Dataset) string {
	const elsewhere = "or give another address with --mirror"
	var (
		mismatch *fetch.MismatchError
		page     *fetch.PageError
		status   *fetch.StatusError
		redirect *fetch.RedirectError
		busy     *fetch.BusyError
		path     *fs.PathError
	)
	switch {
	case errors.As(err, &mismatch) && mismatch.Existing:
		return "--force replaces it with the published file; --out names another folder"
	case errors.As(err, &mismatch):
		return fmt.Sprintf("what came was not kept: try again later, look at %s, %s", d.Homepage, elsewhere)
	case errors.As(err, &page):
		return fmt.Sprintf("a login or the notice of a proxy, perhaps: open the address in a browser, %s", elsewhere)
	case errors.As(err, &status) && status.Code < 500 && status.Code != http.StatusTooManyRequests:
		return fmt.Sprintf("the file may have moved: look at %s, %s", d.Homepage, elsewhere)
	case errors.As(err, &status) && status.After > 0:
		return fmt.Sprintf("the server asks to come back in %s, %s", progress.Duration(status.After), elsewhere)
	case errors.As(err, &redirect):
		return "give an address that is not redirected with --mirror"
	case errors.As(err, &busy):
		return "wait for it to end, and run the same command again"
	case errors.Is(err, syscall.ENOSPC):
		return "make room, or name another folder with --out"
	case errors.As(err, &path):
		return "name another folder with --out"
	}
	return fmt.Sprintf("is there a network, and does it want a proxy (HTTPS_PROXY)? Try again later, %s", elsewhere)
}
