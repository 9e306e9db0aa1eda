package artifacts

import (
	"strings"

	"pedigree/registry"
	"pedigree/service/core"
)

// maxName is the longest name of a file or folder in bytes, that of common file systems.
const maxName = 255

// checkPath normalizes the path of a file in a version to NFC and checks it: names between
// slashes, that each client can make below a folder of its own and nowhere else.
func checkPath(path *string) error {
	core.ToNFC(path)
	if err := core.FirstError(registry.CheckKey("path", *path), core.CheckLabel("uri", *path)); err != nil {
		return asPath(err)
	}
	if strings.ContainsAny(*path, `\:`) {
		return registry.Invalid("path", `must not contain \ or :`)
	}
	for name := range strings.SplitSeq(*path, "/") {
		switch {
		case name == "" || name == "." || name == "..":
			return registry.Invalid("path", "must be names with a slash between them, such as model/MLmodel")
		case len(name) > maxName:
			return registry.Invalid("path", "has a name of more than %d bytes", maxName)
		}
	}
	return nil
}

// asPath gives an error of a check the name of the field.
func asPath(err error) error {
	if e, ok := err.(*registry.Error); ok && e.Field == "uri" {
		return registry.Invalid("path", "%s", strings.TrimPrefix(strings.TrimPrefix(e.Message, "uri"), " "))
	}
	return err
}

// foldersOf returns the folders above a file, the outermost first.
func foldersOf(path string) (out []string) {
	for i, r := range path {
		if r == '/' {
			out = append(out, path[:i])
		}
	}
	return out
}
