package artifacts

import (
	"context"
	"encoding/json"
	"io"
	"path"
	"strings"

	"pedigree/blobs"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// Staged files are those that a client stores before there is a version: MLflow's client sends the
// files of a model first and registers it then. They belong to no model, so that who reads or
// writes them needs the right to write files of all models.

// maxStaged is the most files of a staged folder that one call reads.
const maxStaged = 10_000

// StageFile stores what body reads at a path of the staged files. It replaces what was there.
func (k *Keeper) StageFile(ctx context.Context, path string, body io.Reader) error {
	return k.stage(ctx, path, func(store *blobs.Store) (blobs.Object, error) {
		return store.Put(ctx, &limitedReader{r: body, left: k.core.FileBytes, limit: k.core.FileBytes}, nil)
	})
}

func (k *Keeper) stage(ctx context.Context, path string, put func(*blobs.Store) (blobs.Object, error)) error {
	if err := checkPath(&path); err != nil {
		return err
	}
	if err := k.core.Gate.Write(ctx, registry.ArtifactWrite, func(_ context.Context, tx *policies.Tx) error { return checkStager(tx) }); err != nil {
		return err
	}
	store, err := k.blobs()
	if err != nil {
		return err
	}
	o, err := put(store)
	if err != nil {
		return blobError(err)
	}
	says := packagingOf(ctx, store, path, o)
	err = k.core.Gate.Write(ctx, registry.ArtifactWrite, func(ctx context.Context, tx *policies.Tx) error { return recordStaged(ctx, tx, path, o, says) })
	if err != nil {
		return err
	}
	if _, err := store.Stat(ctx, o.Digest); err != nil { // A sweep took it; what was recorded can be sent again.
		return blobError(err)
	}
	return nil
}

// checkStager returns FORBIDDEN for who may not write files of all models.
func checkStager(tx *policies.Tx) error {
	if !tx.MayOn(registry.ArtifactWrite, policies.Target{}) {
		return registry.Errorf(registry.Forbidden, "files that belong to no version yet need the action %s in all models", registry.ArtifactWrite)
	}
	return nil
}

// recordStaged writes the record of a staged file and of the folders above it that are new.
func recordStaged(ctx context.Context, tx *policies.Tx, file string, o blobs.Object, says *registry.PackagingFile) error {
	if err := checkStager(tx); err != nil {
		return err
	}
	folders := foldersOf(file)
	ids := []registry.ID{registry.StagedFileID(file)}
	for _, f := range folders {
		ids = append(ids, registry.StagedFileID(f))
	}
	found, err := tx.NodesUnfiltered(ctx, ids...)
	if err != nil {
		return err
	}
	if old := found[0]; old != nil && !old.Deleted {
		if s := stagedOf(old); s.Folder {
			return registry.Errorf(registry.Conflict, "%s is a folder", file)
		} else if s.Digest == o.Digest {
			return nil
		}
	}
	var nodes []*graph.Node
	for i, f := range folders {
		if old := found[i+1]; old != nil && !old.Deleted {
			if !stagedOf(old).Folder {
				return registry.Errorf(registry.Conflict, "%s is a file, so that nothing can lie below it", f)
			}
			continue
		}
		n, err := stagedNode(ctx, tx, registry.StagedFile{Path: f, Folder: true})
		if err != nil {
			return err
		}
		nodes = append(nodes, n)
	}
	n, err := stagedNode(ctx, tx, registry.StagedFile{Path: file, Digest: o.Digest, SizeBytes: o.Size, By: tx.Subject(), Packaging: says})
	if err != nil {
		return err
	}
	if err := tx.Put(ctx, append(nodes, n)...); err != nil {
		return err
	}
	return tx.Log(ctx, registry.LogEntry{Action: registry.LogFileStored, Objects: []registry.ID{n.ID}, Detail: core.LogDetail("path", file, "digest", o.Digest, "sizeBytes", o.Size)})
}

// stagedNode encodes a staged file or folder. The first folder of a logged model gets its slot.
func stagedNode(ctx context.Context, tx *policies.Tx, s registry.StagedFile) (*graph.Node, error) {
	doc, err := registry.Canonical(s)
	if err != nil {
		return nil, err
	}
	n := &graph.Node{ID: registry.StagedFileID(s.Path), Kind: registry.KindStagedFile, Name: path.Base(s.Path), ValidFrom: tx.Now(), Since: tx.Now(), Doc: doc,
		Columns: map[registry.Index]any{registry.IndexNamespace: s.Digest}}
	if above := path.Dir(s.Path); above != "." {
		n.Parent = registry.StagedFileID(above)
	}
	if slot := registry.LoggedModelSlot(n.Name); s.Folder && slot != "" {
		holder, err := tx.SlotHolder(ctx, slot)
		if err != nil {
			return nil, err
		}
		if holder == nil {
			n.Slots = []string{slot}
		}
	}
	return n, nil
}

func stagedOf(n *graph.Node) (s registry.StagedFile) {
	_ = json.Unmarshal(n.Doc, &s) // Only this package writes it.
	return s
}

// ListedFile is an entry of a folder.
type ListedFile struct {
	// Path is the path below the folder.
	Path   string
	Folder bool
	Size   int64
}

// ListStaged lists a folder of the staged files, one level deep. One that is not there has none.
func (k *Keeper) ListStaged(ctx context.Context, folder string) (out []ListedFile, err error) {
	err = k.readStaged(ctx, folder, func(ctx context.Context, tx *policies.Tx) error {
		out = nil
		nodes, err := tx.ChildrenUnfiltered(ctx, registry.KindStagedFile, registry.IndexName, registry.StagedFileID(folder))
		for _, n := range nodes {
			if !n.Deleted {
				s := stagedOf(n)
				out = append(out, ListedFile{n.Name, s.Folder, s.SizeBytes})
			}
		}
		return err
	})
	return out, err
}

// readStaged reads staged files in a transaction that writes nothing: their rights are those of
// writers.
func (k *Keeper) readStaged(ctx context.Context, path string, read func(context.Context, *policies.Tx) error) error {
	if err := checkPath(&path); err != nil {
		return err
	}
	return k.core.Gate.Write(ctx, registry.ArtifactWrite, func(ctx context.Context, tx *policies.Tx) error {
		if err := checkStager(tx); err != nil {
			return err
		}
		return read(ctx, tx)
	})
}

// OpenStaged opens a staged file by its path.
func (k *Keeper) OpenStaged(ctx context.Context, path string) (*File, error) {
	var s registry.StagedFile
	err := k.readStaged(ctx, path, func(ctx context.Context, tx *policies.Tx) error {
		found, err := tx.NodesUnfiltered(ctx, registry.StagedFileID(path))
		if err != nil {
			return err
		}
		if found[0] == nil || found[0].Deleted || stagedOf(found[0]).Folder {
			return noFile(path)
		}
		s = stagedOf(found[0])
		return nil
	})
	if err != nil {
		return nil, err
	}
	store, err := k.blobs()
	if err != nil {
		return nil, err
	}
	r, err := store.Open(ctx, s.Digest, s.SizeBytes)
	if err != nil {
		return nil, blobError(err)
	}
	return &File{r, &registry.Artifact{Name: path, Digest: s.Digest}}, nil
}

// DeleteStaged removes a staged file, or a folder with all that lies in it. What versions have of
// it stays theirs.
func (k *Keeper) DeleteStaged(ctx context.Context, path string) error {
	return k.readStaged(ctx, path, func(ctx context.Context, tx *policies.Tx) error {
		found, err := tx.NodesUnfiltered(ctx, registry.StagedFileID(path))
		if err != nil {
			return err
		}
		if found[0] == nil || found[0].Deleted {
			return nil
		}
		nodes := found
		if stagedOf(found[0]).Folder {
			below, err := stagedBelow(ctx, tx, found[0].ID)
			if err != nil {
				return err
			}
			nodes = append(nodes, below...)
		}
		for _, n := range nodes {
			if err := catalog.RemoveArtifact(ctx, tx, n); err != nil {
				return err
			}
		}
		return tx.Log(ctx, registry.LogEntry{Action: registry.LogFileRemoved, Objects: []registry.ID{found[0].ID}, Detail: core.LogDetail("path", path, "files", len(nodes))})
	})
}

// stagedBelow returns all files and folders below a folder.
func stagedBelow(ctx context.Context, tx *policies.Tx, folder registry.ID) (out []*graph.Node, err error) {
	for folders := []registry.ID{folder}; len(folders) > 0; {
		nodes, err := tx.ChildrenUnfiltered(ctx, registry.KindStagedFile, registry.IndexName, folders...)
		if err != nil {
			return nil, err
		}
		folders = nil
		for _, n := range nodes {
			if n.Deleted {
				continue
			}
			if out = append(out, n); stagedOf(n).Folder {
				folders = append(folders, n.ID)
			}
		}
		if len(out) > maxStaged {
			return nil, registry.Errorf(registry.ResourceExhausted, "the folder has more than %d files", maxStaged)
		}
	}
	return out, nil
}

// RegisterVersionFrom registers a version, as RegisterModelVersion does. When its source is a
// logged model or a folder of the staged files, the version gets these files in the same
// transaction. A caller who may not read staged files gets a version without them.
func (k *Keeper) RegisterVersionFrom(ctx context.Context, in catalog.RegisterModelVersionInput, source string) (*catalog.RegisterModelVersionPayload, error) {
	return catalog.New(k.core).RegisterModelVersionWith(ctx, in, func(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion) error {
		return adopt(ctx, tx, v, source)
	})
}

// adopt records the staged files of a source as files of a version.
func adopt(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, source string) error {
	root, err := stagedRoot(ctx, tx, source)
	if err != nil || root == nil {
		return err
	}
	if !tx.MayOn(registry.ArtifactWrite, policies.Target{}) || !tx.MayOn(registry.ArtifactWrite, policies.Target{Model: v.Parent}) {
		return nil
	}
	above := stagedOf(root).Path + "/"
	nodes, err := stagedBelow(ctx, tx, root.ID)
	if err != nil {
		return err
	}
	var says []registry.PackagingFile
	for _, n := range nodes {
		s := stagedOf(n)
		if s.Folder {
			continue
		}
		file := strings.TrimPrefix(s.Path, above)
		created, err := recordFile(ctx, tx, v, file, blobs.Object{Digest: s.Digest, Size: s.SizeBytes})
		if err != nil {
			return err
		}
		if created && s.Packaging != nil {
			s.Packaging.Path = file
			says = append(says, *s.Packaging)
		}
	}
	return addPackaging(ctx, tx, v.ID, says...)
}

// The beginnings of sources that name staged files: MLflow's name of a logged model, and its two
// names of a path on an artifact server.
const (
	loggedPrefix = "models:/"
	proxyScheme  = "mlflow-artifacts:"
	proxyPath    = "/mlflow-artifacts/artifacts/"
)

// stagedRoot returns the folder of the staged files that a source names, nil when it names none.
// Of a URI on an artifact server only the path counts: the server may be known by many names, and
// a path of another server names nothing here.
func stagedRoot(ctx context.Context, tx *policies.Tx, source string) (*graph.Node, error) {
	if name, ok := strings.CutPrefix(source, loggedPrefix); ok {
		slot := registry.LoggedModelSlot(name)
		if slot == "" {
			return nil, nil
		}
		holder, err := tx.SlotHolder(ctx, slot)
		if err != nil || holder == nil {
			return nil, err
		}
		return stagedFolder(ctx, tx, stagedOf(holder).Path+"/artifacts")
	}
	if rest, ok := strings.CutPrefix(source, proxyScheme); ok {
		if host, ok := strings.CutPrefix(rest, "//"); ok {
			_, rest, _ = strings.Cut(host, "/")
		}
		return stagedFolder(ctx, tx, strings.Trim(rest, "/"))
	}
	if _, rest, ok := strings.Cut(source, proxyPath); ok && strings.HasPrefix(source, "http") {
		return stagedFolder(ctx, tx, strings.Trim(rest, "/"))
	}
	return nil, nil
}

func stagedFolder(ctx context.Context, tx *policies.Tx, folder string) (*graph.Node, error) {
	if checkPath(&folder) != nil {
		return nil, nil
	}
	found, err := tx.NodesUnfiltered(ctx, registry.StagedFileID(folder))
	if err != nil || found[0] == nil || found[0].Deleted || !stagedOf(found[0]).Folder {
		return nil, err
	}
	return found[0], nil
}
