package service_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pedigree/registry"
	"pedigree/service/artifacts"
)

// part sends a part of a file of version 1.0.0 of m, whose whole content is given; offset nil asks where
// the upload stands.
func (k *fileKit) part(subject, path, whole string, offset *int64, body io.Reader) (*artifacts.ResumedFile, error) {
	model, version := "m", "1.0.0"
	return k.ResumeFile(k.as(subject, registry.RoleDataScientist), artifacts.ResumeFileInput{Offset: offset, Size: int64(len(whole)),
		UploadFileInput: artifacts.UploadFileInput{Model: &model, Version: &version, Path: path, Digest: digestOf(whole)}}, body)
}

func TestAnUploadGoesOnForWhoBeganIt(t *testing.T) {
	k := newFileKit(t)
	k.model("m")
	k.version("m", "1.0.0")
	const whole = "the whole content of a file"
	broken := io.MultiReader(strings.NewReader(whole[:10]), iotest.ErrReader(errors.New("hung up")))
	if _, err := k.part("ann", "data/f.bin", whole, ptr(int64(0)), broken); err == nil {
		t.Error("an upload that broke off succeeds")
	}
	if at := must[*artifacts.ResumedFile](k.kit)(k.part("ann", "data/f.bin", whole, nil, strings.NewReader(""))); at.Offset != 10 || at.File != nil {
		t.Errorf("%+v", at)
	}
	// Another subject, path or content is another upload.
	if at := must[*artifacts.ResumedFile](k.kit)(k.part("bob", "data/f.bin", whole, nil, strings.NewReader(""))); at.Offset != 0 {
		t.Errorf("bob goes on at %d", at.Offset)
	}
	if at := must[*artifacts.ResumedFile](k.kit)(k.part("ann", "data/g.bin", whole, nil, strings.NewReader(""))); at.Offset != 0 {
		t.Errorf("another path goes on at %d", at.Offset)
	}
	at, err := k.part("ann", "data/f.bin", whole, ptr(int64(9)), strings.NewReader(whole[9:]))
	k.wantCode(registry.Conflict, err)
	if at == nil || at.Offset != 10 {
		t.Errorf("%+v", at)
	}
	out := must[*artifacts.ResumedFile](k.kit)(k.part("ann", "data/f.bin", whole, ptr(int64(10)), strings.NewReader(whole[10:])))
	if out.Offset != int64(len(whole)) || out.File == nil || !out.File.Created || out.File.Artifact.Digest != digestOf(whole) {
		t.Fatalf("%+v", out)
	}
	if again := must[*artifacts.ResumedFile](k.kit)(k.part("ann", "data/f.bin", whole, nil, strings.NewReader(""))); again.File == nil || again.File.Created {
		t.Errorf("%+v", again)
	}
	_, err = k.part("ann", "data/f.bin", "another content", nil, strings.NewReader(""))
	k.wantCode(registry.Conflict, err)
	if k.stored() != 1 {
		t.Errorf("%d files lie there", k.stored())
	}
}

// TestAPartIsBounded sends parts that are too long, too large, or of another content.
func TestAPartIsBounded(t *testing.T) {
	k := newFileKit(t)
	k.model("m")
	k.version("m", "1.0.0")
	_, err := k.part("ann", "f", strings.Repeat("x", 1001), ptr(int64(0)), strings.NewReader("x"))
	k.wantCode(registry.ResourceExhausted, err)
	_, err = k.part("ann", "f", "", ptr(int64(0)), strings.NewReader(""))
	k.wantCode(registry.InvalidArgument, err)
	_, err = k.part("ann", "f", "four", ptr(int64(5)), strings.NewReader(""))
	k.wantCode(registry.InvalidArgument, err)
	_, err = k.part("ann", "../f", "four", ptr(int64(0)), strings.NewReader("four"))
	k.wantCode(registry.InvalidArgument, err)
	_, err = k.part("ann", "f", "four", ptr(int64(0)), strings.NewReader("four and more"))
	k.wantCode(registry.ResourceExhausted, err)
	_, err = k.part("ann", "f", "four", ptr(int64(0)), strings.NewReader("FOUR"))
	k.wantCode(registry.InvalidArgument, err)
	if k.stored() != 0 {
		t.Errorf("%d files lie there", k.stored())
	}
	_, err = k.ResumeFile(k.as("vic", registry.RoleViewer), artifacts.ResumeFileInput{}, strings.NewReader(""))
	k.wantCode(registry.Forbidden, err)
}

// TestTheSweepTakesUploadsThatNobodyGoesOnWith lets an upload lie until it is swept.
func TestTheSweepTakesUploadsThatNobodyGoesOnWith(t *testing.T) {
	k := newFileKit(t)
	k.model("m")
	k.version("m", "1.0.0")
	if at := must[*artifacts.ResumedFile](k.kit)(k.part("ann", "f", "a file", ptr(int64(0)), strings.NewReader("a"))); at.Offset != 1 {
		t.Fatalf("%+v", at)
	}
	k.now = time.Now().Add(23 * time.Hour)
	if out := must[*artifacts.SweepArtifactsPayload](k.kit)(k.SweepArtifacts(k.admin, artifacts.SweepArtifactsInput{})); out.Unfinished != 0 || k.stored() != 1 {
		t.Errorf("%+v", out)
	}
	k.now = time.Now().Add(25 * time.Hour)
	if out := must[*artifacts.SweepArtifactsPayload](k.kit)(k.SweepArtifacts(k.admin, artifacts.SweepArtifactsInput{})); out.Unfinished != 1 || k.stored() != 0 {
		t.Errorf("%+v", out)
	}
	if at := must[*artifacts.ResumedFile](k.kit)(k.part("ann", "f", "a file", nil, strings.NewReader(""))); at.Offset != 0 {
		t.Errorf("%+v", at)
	}
}

// digestOf returns the digest of a content.
func digestOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256:" + hex.EncodeToString(sum[:])
}
