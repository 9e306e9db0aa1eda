package signing

// Kind is what a bundle is about.
type Kind string

// The kinds.
const (
	// ModelSignature is a model signature of version 1.
	ModelSignature Kind = "MODEL_SIGNATURE"
	// BuildProvenance is an attestation of provenance.
	BuildProvenance Kind = "PROVENANCE"
)

// KindOf reads what a bundle is about. It verifies nothing: who wrote the bundle may have said
// anything. The error is a Refusal when it is none of the kinds.
func KindOf(raw []byte) (Kind, error) {
	b, err := openBundle(raw)
	if err != nil {
		return "", err
	}
	payload, err := payloadOf(b)
	if err != nil {
		return "", err
	}
	s, err := parseStatement(payload, statementType, oldStatementType)
	if err != nil {
		return "", err
	}
	switch s.predicateType {
	case modelPredicate:
		_, err := parseManifest(payload)
		return ModelSignature, err
	case slsaV1, slsaV02:
		_, err := parseProvenance(payload)
		return BuildProvenance, err
	}
	return "", refuse(Unsupported, "the bundle is neither a model signature of version 1 nor an attestation of provenance (SLSA v1 or v0.2)")
}
