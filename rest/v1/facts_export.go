package v1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"pedigree/connect/jsonlines"
	"pedigree/registry"
	"pedigree/service/bulk"
)

// The trailers of a download of facts: how many there are, and how many nodes of each kind are
// left out.
const (
	factsTrailer   = "Pedigree-Facts"
	leftOutTrailer = "Pedigree-Left-Out"
)

// errHeadOnly ends an export whose facts are not asked for.
var errHeadOnly = errors.New("only the headers are asked for")

// getFacts handles GET facts: everything that the caller sees, as JSON Lines that POST facts
// accepts. Facts are written as they are read. An answer that breaks off is not ended properly,
// and has no trailers.
func getFacts(ctx context.Context, c *call) error {
	h := c.w.Header()
	out := bufio.NewWriterSize(c.w, 64<<10)
	begin := func() {
		if !c.begun {
			c.begun = true
			h.Set("Content-Type", "application/x-ndjson")
			h.Set("Trailer", factsTrailer+", "+leftOutTrailer)
			c.w.WriteHeader(http.StatusOK)
		}
	}
	exported, err := c.service.ExportFacts(ctx, func(f bulk.FactInput) error {
		begin()
		if c.r.Method == http.MethodHead {
			return errHeadOnly
		}
		return jsonlines.Encode(out, f)
	})
	switch {
	case errors.Is(err, errHeadOnly):
		return nil
	case err != nil:
		return err
	}
	begin()
	if err := out.Flush(); err != nil {
		return err
	}
	h.Set(factsTrailer, strconv.FormatInt(exported.Facts, 10))
	h.Set(leftOutTrailer, leftOutText(exported.LeftOut))
	return nil
}

// leftOutText writes counts by kind as FEATURE=1, RUN=2.
func leftOutText(counts map[registry.Kind]int64) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s=%d", kind, counts[kind]))
	}
	return strings.Join(parts, ", ")
}
