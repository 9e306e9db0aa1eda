package service_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pedigree/blobs"
	"pedigree/graph"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/artifacts"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// fileKit is a kit whose service keeps files of at most 1,000 bytes in a folder.
type fileKit struct {
	*kit
	folder string
}

func newFileKit(t *testing.T) *fileKit {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	return fileKitOn(t, store)
}

// fileKitOn is newFileKit on a store.
func fileKitOn(t *testing.T, store graph.Store) *fileKit {
	t.Helper()
	k := &fileKit{kitOn(t, store), filepath.Join(t.TempDir(), "artifacts")}
	files, err := blobs.New("file://" + k.folder)
	if err != nil {
		t.Fatal(err)
	}
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), store, table, func() time.Time { return k.now })
	if err != nil {
		t.Fatal(err)
	}
	k.Service = service.New(gate, service.WithBlobs(files, 1000))
	return k
}

func (k *fileKit) upload(version, path, content string) (*artifacts.FilePayload, error) {
	model := "m"
	return k.UploadFile(k.as("ann", registry.RoleDataScientist), artifacts.UploadFileInput{Model: &model, Version: &version, Path: path}, strings.NewReader(content))
}

// stored returns how many files lie in the folder, finished or not.
func (k *fileKit) stored() (n int) {
	_ = filepath.WalkDir(k.folder, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return nil
	})
	return n
}

func TestAFileOfAVersion(t *testing.T) {
	k := newFileKit(t)
	k.model("m")
	k.version("m", "1.0.0")
	k.version("m", "2.0.0")
	first := must[*artifacts.FilePayload](k.kit)(k.upload("1.0.0", "model/weights.bin", "weights"))
	if !first.Created || !first.Artifact.Stored || *first.Artifact.SizeBytes != 7 || first.Artifact.URI != "blob:"+first.Artifact.Digest || first.Artifact.DownloadPath() == nil {
		t.Errorf("%+v", first.Artifact)
	}
	head := k.head()
	if again := must[*artifacts.FilePayload](k.kit)(k.upload("1.0.0", "model/weights.bin", "weights")); again.Created || k.head() != head {
		t.Error("the same file again is new")
	}
	must[*artifacts.FilePayload](k.kit)(k.upload("2.0.0", "copy", "weights"))
	if k.stored() != 1 {
		t.Errorf("%d files lie there, not one", k.stored())
	}
	for path, content := range map[string]string{"model/weights.bin": "others", "model": "x", "model/weights.bin/below": "x"} {
		_, err := k.upload("1.0.0", path, content)
		k.wantCode(registry.Conflict, err)
	}
	f := must[*artifacts.File](k.kit)(k.OpenFile(k.as("ann", registry.RoleDataScientist), first.Artifact.ID))
	if b, err := io.ReadAll(f); string(b) != "weights" || err != nil {
		t.Error(string(b), err)
	}
	f.Close()
	last := must[*access.LogEntryConnection](k.kit)(k.AuditLog(k.admin, core.Paging{First: ptr(2)}, nil)).Edges[1].Node
	if last.Action != registry.LogFileStored || last.Actor != "ann" || !strings.Contains(string(last.Detail), first.Artifact.Digest) {
		t.Errorf("%+v", last)
	}
}

// TestPathsThatLeaveTheVersionAreRefused sends the paths that other registries have followed.
func TestPathsThatLeaveTheVersionAreRefused(t *testing.T) {
	k := newFileKit(t)
	k.model("m")
	k.version("m", "1.0.0")
	for _, path := range []string{"", ".", "..", "/etc/passwd", "a/../b", "../a", "a/..", "a//b", "a/", "./a", `a\b`, `..\a`, "a\x00b", "a\nb", "%2e%2e/a", "%252e%252e/a", "a/%2e%2e", "C:/a",
		"a\u2028b", "\xff", strings.Repeat("x", 300), strings.Repeat("x/", 600) + "x"} {
		_, err := k.upload("1.0.0", path, "x")
		k.wantCode(registry.InvalidArgument, err)
	}
	for _, path := range []string{"a", "a b/c", ".hidden/..x", "ünï/код", "x%20y", "a+b=c@d"} {
		must[*artifacts.FilePayload](k.kit)(k.upload("1.0.0", path, "x"))
	}
}

