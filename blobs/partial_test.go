package blobs

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	_ "gocloud.dev/blob/memblob" // A bucket, in which nothing grows.
)

// upload is a name of an upload.
const upload = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

var errHungUp = errors.New("the client hung up")

// resumable are a folder and a bucket.
func resumable(t *testing.T) map[string]*Store {
	t.Helper()
	bucket, err := New("mem://")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := folder(t)
	return map[string]*Store{"folder": s, "bucket": bucket}
}

// TestAnUploadGoesOnWhereItBrokeOff breaks an upload off twice, once in its middle and once at the
// border of a part. What came is kept, and the whole is what was sent.
func TestAnUploadGoesOnWhereItBrokeOff(t *testing.T) {
	content := make([]byte, 2*bucketPart+12345)
	rand.NewChaCha8([32]byte{1}).Read(content)
	for name, s := range resumable(t) {
		t.Run(name, func(t *testing.T) {
			at, err := s.Partial(t.Context(), upload)
			if at != 0 || err != nil {
				t.Fatal(at, err)
			}
			for _, end := range []int64{100_000, bucketPart + 100_000} {
				at, err = s.Append(t.Context(), upload, at, io.MultiReader(bytes.NewReader(content[at:end]), iotest.ErrReader(errHungUp)))
				if at != end || !errors.Is(err, errHungUp) {
					t.Fatalf("%d, %v", at, err)
				}
				if objects, unfinished := entries(t, s); len(objects) != 0 || len(unfinished) == 0 {
					t.Errorf("after %d: %v, %v", end, objects, unfinished)
				}
			}
			for _, wrong := range []int64{0, at - 1, at + 1} {
				if stands, err := s.Append(t.Context(), upload, wrong, bytes.NewReader(content)); stands != at || !errors.Is(err, ErrOffset) {
					t.Errorf("from %d: %d, %v", wrong, stands, err)
				}
			}
			if stands, err := s.Partial(t.Context(), upload); stands != at || err != nil {
				t.Errorf("%d, %v", stands, err)
			}
			if at, err = s.Append(t.Context(), upload, at, bytes.NewReader(content[at:])); at != int64(len(content)) || err != nil {
				t.Fatal(at, err)
			}
			o, err := s.Finish(t.Context(), upload, nil)
			if err != nil || o.Digest != digestOf(content) || o.Size != int64(len(content)) {
				t.Fatal(o, err)
			}
			r, err := s.Open(t.Context(), o.Digest, o.Size)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes come back, %v", len(got), err)
			}
			if _, unfinished := entries(t, s); len(unfinished) != 0 {
				t.Errorf("left over: %v", unfinished)
			}
		})
	}
}

// TestWhatIsRefusedAtTheEndLeavesNothing refuses a whole upload: neither an object nor a part is left.
func TestWhatIsRefusedAtTheEndLeavesNothing(t *testing.T) {
	for name, s := range resumable(t) {
		t.Run(name, func(t *testing.T) {
			if _, err := s.Append(t.Context(), upload, 0, bytes.NewReader([]byte("other content"))); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Finish(t.Context(), upload, func(Object) error { return errHungUp }); !errors.Is(err, errHungUp) {
				t.Error(err)
			}
			if objects, unfinished := entries(t, s); len(objects) != 0 || len(unfinished) != 0 {
				t.Errorf("%v, %v", objects, unfinished)
			}
		})
	}
}

// TestALostRequestWritesNothingMore lets a request go on with an upload while the one before still
// waits for its client. When that sends something after all, it is dropped.
func TestALostRequestWritesNothingMore(t *testing.T) {
	s, _ := folder(t)
	body, client := io.Pipe()
	lost := make(chan error)
	go func() {
		_, err := s.Append(t.Context(), upload, 0, body)
		lost <- err
	}()
	client.Write([]byte("begun "))
	for at := int64(0); at != 6; at, _ = s.Partial(t.Context(), upload) {
	}
	if at, err := s.Append(t.Context(), upload, 6, bytes.NewReader([]byte("and done"))); at != 14 || err != nil {
		t.Fatal(at, err)
	}
	client.Write([]byte("too late"))
	client.Close()
	if err := <-lost; !errors.Is(err, ErrOffset) {
		t.Errorf("the lost request ends with %v", err)
	}
	if o, err := s.Finish(t.Context(), upload, nil); err != nil || o.Digest != digestOf([]byte("begun and done")) {
		t.Error(o, err)
	}
}

// TestAnUploadIsNoPath refuses names of uploads that would be paths.
func TestAnUploadIsNoPath(t *testing.T) {
	s, _ := folder(t)
	for _, name := range []string{"", "../../etc/passwd", upload + "0", upload[:62] + "/x", upload[:63] + "g"} {
		if _, err := s.Append(t.Context(), name, 0, bytes.NewReader(nil)); err == nil {
			t.Errorf("%q is appended to", name)
		}
		if _, err := s.Partial(t.Context(), name); err == nil {
			t.Errorf("%q is looked at", name)
		}
		if _, err := s.Finish(t.Context(), name, nil); err == nil {
			t.Errorf("%q is stored", name)
		}
	}
}
