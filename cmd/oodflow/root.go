package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `Tells whether images were drawn from the world that an image classifier was
trained on.

A frozen ONNX classifier turns images into penultimate features; each feature
vector is scaled to length one; a normalizing flow is fitted to those of the
training images. An image to which the flow gives a low density is
out-of-distribution (OOD).

The way from a classifier to a table:

  1. inspect   see what the classifier's features are
  2. extract   run it over images: training images, test images, strange images
  3. train     fit a detector to the training images' features
  4. eval      see how well it tells strange images from test images
  5. score     use it on new images`

const rootExample = `  oodflow extract --model resnet.onnx --images photos/train --out train.safetensors
  oodflow extract --model resnet.onnx --images photos/val --out val.safetensors
  oodflow extract --model resnet.onnx --images textures --out textures.safetensors
  oodflow train --features train.safetensors --out detector.safetensors
  oodflow eval --detector detector.safetensors --id val.safetensors \
      --ood textures=textures.safetensors
  oodflow score --detector detector.safetensors --model resnet.onnx --images inbox`

// exitStatusHelp is the last part of every command's help.
const exitStatusHelp = `Exit status:
  0    success
  1    an error: a file is missing or damaged, a model cannot be run, ...
  2    bad usage: the command line cannot be carried out
{{- if or (eq .Name "eval") (not .HasParent)}}
  3    the report is written, and a gate of eval was missed{{end}}
  130  interrupted: no file was written{{if eq .Name "train"}}, or DETECTOR.checkpoint alone{{else if eq .Name "extract"}}, or FEATURES.part alone{{else if eq .Name "fetch"}}, or FILE.part alone{{end}}
`

// usageTemplate is cobra's, with examples first, fewer words and the exit statuses.
const usageTemplate = `Usage:
  {{if .HasParent}}{{.UseLine}}{{end}}{{if and .HasParent .HasAvailableSubCommands}}
  {{end}}{{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND [flags]{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}{{end}}
{{- if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if or .IsAvailableCommand (eq .Name "help")}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{flagUsages .LocalFlags}}{{end}}
{{- if .HasAvailableInheritedFlags}}

Flags of every command:
{{flagUsages .InheritedFlags}}{{end}}

` + exitStatusHelp + `{{if .HasAvailableSubCommands}}
'{{.CommandPath}} COMMAND --help' tells more about a command.
{{end}}`

func init() {
	cobra.EnableCommandSorting = false // the commands stand in the order of their use
	cobra.AddTemplateFunc("flagUsages", flagUsages)
}

// newRootCommand builds the whole command line anew, so that tests may run any number of them.
func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "oodflow",
		Short:         "Tell whether images are out-of-distribution for a classifier",
		Long:          rootLong,
		Example:       rootExample,
		Version:       buildVersion(),
		Args:          cobra.ArbitraryArgs, // runRoot says what is wrong with them
		RunE:          runRoot,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("oodflow {{.Version}}\n")
	root.SetUsageTemplate(usageTemplate)
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().BoolP("quiet", "q", false, "no progress and no notes; warnings and errors are still shown")
	root.AddCommand(
		newInspectCommand(),
		newExtractCommand(),
		newTrainCommand(),
		newScoreCommand(),
		newEvalCommand(),
		newFeaturesCommand(),
		newFetchCommand(), newBenchmarksCommand(), newSchemaCommand(), newDoctorCommand(), newBenchCommand(),
	)
	root.SetHelpCommand(newHelpCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	keepFlagOrder(root)
	return root
}

// keepFlagOrder has the help list flags as they were defined, for all commands below cmd.
func keepFlagOrder(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		sub.Flags().SortFlags = false
		keepFlagOrder(sub)
	}
}

// runRoot handles a command line that names no known command.
func runRoot(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		cmd.SetOut(cmd.ErrOrStderr())
		if err := cmd.Help(); err != nil {
			return err
		}
		return &usageError{errors.New("no command given")}
	}
	return unknownCommand(cmd, args[0])
}

// unknownCommand names the command that was probably meant.
func unknownCommand(root *cobra.Command, name string) error {
	var names []string
	for _, sub := range root.Commands() {
		names = append(names, sub.Name())
	}
	err := usagef("unknown command %q", name)
	if n := nearest(name, names); n != "" {
		return withHint(err, "did you mean '%s %s'?", root.CommandPath(), n)
	}
	return err
}

// newHelpCommand is cobra's help command, except that an unknown command is an error.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show help on a command",
		Args:  cobra.ArbitraryArgs,
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var found []cobra.Completion
			for _, sub := range cmd.Root().Commands() {
				if strings.HasPrefix(sub.Name(), typed) && sub.IsAvailableCommand() {
					found = append(found, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return found, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			found, _, err := root.Find(args)
			if err != nil || len(args) > 0 && found == root {
				return unknownCommand(root, args[0])
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}
