// Package source reads the documents that importers are given: a file, a folder or a URL. It also
// names the data behind URIs, and finds the versions that documents speak of.
package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"go.yaml.in/yaml/v3"

	"pedigree/connect/git"
	"pedigree/registry"
)

// The limits of what is read.
const (
	// MaxDocument is the most bytes of a document.
	MaxDocument = 64 << 20
	// MaxFiles is the most documents of a folder.
	MaxFiles = 20_000
)

// Document is a file that an importer reads. Name is its path below the folder, or its name.
type Document struct {
	Name string
	Body []byte
}

// Documents are the documents of a file or a folder. Root is the name of the folder, "" for a file.
type Documents struct {
	Root  string
	Files []Document
}

// IsURL reports whether a source is a URL rather than a path.
func IsURL(from string) bool {
	lower := strings.ToLower(from)
	return strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://")
}

// Read reads a file, or the files of a folder whose names take accepts, by name. A link in a folder
// is not followed. What cannot be read is a problem of the report.
func Read(from string, take func(name string) bool, report *git.Report) (*Documents, error) {
	info, err := os.Stat(from)
	if err != nil {
		return nil, registry.Errorf(registry.NotFound, "there is nothing to read at %s", registry.Shorten(registry.WithoutCredentials(from), 200))
	}
	if !info.IsDir() {
		body, err := readLimited(os.Open(from))
		if err != nil {
			return nil, registry.Errorf(registry.InvalidArgument, "%s: %s", registry.Shorten(from, 200), err)
		}
		return &Documents{Files: []Document{{filepath.Base(from), body}}}, nil
	}
	absolute, err := filepath.Abs(from)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(from)
	if err != nil {
		return nil, registry.Errorf(registry.InvalidArgument, "the folder %s cannot be opened", registry.Shorten(from, 200))
	}
	defer root.Close()
	out := &Documents{Root: filepath.Base(absolute)}
	return out, out.readFolder(root, take, report)
}

func (d *Documents) readFolder(root *os.Root, take func(string) bool, report *git.Report) error {
	var names []string
	err := fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			report.AddProblem(git.NotRead, registry.Shorten(name, 200), "the folder cannot be read")
		case entry.Type().IsRegular() && take(name):
			names = append(names, name)
		}
		if len(names) > MaxFiles {
			return registry.Errorf(registry.ResourceExhausted, "the folder has more than %d documents; import its folders one by one", MaxFiles)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		body, err := readLimited(root.Open(filepath.FromSlash(name)))
		if err != nil {
			report.AddProblem(git.NotRead, registry.Shorten(name, 200), "%s", err)
			continue
		}
		d.Files = append(d.Files, Document{name, body})
	}
	return nil
}

// readLimited reads a file up to the limit of a document. Its error names no path.
func readLimited(f *os.File, err error) ([]byte, error) {
	if err != nil {
		return nil, errors.New("the file cannot be opened")
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, MaxDocument+1))
	switch {
	case err != nil:
		return nil, errors.New("the file cannot be read")
	case len(body) > MaxDocument:
		return nil, fmt.Errorf("the file is longer than %d bytes", MaxDocument)
	}
	return body, nil
}

// HasExtension returns a function that takes names with one of the extensions.
func HasExtension(extensions ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(extensions, strings.ToLower(path.Ext(name))) }
}

// Parse returns the values of a document: those of one JSON text, or of each document of a YAML
// text. An error says where the text is wrong.
func Parse(d Document) (values []any, err error) {
	body := bytes.TrimPrefix(d.Body, []byte("\xef\xbb\xbf"))
	if first := bytes.TrimSpace(body); len(first) > 0 && first[0] == '{' && json.Valid(first) {
		var v any
		if err := json.Unmarshal(first, &v); err != nil {
			return nil, invalid(d.Name, err.Error())
		}
		return []any{v}, nil
	}
	defer func() { // The parser of YAML panics on some texts that are none.
		if r := recover(); r != nil {
			values, err = nil, invalid(d.Name, "is no YAML")
		}
	}()
	for decoder := yaml.NewDecoder(bytes.NewReader(body)); ; {
		var v any
		switch err := decoder.Decode(&v); {
		case errors.Is(err, io.EOF):
			return values, nil
		case err != nil:
			return nil, invalid(d.Name, strings.Join(strings.Fields(err.Error()), " "))
		}
		if v != nil {
			values = append(values, v)
		}
	}
}

// Decode writes a value of Parse into a struct with JSON names. An error names the field that has
// another type, and never its value. Unknown fields are passed over.
func Decode(name string, value, into any) error {
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{Result: into, TagName: "json"})
	if err != nil {
		return err
	}
	if err := decoder.Decode(value); err != nil {
		var field *mapstructure.DecodeError
		if errors.As(err, &field) && field.Name() != "" {
			return invalid(name, "the field "+registry.Shorten(field.Name(), 200)+" has another type than it should")
		}
		return invalid(name, "it does not have the form that it should")
	}
	return nil
}

func invalid(name, what string) error {
	return registry.Errorf(registry.InvalidArgument, "%s: %s", registry.Shorten(name, 200), registry.Shorten(what, 300))
}

// HuggingFace is the namespace of the data and models of Hugging Face.
const HuggingFace = "https://huggingface.co"

// ReadOne reads one file or URL.
func ReadOne(ctx context.Context, from, token string) (Document, error) {
	if IsURL(from) {
		f, err := NewFetcher(from, token)
		if err != nil {
			return Document{}, err
		}
		return f.Fetch(ctx, f.URL())
	}
	docs, err := Read(from, func(string) bool { return false }, &git.Report{})
	switch {
	case err != nil:
		return Document{}, err
	case docs.Root != "":
		return Document{}, registry.Errorf(registry.InvalidArgument, "%s is a folder; name a file", registry.Shorten(from, 200))
	}
	return docs.Files[0], nil
}