func TestAnUploadThatFailsLeavesNothing(t *testing.T) {
	k := newFileKit(t)
	k.model("m")
	k.version("m", "1.0.0")
	head := k.head()
	_, err := k.upload("1.0.0", "big", strings.Repeat("x", 1001))
	k.wantCode(registry.ResourceExhausted, err)
	model, version, ann := "m", "1.0.0", k.as("ann", registry.RoleDataScientist)
	in := artifacts.UploadFileInput{Model: &model, Version: &version, Path: "f"}
	_, err = k.UploadFile(ann, in, iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("half"))))
	if !errors.Is(err, iotest.ErrTimeout) {
		t.Error(err)
	}
	in.Digest = "sha256:" + strings.Repeat("0", 64)
	_, err = k.UploadFile(ann, in, strings.NewReader("other"))
	k.wantCode(registry.InvalidArgument, err)
	in.Digest = "md5:" + strings.Repeat("0", 32)
	_, err = k.UploadFile(ann, in, strings.NewReader("other"))
	k.wantCode(registry.InvalidArgument, err)
	if k.stored() != 0 || k.head() != head {
		t.Errorf("%d files, %d log entries more", k.stored(), k.head()-head)
	}
	must[*artifacts.FilePayload](k.kit)(k.upload("1.0.0", "f", strings.Repeat("x", 1000)))
}

// TestFilesFollowTheSightOfTheirVersion checks who may read and write, and that a body is not
// read from who may not.
func TestFilesFollowTheSightOfTheirVersion(t *testing.T) {
	k := newFileKit(t)
	k.model("m")
	k.version("m", "1.0.0")
	file := must[*artifacts.FilePayload](k.kit)(k.upload("1.0.0", "f", "content")).Artifact
	open := func(subject string, grants ...registry.Grant) error {
		f, err := k.OpenFile(k.with(subject, grants...), file.ID)
		if err == nil {
			f.Close()
		}
		return err
	}
	developer := registry.Grant{Role: registry.RoleDeveloper, Scope: registry.ScopeAll}
	k.wantCode(registry.NotFound, open("dev", developer))
	k.wantCode(registry.Forbidden, open("vic", registry.Grant{Role: registry.RoleViewer, Scope: registry.ScopeAll}))
	k.wantCode(registry.NotFound, open("other", registry.Grant{Role: registry.RoleDataScientist, Scope: "model:other"}))
	k.wantCode("", open("own", registry.Grant{Role: registry.RoleDataScientist, Scope: "model:m"}))
	k.move("m", "1.0.0", registry.Staging, registry.Production)
	k.wantCode("", open("dev", developer))
	k.wantCode(registry.Forbidden, open("vic", registry.Grant{Role: registry.RoleViewer, Scope: registry.ScopeAll}))

	k.version("m", "2.0.0")
	model, version := "m", "2.0.0"
	for subject, grant := range map[string]registry.Grant{"dev": developer, "other": {Role: registry.RoleDataScientist, Scope: "model:other"}} {
		_, err := k.UploadFile(k.with(subject, grant), artifacts.UploadFileInput{Model: &model, Version: &version, Path: "f"}, iotest.ErrReader(errors.New("the body was read")))
		if code := registry.CodeOf(err); code != registry.Forbidden && code != registry.NotFound {
			t.Errorf("%s: %v", subject, err)
		}
	}
}

// TestARecordGivesNoBytes registers a reference with the digest of a file that its caller does not
// see. It is no stored file.
func TestARecordGivesNoBytes(t *testing.T) {
	k := newFileKit(t)
	k.model("m")
	k.model("mine")
	k.version("m", "1.0.0")
	secret := must[*artifacts.FilePayload](k.kit)(k.upload("1.0.0", "f", "secret")).Artifact
	version := "1.0.0"
	mine := k.with("eve", registry.Grant{Role: registry.RoleDataScientist, Scope: "model:mine"})
	v := must[*catalog.RegisterModelVersionPayload](k.kit)(k.RegisterModelVersion(mine, catalog.RegisterModelVersionInput{Model: "mine", Version: &version,
		Artifacts: []catalog.ArtifactInput{{Name: "f", URI: secret.URI, Digest: secret.Digest, SizeBytes: secret.SizeBytes}}})).ModelVersion
	_, err := k.OpenFile(mine, registry.ArtifactID(v.ID, "f"))
	k.wantCode(registry.NotFound, err)
	_, err = k.OpenFile(mine, secret.ID)
	k.wantCode(registry.NotFound, err)
}

