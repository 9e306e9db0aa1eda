// Package packaging reads the files that say how a model is run: MLmodel, requirements.txt, conda.yaml
// and python_env.yaml. They come from anybody, so that every bound is kept here: a file is parsed and
// never loaded, and one that is broken says so in its note.
package packaging

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pedigree/registry"
)

// MaxBytes is the largest file that is read.
const MaxBytes = 1 << 20

// The bounds of what is kept of a file.
const (
	maxRequirements = 500
	maxFields       = 500
	maxFlavors      = 20
	maxText         = 300
)

// formats are the files by their names.
var formats = map[string]registry.PackagingFormat{"MLmodel": registry.PackagingMLmodel, "requirements.txt": registry.PackagingRequirements,
	"conda.yaml": registry.PackagingConda, "python_env.yaml": registry.PackagingPythonEnv}

// FormatOf returns the format of a file by its path, "" for a file that says nothing of this.
func FormatOf(file string) registry.PackagingFormat { return formats[path.Base(file)] }

// TooLarge is what is known of a file that is not read for its size.
func TooLarge(file, digest string) *registry.PackagingFile {
	return &registry.PackagingFile{Path: file, Format: FormatOf(file), Digest: digest, Note: fmt.Sprintf("the file is larger than %d bytes and was not read", MaxBytes)}
}

// Read reads a file. It never fails: the note says what could not be read.
func Read(file, digest string, content []byte) (out *registry.PackagingFile) {
	out = &registry.PackagingFile{Path: file, Format: FormatOf(file), Digest: digest}
	r := &reader{file: out}
	if len(content) > MaxBytes {
		return TooLarge(file, digest)
	}
	if !utf8.Valid(content) {
		r.note("the file is not UTF-8")
		return out
	}
	defer func() {
		if v := recover(); v != nil { // A parser that trips over a file must not end an upload.
			*out = registry.PackagingFile{Path: file, Format: out.Format, Digest: digest, Note: "the file could not be read"}
		}
	}()
	switch out.Format {
	case registry.PackagingMLmodel:
		r.mlmodel(content)
	case registry.PackagingRequirements:
		for line := range strings.Lines(string(content)) {
			r.require(line)
		}
	case registry.PackagingConda:
		r.conda(content)
	case registry.PackagingPythonEnv:
		r.pythonEnv(content)
	}
	return out
}

// reader fills in what a file says, within the bounds.
type reader struct{ file *registry.PackagingFile }

// note notes what could not be read; the first note stands.
func (r *reader) note(text string) {
	if r.file.Note == "" {
		r.file.Note = text
	}
}

// require notes a requirement: a line of pip's list, without its comment.
func (r *reader) require(line string) {
	line, _, _ = strings.Cut(line, " #")
	if line = clean(line); line == "" || strings.HasPrefix(line, "#") || slices.Contains(r.file.Requirements, line) {
		return
	}
	if len(r.file.Requirements) == maxRequirements {
		r.note(fmt.Sprintf("only the first %d requirements are kept", maxRequirements))
		return
	}
	r.file.Requirements = append(r.file.Requirements, withoutSecret(line))
}

// withoutSecret takes user and password out of a URL: lists of pip's may have an index with both.
func withoutSecret(line string) string {
	before, rest, ok := strings.Cut(line, "://")
	if !ok {
		return line
	}
	host, after, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = "***" + host[i:]
	}
	if after != "" || strings.HasSuffix(rest, "/") {
		host += "/" + after
	}
	return before + "://" + host
}

// clean cuts a text, and takes out what is not to be seen.
func clean(s string) string {
	s = strings.TrimSpace(strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case unicode.IsControl(c), unicode.In(c, unicode.Cf):
			return -1
		}
		return c
	}, s))
	return registry.Shorten(s, maxText)
}
