package service_test

import (
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/service/artifacts"
	"pedigree/service/catalog"
)

// packagingOf returns what the files of a version say, by their paths.
func (k *fileKit) packagingOf(version string) map[string]registry.PackagingFile {
	k.Helper()
	v := must[*registry.ModelVersion](k.kit)(k.ModelVersion(k.admin, "m", version))
	out := map[string]registry.PackagingFile{}
	for _, f := range v.Packaging {
		out[f.Path] = f
	}
	return out
}

func TestFilesSayHowAModelIsRun(t *testing.T) {
	k := newFileKit(t)
	k.model("m")
	k.version("m", "1.0.0")
	mlmodel := must[*artifacts.FilePayload](k.kit)(k.upload("1.0.0", "model/MLmodel", "flavors: {sklearn: {sklearn_version: 1.7.0}}"))
	must[*artifacts.FilePayload](k.kit)(k.upload("1.0.0", "model/requirements.txt", "mlflow==3.17.2\n"))
	must[*artifacts.FilePayload](k.kit)(k.upload("1.0.0", "model/weights.bin", "flavors: {x: {}}"))
	if out := must[*artifacts.FilePayload](k.kit)(k.upload("1.0.0", "broken/MLmodel", "flavors: [")); !out.Created {
		t.Error("a broken file is not stored")
	}
	said := k.packagingOf("1.0.0")
	if f := said["model/MLmodel"]; len(said) != 3 || f.Digest != mlmodel.Artifact.Digest || len(f.Flavors) != 1 || f.Flavors[0].Version != "1.7.0" || f.Note != "" {
		t.Errorf("%+v", said)
	}
	if f := said["model/requirements.txt"]; len(f.Requirements) != 1 || f.Requirements[0] != "mlflow==3.17.2" {
		t.Errorf("%+v", f)
	}
	if f := said["broken/MLmodel"]; f.Note == "" || len(f.Flavors) != 0 {
		t.Errorf("%+v", f)
	}
	// What is removed says nothing any more.
	name, version := "m", "1.0.0"
	if _, err := k.DeleteArtifact(k.admin, artifacts.DeleteArtifactInput{Model: &name, Version: &version, Path: "model/MLmodel"}); err != nil {
		t.Fatal(err)
	}
	if _, there := k.packagingOf("1.0.0")["model/MLmodel"]; there {
		t.Error("a removed file says something")
	}
	for n := range registry.MaxPackagingFiles + 3 {
		must[*artifacts.FilePayload](k.kit)(k.upload("1.0.0", strings.Repeat("z", n+1)+"/conda.yaml", "dependencies: []"))
	}
	if n := len(k.packagingOf("1.0.0")); n != registry.MaxPackagingFiles {
		t.Errorf("%d files say something", n)
	}
}

// TestStagedFilesSayHowTheirVersionIsRun registers a version from files that were there before it.
func TestStagedFilesSayHowTheirVersionIsRun(t *testing.T) {
	k := newFileKit(t)
	k.model("m")
	const folder = "1/models/m-0123456789abcdef0123456789abcdef/artifacts"
	for path, content := range map[string]string{"MLmodel": "flavors: {sklearn: {}}", "model.pkl": "bytes", "conda.yaml": "dependencies: [python=3.12]"} {
		if err := k.StageFile(k.admin, folder+"/"+path, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	version := "1.0.0"
	if _, err := k.RegisterVersionFrom(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: &version}, "models:/m-0123456789abcdef0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	said := k.packagingOf("1.0.0")
	if len(said) != 2 || said["MLmodel"].Flavors[0].Name != "sklearn" || said["conda.yaml"].PythonVersion != "3.12" {
		t.Errorf("%+v", said)
	}
}