// TestFilesAtWorkStay moves a version on. Where it is or was at work, its files stay; an upload
// before makes what approvers are asked for void.
func TestFilesAtWorkStay(t *testing.T) {
	k := newFileKit(t)
	k.model("m")
	k.version("m", "1.0.0")
	k.move("m", "1.0.0", registry.Staging)
	must[*artifacts.FilePayload](k.kit)(k.upload("1.0.0", "f", "content"))
	k.move("m", "1.0.0", registry.Production)
	model, version, ann := "m", "1.0.0", k.as("ann", registry.RoleDataScientist)
	_, err := k.upload("1.0.0", "g", "content")
	k.wantCode(registry.FailedPrecondition, err)
	_, err = k.DeleteArtifact(ann, artifacts.DeleteArtifactInput{Model: &model, Version: &version, Path: "f"})
	k.wantCode(registry.FailedPrecondition, err)
}

// TestTheSweepTakesWhatNoVersionNames removes one of two files, and a version with another.
func TestTheSweepTakesWhatNoVersionNames(t *testing.T) {
	sweepTakesWhatNoVersionNames(t, newFileKit(t))
}

// TestFilesOnNeo4j stages, adopts and sweeps files with the records in Neo4j, which rehearses
// updates: a sweep must not decide in a rehearsal.
func TestFilesOnNeo4j(t *testing.T) {
	for name, test := range map[string]func(*testing.T, *fileKit){"sweep": sweepTakesWhatNoVersionNames, "staged": stagedFilesBecomeThoseOfAVersion} {
		t.Run(name, func(t *testing.T) {
			store, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
			if err != nil {
				t.Fatal(err)
			}
			test(t, fileKitOn(t, store))
		})
	}
}

