package registry

import "regexp"

// StagedFile is a file, or a folder, that a client of MLflow has stored before there is a version
// that it belongs to. No API lists it as a noun: the files are found by their paths.
type StagedFile struct {
	Path   string `json:"path"`
	Folder bool   `json:"folder,omitempty"`
	// Digest and SizeBytes are those of a file.
	Digest    string `json:"digest,omitempty"`
	SizeBytes int64  `json:"sizeBytes,omitempty"`
	By        string `json:"by,omitempty"`
	// Packaging is what the file says of how a model is run, nil for other files.
	Packaging *PackagingFile `json:"packaging,omitempty"`
}

// StagedFileID is the id of a staged file or folder by its path.
func StagedFileID(path string) ID { return NewID(KindStagedFile, path) }

// loggedModel is the form of the folder that MLflow's clients make for a model that they log.
var loggedModel = regexp.MustCompile(`^m-[0-9a-f]{32}$`)

// LoggedModelSlot is the unique key of the folder of a logged model by its name; "" for any other
// folder.
func LoggedModelSlot(name string) string {
	if !loggedModel.MatchString(name) {
		return ""
	}
	return "logged-model/" + name
}
