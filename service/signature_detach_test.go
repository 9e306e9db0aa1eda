package service_test

import (
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// TestASignatureIsDetached reads the bundle of a signature back and removes it. The signatures of a
// version at work stay.
func TestASignatureIsDetached(t *testing.T) {
	k := newSignKit(t, sqliteStore(t), trustOf(t, "prime256v1"))
	k.signable("1.0.0", "")
	bundle := signingData(t, "key-prime256v1.sig")
	digest := must[*catalog.AttachSignaturePayload](k.kit)(k.attach("1.0.0", bundle)).Signature.Digest
	v := must[*registry.ModelVersion](k.kit)(k.ModelVersion(k.admin, "m", "1.0.0"))
	if got := must[[]byte](k.kit)(k.BundleOf(k.admin, v, digest)); string(got) != strings.TrimSpace(bundle) {
		t.Errorf("%d bytes come back", len(got))
	}
	for _, none := range []string{"", "sha256:0", "../" + digest} {
		_, err := k.BundleOf(k.admin, v, none)
		k.wantCode(registry.NotFound, err)
	}
	detach := func(role string) (*core.DeletePayload, error) {
		return k.DetachSignature(k.as("ann", role), catalog.DetachSignatureInput{Model: ptr("m"), Version: ptr("1.0.0"), Digest: digest})
	}
	_, err := detach(registry.RoleDataScientist)
	k.wantCode(registry.Forbidden, err)
	k.move("m", "1.0.0", registry.Staging, registry.Production)
	_, err = detach(registry.RoleAdmin)
	k.wantCode(registry.FailedPrecondition, err)
	k.move("m", "1.0.0", registry.Deprecated, registry.Archived)
	if p := must[*core.DeletePayload](k.kit)(detach(registry.RoleAdmin)); p.DeletedID == nil {
		t.Error("nothing was removed")
	}
	head := k.head()
	if p := must[*core.DeletePayload](k.kit)(detach(registry.RoleAdmin)); p.DeletedID != nil || k.head() != head {
		t.Error("it is removed again")
	}
	_, err = k.BundleOf(k.admin, v, digest)
	k.wantCode(registry.NotFound, err)
}
