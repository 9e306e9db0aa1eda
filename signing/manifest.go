package signing

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// modelPredicate is the predicate of OpenSSF Model Signing v1.
const modelPredicate = "https://model_signing/signature/v1.0"

// onlyFile is the name of the file of a model that is a single one.
const onlyFile = "."

// manifest is what a bundle says of a model: the SHA-256 of each file by its path.
type manifest struct {
	// model is what the signer called the model: the name of its folder.
	model string
	// root is the SHA-256 of the digests of all files.
	root    string
	files   map[string]string
	ignored []string
}

// parseManifest reads the statement of a model signature.
func parseManifest(payload []byte) (*manifest, error) {
	s, err := parseStatement(payload, statementType)
	if err != nil {
		return nil, err
	}
	if s.predicateType != modelPredicate {
		return nil, refuse(Unsupported, "the bundle is not a model signature of version 1")
	}
	if len(s.subjects) != 1 {
		return nil, refuse(Malformed, "the signature is about %d models, not one", len(s.subjects))
	}
	m := &manifest{model: s.subjects[0].Name, root: s.subjects[0].Digest["sha256"], files: map[string]string{}}
	if err := m.readSerialization(s.predicate); err != nil {
		return nil, err
	}
	return m, m.readFiles(s.predicate)
}

// readSerialization checks how the model was made into files: one digest for each whole file.
func (m *manifest) readSerialization(predicate object) error {
	how, ok := predicate.object("serialization")
	if !ok || how == nil {
		return refuse(Malformed, "the signature does not say how files were read")
	}
	method, ok1 := how.text("method")
	hash, ok2 := how.text("hash_type")
	ignored, ok3 := how.texts("ignore_paths")
	switch {
	case !ok1 || !ok2 || !ok3:
		return refuse(Malformed, "the signature does not say how files were read")
	case method != "files":
		return refuse(Unsupported, "files were signed in parts (%q); sign whole files", shorten(method))
	case hash != "sha256":
		return refuse(Unsupported, "files were signed by their %q; sign their sha256", shorten(hash))
	}
	m.ignored = ignored
	return nil
}

// readFiles reads the files and compares the root digest with theirs.
func (m *manifest) readFiles(predicate object) error {
	resources, ok := predicate.objects("resources")
	if !ok {
		return refuse(Malformed, "the list of files cannot be read")
	}
	if len(resources) > MaxFiles {
		return refuse(TooLarge, "more than %d files are signed", MaxFiles)
	}
	all := sha256.New()
	for _, r := range resources {
		name, ok1 := r.text("name")
		algorithm, ok2 := r.text("algorithm")
		digest, ok3 := r.text("digest")
		raw, err := hex.DecodeString(digest)
		switch {
		case !ok1 || !ok2 || !ok3:
			return refuse(Malformed, "a file of the list cannot be read")
		case algorithm != "sha256":
			return refuse(Unsupported, "a file was signed by its %q; sign its sha256", shorten(algorithm))
		case err != nil || len(raw) != sha256.Size:
			return refuse(Malformed, "a file has no SHA-256")
		case !isPath(name) || m.files[name] != "":
			return refuse(Malformed, "%q is no path of a file, or is listed twice", shorten(name))
		}
		m.files[name] = hex.EncodeToString(raw)
		all.Write(raw)
	}
	if hex.EncodeToString(all.Sum(nil)) != strings.ToLower(m.root) {
		return refuse(Malformed, "the digest of the model is not that of its files")
	}
	return nil
}

// ignores reports whether the signer left a path out on purpose.
func (m *manifest) ignores(file string) bool {
	for _, p := range m.ignored {
		if p = strings.TrimSuffix(p, "/"); file == p || p != "" && strings.HasPrefix(file, p+"/") {
			return true
		}
	}
	return false
}

// isPath reports whether a text is the plain relative path of a file.
func isPath(s string) bool {
	if s == onlyFile {
		return true
	}
	return s != "" && len(s) <= 4096 && utf8.ValidString(s) && path.Clean(s) == s && !path.IsAbs(s) && s != ".." && !strings.HasPrefix(s, "../") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r == '\\' || unicode.IsControl(r) })
}

// shorten returns the beginning of a text, for a message.
func shorten(s string) string {
	if len(s) <= 100 {
		return s
	}
	return strings.ToValidUTF8(s[:100], "") + "…"
}