func sweepTakesWhatNoVersionNames(t *testing.T, k *fileKit) {
	k.model("m")
	k.version("m", "1.0.0")
	k.version("m", "2.0.0")
	for path, content := range map[string]string{"stays": "one", "goes": "two"} {
		must[*artifacts.FilePayload](k.kit)(k.upload("1.0.0", path, content))
	}
	must[*artifacts.FilePayload](k.kit)(k.upload("2.0.0", "goes too", "three"))
	must[*artifacts.FilePayload](k.kit)(k.upload("2.0.0", "shared", "one"))
	if err := os.WriteFile(filepath.Join(k.folder, "tmp", "broken"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	model, one, two := "m", "1.0.0", "2.0.0"
	must[*core.DeletePayload](k.kit)(k.DeleteArtifact(k.as("ann", registry.RoleDataScientist), artifacts.DeleteArtifactInput{Model: &model, Version: &one, Path: "goes"}))
	must[*core.DeletePayload](k.kit)(k.DeleteModelVersion(k.admin, catalog.DeleteModelVersionInput{Model: &model, Version: &two}))
	_, err := k.upload("1.0.0", "goes", "again")
	if k.wantCode(registry.Conflict, err); !strings.Contains(fmt.Sprint(err), "was removed from this version") {
		t.Error(err)
	}
	sweep := func(dry bool) artifacts.SweepArtifactsPayload {
		t.Helper()
		return *must[*artifacts.SweepArtifactsPayload](k.kit)(k.SweepArtifacts(k.as("root", registry.RoleAdmin), artifacts.SweepArtifactsInput{OlderThanHours: ptr(24), DryRun: &dry}))
	}
	if k.now = time.Now().Add(23 * time.Hour); sweep(false) != (artifacts.SweepArtifactsPayload{}) {
		t.Error("what is young was removed")
	}
	k.now = time.Now().Add(25 * time.Hour)
	want := artifacts.SweepArtifactsPayload{Files: 2, Unfinished: 1, Bytes: int64(len("two") + len("three") + len("half"))}
	if got := sweep(true); got != want || k.stored() != 4 {
		t.Errorf("dry: %+v, %d files", got, k.stored())
	}
	if got := sweep(false); got != want || k.stored() != 1 {
		t.Errorf("%+v, %d files", got, k.stored())
	}
	f := must[*artifacts.File](k.kit)(k.OpenVersionFile(k.as("ann", registry.RoleDataScientist), "m", "1.0.0", "stays"))
	defer f.Close()
	if b, err := io.ReadAll(f); string(b) != "one" || err != nil {
		t.Error(string(b), err)
	}
	_, err = k.SweepArtifacts(k.as("ann", registry.RoleDataScientist), artifacts.SweepArtifactsInput{})
	k.wantCode(registry.Forbidden, err)
}

// TestStagedFilesBecomeThoseOfAVersion stores files as MLflow's client does, replaces one, and
// registers versions from them. A version keeps its files when the staged ones go.
func TestStagedFilesBecomeThoseOfAVersion(t *testing.T) {
	stagedFilesBecomeThoseOfAVersion(t, newFileKit(t))
}

func stagedFilesBecomeThoseOfAVersion(t *testing.T, k *fileKit) {
	k.model("m")
	ann, logged := k.as("ann", registry.RoleDataScientist), "m-0123456789abcdef0123456789abcdef"
	root := "1/models/" + logged + "/artifacts"
	stage := func(path, content string) {
		t.Helper()
		if err := k.StageFile(ann, path, strings.NewReader(content)); err != nil {
			t.Fatal(path, err)
		}
	}
	stage(root+"/MLmodel", "old")
	stage(root+"/MLmodel", "flavors: {}")
	stage(root+"/data/weights", "weights")
	stage("1/run/artifacts/plot.png", "plot")
	for path, code := range map[string]registry.Code{root: registry.Conflict, root + "/MLmodel/x": registry.Conflict, "../x": registry.InvalidArgument} {
		k.wantCode(code, k.StageFile(ann, path, strings.NewReader("x")))
	}
	list := must[[]artifacts.ListedFile](k.kit)(k.ListStaged(ann, root))
	if len(list) != 2 || list[0] != (artifacts.ListedFile{Path: "MLmodel", Size: 11}) || list[1] != (artifacts.ListedFile{Path: "data", Folder: true}) {
		t.Error(list)
	}
	register := func(version, source string, grant registry.Grant) []artifacts.VersionFile {
		t.Helper()
		v := must[*catalog.RegisterModelVersionPayload](k.kit)(k.RegisterVersionFrom(k.with("bob", grant), catalog.RegisterModelVersionInput{Model: "m", Version: &version}, source)).ModelVersion
		return must[[]artifacts.VersionFile](k.kit)(k.Files(k.with("bob", grant), v))
	}
	all, scoped := registry.Grant{Role: registry.RoleDataScientist, Scope: registry.ScopeAll}, registry.Grant{Role: registry.RoleDataScientist, Scope: "model:m"}
	for version, source := range map[string]string{"1.0.0": "models:/" + logged, "1.1.0": "mlflow-artifacts:/" + root, "1.2.0": "mlflow-artifacts://host:1/" + root, "1.3.0": "http://host/api/2.0/mlflow-artifacts/artifacts/" + root} {
		if files := register(version, source, all); len(files) != 2 || files[0].Path != "MLmodel" || files[1].Path != "data/weights" || files[0].Size != 11 {
			t.Errorf("%s: %v", source, files)
		}
	}
	for version, source := range map[string]string{"2.0.0": "models:/m-" + strings.Repeat("0", 32), "2.1.0": "mlflow-artifacts:/../etc", "2.2.0": "s3://bucket/" + root, "2.3.0": "http://host/" + root} {
		if files := register(version, source, all); len(files) != 0 {
			t.Errorf("%s: %v", source, files)
		}
	}
	if files := register("3.0.0", "models:/"+logged, scoped); len(files) != 0 {
		t.Error("a caller who may not read staged files got", files)
	}
	_, err := k.OpenStaged(k.with("bob", scoped), root+"/MLmodel")
	k.wantCode(registry.Forbidden, err)
	_, err = k.ListStaged(k.as("dev", registry.RoleDeveloper), root)
	k.wantCode(registry.Forbidden, err)
	if err := k.DeleteStaged(ann, "1/models"); err != nil {
		t.Fatal(err)
	}
	_, err = k.OpenStaged(ann, root+"/data/weights")
	k.wantCode(registry.NotFound, err)
	k.now = time.Now().Add(48 * time.Hour)
	if got := *must[*artifacts.SweepArtifactsPayload](k.kit)(k.SweepArtifacts(k.as("root", registry.RoleAdmin), artifacts.SweepArtifactsInput{})); got.Files != 2 { // The replaced one and the refused one.
		t.Errorf("%+v", got)
	}
	f := must[*artifacts.File](k.kit)(k.OpenVersionFile(ann, "m", "1.0.0", "data/weights"))
	f.Close()
	f = must[*artifacts.File](k.kit)(k.OpenStaged(ann, "1/run/artifacts/plot.png"))
	f.Close()
}
