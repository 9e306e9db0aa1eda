package signing

import "time"

// The predicates of provenance that are read.
const (
	slsaV1  = "https://slsa.dev/provenance/v1"
	slsaV02 = "https://slsa.dev/provenance/v0.2"
)

// Material is something that a build used.
type Material struct {
	Name, URI string
	// Digest has the digest by its algorithm, such as sha256 or gitCommit.
	Digest map[string]string
}

// Provenance is who built something, and of what.
type Provenance struct {
	Signer Signer
	// Subjects are what was built.
	Subjects []Subject
	// Builder and BuildType are the ids of who builds, and how.
	Builder, BuildType string
	// Invocation is the id of the build at the builder.
	Invocation        string
	Started, Finished time.Time
	Materials         []Material
}

// VerifyProvenance verifies a bundle with an attestation of provenance (SLSA v1 or v0.2) and reads
// it. The error is a Refusal when the bundle proves nothing.
func (t *Trust) VerifyProvenance(raw []byte, now time.Time) (*Provenance, error) {
	payload, signer, err := t.open(raw, now)
	if err != nil {
		return nil, err
	}
	p, err := parseProvenance(payload)
	if err != nil {
		return nil, err
	}
	p.Signer = signer
	return p, nil
}

func parseProvenance(payload []byte) (*Provenance, error) {
	s, err := parseStatement(payload, statementType, oldStatementType)
	if err != nil {
		return nil, err
	}
	p := &Provenance{Subjects: s.subjects}
	var builder, metadata object
	var materials []object
	var ok bool
	switch s.predicateType {
	case slsaV1:
		builder, metadata, materials, ok = p.readV1(s.predicate)
	case slsaV02:
		builder, metadata, materials, ok = p.readV02(s.predicate)
	default:
		return nil, refuse(Unsupported, "the attestation is not one of provenance")
	}
	if len(materials) > maxMaterials {
		return nil, refuse(TooLarge, "the provenance has more than %d materials", maxMaterials)
	}
	id, okID := builder.text("id")
	if p.Builder = id; !ok || !okID || id == "" || !p.readTimes(metadata) || !p.readMaterials(materials) {
		return nil, refuse(Malformed, "the provenance cannot be read")
	}
	return p, nil
}

// readV1 reads what SLSA v1 has in its own places.
func (p *Provenance) readV1(predicate object) (builder, metadata object, materials []object, ok bool) {
	definition, ok1 := predicate.object("buildDefinition")
	run, ok2 := predicate.object("runDetails")
	var ok3, ok4, ok5, ok6, ok7 bool
	p.BuildType, ok3 = definition.text("buildType")
	materials, ok4 = definition.objects("resolvedDependencies")
	builder, ok5 = run.object("builder")
	metadata, ok6 = run.object("metadata")
	p.Invocation, ok7 = metadata.text("invocationId")
	return builder, metadata, materials, ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7
}

// readV02 reads what SLSA v0.2 has in its own places.
func (p *Provenance) readV02(predicate object) (builder, metadata object, materials []object, ok bool) {
	var ok1, ok2, ok3, ok4, ok5 bool
	p.BuildType, ok1 = predicate.text("buildType")
	materials, ok2 = predicate.objects("materials")
	builder, ok3 = predicate.object("builder")
	metadata, ok4 = predicate.object("metadata")
	p.Invocation, ok5 = metadata.text("buildInvocationId")
	return builder, metadata, materials, ok1 && ok2 && ok3 && ok4 && ok5
}

// readTimes reads when the build began and ended, where that is said.
func (p *Provenance) readTimes(metadata object) bool {
	for _, at := range []struct {
		names []string
		to    *time.Time
	}{{[]string{"startedOn", "buildStartedOn"}, &p.Started}, {[]string{"finishedOn", "buildFinishedOn"}, &p.Finished}} {
		for _, name := range at.names {
			text, ok := metadata.text(name)
			if !ok {
				return false
			}
			if text == "" {
				continue
			}
			parsed, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return false
			}
			*at.to = parsed.UTC()
		}
	}
	return true
}

func (p *Provenance) readMaterials(materials []object) bool {
	for _, m := range materials {
		name, ok1 := m.text("name")
		uri, ok2 := m.text("uri")
		digest, ok3 := m.digests("digest")
		if !ok1 || !ok2 || !ok3 {
			return false
		}
		p.Materials = append(p.Materials, Material{name, uri, digest})
	}
	return true
}
