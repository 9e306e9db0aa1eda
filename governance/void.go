package governance

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pedigree/registry"
)

// Walk bounds of what a version was made from, for its digest.
const (
	UpstreamDepth = 50
	UpstreamNodes = 5000
)

// UpstreamLink is an edge among the nodes that a version was made from.
type UpstreamLink struct {
	Kind     registry.EdgeKind
	From, To registry.ID
}

// Snapshot returns the evidence of what a version was made from: the digest over the ids and
// digests of all nodes and over the edges among them, in canonical order.
func Snapshot(nodes []registry.UpstreamNode, links []UpstreamLink, truncated bool) registry.TransitionEvidence {
	nodes, links = slices.Clone(nodes), slices.Clone(links)
	slices.SortFunc(nodes, func(a, b registry.UpstreamNode) int { return strings.Compare(string(a.ID), string(b.ID)) })
	slices.SortFunc(links, func(a, b UpstreamLink) int {
		return slices.Compare([]string{string(a.From), string(a.To), string(a.Kind)}, []string{string(b.From), string(b.To), string(b.Kind)})
	})
	h := sha256.New()
	text := func(parts ...string) {
		for _, p := range parts {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
			h.Write([]byte(p))
		}
	}
	text(fmt.Sprint(len(nodes)))
	for _, n := range nodes {
		text(string(n.ID), n.Digest)
	}
	for _, l := range links {
		text(string(l.From), string(l.To), string(l.Kind))
	}
	return registry.TransitionEvidence{UpstreamDigest: "sha256:" + hex.EncodeToString(h.Sum(nil)), Truncated: truncated,
		UpstreamCount: len(nodes), Upstream: nodes[:min(len(nodes), registry.MaxEvidenceNodes)]}
}

// Changes says what changed between the evidence of a request and the state now; nothing means
// that the request still holds. Where what the version was made from is truncated, only the
// revisions decide. The texts name kinds and numbers, and no node, because not everyone who
// reads them may see every node.
func Changes(then, now registry.TransitionEvidence) (out []string) {
	if then.VersionRevision != now.VersionRevision {
		out = append(out, fmt.Sprintf("the version changed since: it was at revision %d and is at %d", then.VersionRevision, now.VersionRevision))
	}
	if then.CardRevision != now.CardRevision {
		out = append(out, fmt.Sprintf("its card changed since: it was at revision %d and is at %d", then.CardRevision, now.CardRevision))
	}
	if then.Truncated || then.UpstreamDigest == now.UpstreamDigest {
		return out
	}
	return append(out, "what it was made from changed since: "+upstreamChange(then, now))
}

// upstreamChange tells how what a version was made from differs, as far as the nodes are listed.
func upstreamChange(then, now registry.TransitionEvidence) string {
	before, after := byID(then.Upstream), byID(now.Upstream)
	added, gone, other := map[registry.Kind]int{}, map[registry.Kind]int{}, map[registry.Kind]int{}
	for id, n := range after {
		if old, known := before[id]; !known {
			added[n.Kind]++
		} else if old.Digest != n.Digest {
			other[n.Kind]++
		}
	}
	for id, n := range before {
		if _, still := after[id]; !still {
			gone[n.Kind]++
		}
	}
	whole := then.UpstreamCount == len(then.Upstream) && now.UpstreamCount == len(now.Upstream)
	var parts []string
	for _, p := range []struct {
		of   map[registry.Kind]int
		what string
	}{{added, "new"}, {gone, "gone"}, {other, "with another digest"}} {
		for _, kind := range slices.Sorted(maps.Keys(p.of)) {
			parts = append(parts, fmt.Sprintf("%d %s %s", p.of[kind], kind, p.what))
		}
	}
	if len(parts) == 0 || !whole {
		return fmt.Sprintf("it had %d nodes and has %d, and their digests or edges differ", then.UpstreamCount, now.UpstreamCount)
	}
	return strings.Join(parts, ", ")
}

func byID(nodes []registry.UpstreamNode) map[registry.ID]registry.UpstreamNode {
	out := make(map[registry.ID]registry.UpstreamNode, len(nodes))
	for _, n := range nodes {
		out[n.ID] = n
	}
	return out
}
