package dvc

import (
	"cmp"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// folderDigest returns the digest of a folder whose files are listed. When each file has
// its MD5, it is the digest that DVC gives the folder itself, so that the same folder has one
// identity however it is written. Otherwise it is a hash of what the storage calls the
// files' versions. It is "" when a file has neither.
func folderDigest(algorithm string, files []folderFile) string {
	if len(files) == 0 {
		return ""
	}
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b folderFile) int { return cmp.Compare(a.Relpath, b.Relpath) })
	if !slices.ContainsFunc(files, func(f folderFile) bool { return f.MD5 == "" }) {
		return algorithm + ":" + dirObjectMD5(files) + ".dir"
	}
	hash := sha256.New()
	for i := range files {
		id := cmp.Or(files[i].version(), files[i].MD5)
		if id == "" {
			return ""
		}
		fmt.Fprintf(hash, "%d %s %d %s\n", len(files[i].Relpath), files[i].Relpath, len(id), id)
	}
	return "files-sha256:" + hex.EncodeToString(hash.Sum(nil))
}

// dirObjectMD5 returns the MD5 of the object that DVC stores for a folder: a JSON list of
// the files in the form of Python's json.dumps.
func dirObjectMD5(files []folderFile) string {
	var b strings.Builder
	for i, f := range files {
		b.WriteString(map[bool]string{true: "[", false: ", "}[i == 0])
		b.WriteString(`{"md5": ` + pythonJSON(strings.ToLower(f.MD5)) + `, "relpath": ` + pythonJSON(f.Relpath) + "}")
	}
	sum := md5.Sum([]byte(b.String() + "]"))
	return hex.EncodeToString(sum[:])
}

// pythonJSON returns a text as Python's json.dumps does: in ASCII.
func pythonJSON(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch escaped := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}[r]; {
		case escaped != "":
			b.WriteString(escaped)
		case r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
