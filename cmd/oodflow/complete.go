package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/oodflow/oodflow/internal/imageset"
)

// completePreprocess offers the presets, and JSON files by the shell's own completion.
func completePreprocess(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	presets := append(imageset.Presets(), "torchvision:")
	if strings.HasPrefix(typed, "torchvision:") {
		presets = imageset.TorchvisionPresets()
	}
	for _, p := range presets {
		if typed != "" && strings.HasPrefix(p, typed) || typed == "" {
			found = append(found, p)
		}
	}
	if len(found) > 0 {
		return found, cobra.ShellCompDirectiveDefault
	}
	return []cobra.Completion{"json"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeSource offers the prefixes of SOURCE beside files and folders.
func completeSource(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var found []cobra.Completion
	for _, p := range imageset.Prefixes() {
		if typed != "" && strings.HasPrefix(p, typed) {
			found = append(found, p)
		}
	}
	if len(found) > 0 {
		return found, cobra.ShellCompDirectiveNoSpace
	}
	return nil, cobra.ShellCompDirectiveDefault
}

// completeFolders offers folders.
func completeFolders(_ *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// completeList completes the last word of a comma-separated list.
func completeList(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndex(typed, ",")+1]
		var found []cobra.Completion
		for _, w := range words {
			found = append(found, before+w)
		}
		return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// completeArgument completes a command's argument to files with these extensions.
func completeArgument(extensions ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

// completeArguments completes all arguments of a command to files with these extensions.
func completeArguments(extensions ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(extensions, cobra.ShellCompDirectiveFilterFileExt)
}

// noFiles keeps the shell from offering files for flags that take numbers and names.
func noFiles(cmd *cobra.Command, flags ...string) {
	for _, f := range flags {
		complete(cmd, f, cobra.NoFileCompletions)
	}
}
