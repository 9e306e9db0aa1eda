package signing

import "testing"

func TestKindsOfBundles(t *testing.T) {
	build, _ := signed(t, buildV02)
	other, _ := signed(t, `{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"https://example.com/other","predicate":{}}`)
	for _, c := range []struct {
		bundle []byte
		want   Kind
	}{{testdata(t, "key-prime256v1.sig"), ModelSignature}, {testdata(t, "certificate.sig"), ModelSignature}, {build, BuildProvenance}} {
		if kind, err := KindOf(c.bundle); kind != c.want || err != nil {
			t.Errorf("%s, want %s: %v", kind, c.want, err)
		}
	}
	_, err := KindOf(other)
	wantRefusal(t, Unsupported, "neither", err)
	_, err = KindOf([]byte("{}"))
	wantRefusal(t, Malformed, "", err)
}
