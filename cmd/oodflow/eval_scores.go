package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/eval"
	"github.com/oodflow/oodflow/internal/detect"
	"github.com/oodflow/oodflow/internal/scorefile"
)

// scoresHelp explains score files, for the help of eval.
const scoresHelp = `--id and --ood also take files of scores, .csv or .jsonl: those that score wrote,
or those of another tool, with a column id and the one that --score-column names,
in which higher means OOD; put a minus before its name where higher means ID.
Several columns, separated by commas, are compared as several detectors, the first
being the one under test. No --detector is needed then; if it is given, the scores
have to be its own.`

// scoreFiles are the extensions of files that scorefile.Open reads.
var scoreFiles = []string{"csv", "jsonl"}

// scoreColumns is the flag of eval that says what to read of score files.
type scoreColumns struct {
	flag []string

	names   []string // filled by parse: the columns, nil for the one that score writes
	negated []bool
}

// AddFlags defines the flags.
func (o *scoreColumns) AddFlags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&o.flag, "score-column", nil, "read scores from `[-]COLUMN,...`; higher is OOD, with a minus ID (default "+scorefile.ColumnScore+")")
	noFiles(cmd, "score-column")
}

func (o *scoreColumns) parse() error {
	for _, s := range o.flag {
		name, negated := strings.CutPrefix(strings.TrimSpace(s), "-")
		if name == "" {
			return usagef("--score-column %s: a name is empty", strings.Join(o.flag, ","))
		}
		if slices.Contains(o.names, name) {
			return usagef("--score-column %s: %s is there twice", strings.Join(o.flag, ","), name)
		}
		o.names, o.negated = append(o.names, name), append(o.negated, negated)
	}
	return nil
}

// ofScores tells whether a set is a file of scores, by its name.
func ofScores(path string) bool {
	return slices.Contains(scoreFiles, strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), "."))
}

// required are the flags without which eval does nothing.
func (o *evalOptions) required() []string {
	if slices.ContainsFunc(append([]string{o.idFlag}, o.oodFlags...), ofScores) {
		return []string{"id", "ood"}
	}
	return []string{"detector", "id", "ood"}
}

// parseScores checks what goes with score files, and that all sets are such, or none.
func (o *evalOptions) parseScores() error {
	o.fromScores = ofScores(o.id.path)
	for _, set := range o.ood {
		if ofScores(set.path) != o.fromScores {
			scores, features := o.id.path, set.path
			if !o.fromScores {
				scores, features = features, scores
			}
			return usagef("%s is a file of scores and %s is none: give files of one kind to --id and --ood", scores, features)
		}
	}
	if !o.fromScores {
		if o.columns.flag != nil {
			return usagef("--score-column is for files of scores, %s", strings.Join(scoreFiles, " or "))
		}
		return nil
	}
	switch {
	case o.baselinesFlag != "" && o.baselinesFlag != "none":
		return usagef("--baselines %s: baselines need features, not scores", o.baselinesFlag)
	case o.trainFeatures != "":
		return usagef("--train-features is of no use with files of scores")
	}
	return o.columns.parse()
}

// rivals are the detectors that the one under test can be held against.
func (o *evalOptions) rivals() []string {
	if !o.fromScores {
		return detect.Names()
	}
	if len(o.columns.names) > 1 {
		return o.columns.names[1:]
	}
	return []string{}
}

// identity names a detector in the rows that it scores, so that scores of different detectors are not taken for one's.
func identity(path, name string) (string, error) {
	_, sum, err := checksum(path)
	if err != nil {
		return "", err
	}
	return name + "@" + sum[:12], nil
}

// readScores fills e.scored from score files.
func (e *evaluation) readScores() error {
	e.report.ID = e.opts.id.name
	if e.file != nil {
		e.report.Warnings = slices.Clone(e.file.Warnings)
	}
	by, err := e.scorer()
	if err != nil {
		return err
	}
	id, err := e.openScores(e.opts.id, by)
	if err != nil {
		return err
	}
	if by == nil {
		by = &scorer{id.Detector, "the ID scores", e.opts.id.path}
	}
	for k := range id.Scores {
		e.scored = append(e.scored, eval.Scores{Detector: e.scoreName(k, id), ID: id.Scores[k]})
	}
	for _, set := range e.opts.ood {
		if err := e.ctx.Err(); err != nil {
			return err
		}
		f, err := e.openScores(set, by)
		if err != nil {
			return err
		}
		for k := range f.Scores {
			e.scored[k].OOD = append(e.scored[k].OOD, f.Scores[k])
		}
		if samePath(set.path, e.opts.id.path) {
			e.warn(fmt.Sprintf("%s is compared with itself", set.path))
		}
	}
	return e.opts.checkTested(e.scored[0].Detector)
}

// scorer is a detector that scores have to be by.
type scorer struct {
	identity    string // "" where that is not known
	whose, path string // what it is the detector of
}

// scorer is the one of --detector, nil without.
func (e *evaluation) scorer() (*scorer, error) {
	if e.file == nil {
		return nil, nil
	}
	by, err := identity(e.opts.detector, e.file.Detector.Name())
	return &scorer{by, "--detector", e.opts.detector}, err
}

// openScores reads one score file, and refuses one by another detector than by, if not nil.
func (e *evaluation) openScores(set named, by *scorer) (*scorefile.File, error) {
	f, err := scorefile.Open(set.path, e.opts.columns.names)
	if err != nil {
		return nil, hintOnScores(err)
	}
	for k, negated := range e.opts.columns.negated {
		if negated {
			for i := range f.Scores[k] {
				f.Scores[k][i] *= -1
			}
		}
	}
	switch {
	case by == nil || by.identity == f.Detector:
		return f, nil
	case by.identity == "" || f.Detector == "":
		e.warn(fmt.Sprintf("%s and %s: not checked whether one detector made both, since not both say which", by.path, set.path))
		return f, nil
	}
	return nil, withHint(fmt.Errorf("read %s: the scores are by %s, %s in %s by %s", set.path, f.Detector, by.whose, by.path, by.identity),
		"score all sets with one detector")
}

// scoreName is what the k-th column is called in the report: the method, where the file is score's own.
func (e *evaluation) scoreName(k int, f *scorefile.File) string {
	if len(e.opts.columns.names) == 0 || e.opts.columns.names[k] == scorefile.ColumnScore {
		if method, _, _ := strings.Cut(f.Detector, "@"); method != "" {
			return method
		}
		return scorefile.ColumnScore
	}
	return e.opts.columns.names[k]
}

// hintOnScores says what to change about a score file.
func hintOnScores(err error) error {
	var column *scorefile.ColumnError
	var mixed *scorefile.MixedError
	switch {
	case errors.As(err, &mixed):
		return withHint(err, "give each detector's scores a file of their own")
	case !errors.As(err, &column):
		return err
	case column.Missing == scorefile.ColumnID:
		return withHint(err, "the first line has to name the columns, and one of them %s", scorefile.ColumnID)
	}
	if n := nearest(column.Missing, column.Columns); n != "" {
		return withHint(err, "did you mean --score-column %s?", n)
	}
	return withHint(err, "name the column of scores: --score-column NAME")
}
