package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"pedigree/internal/bench/graphs"
	"pedigree/registry"
)

// RecallStream is how the whole list of what a recall concerns was read.
type RecallStream struct {
	// Recalled is the number of recalled nodes, Affected that of the deployments that they concern.
	Recalled, Affected int
	// Marked is the time until the recall was acknowledged, Took that of the whole list.
	Marked, Took time.Duration
	// Idle and Peak are the anonymous memory of the server in bytes before and at most during it.
	Idle, Peak int64
}

const affectedQuery = `query($id: ID!) { recallAffected(id: $id, first: 100) { nodes: edges { depth path { id } node { id kind name } } } }`

// measureRecall recalls a hub of a copy of the largest graph, and asks for the first 100 affected
// deployments as the other questions are asked. Then it recalls all hubs at once and reads the whole list
// of deployments as a stream.
func (r *runner) measureRecall(ctx context.Context) error {
	if !r.hasPart(RecallPart) || !r.hasContender(PedigreeSQLite) {
		return nil
	}
	server, size, stop, err := r.startOnCopy(ctx, "recall")
	if err != nil {
		return err
	}
	defer stop()
	plan, stream := r.plan(size), &RecallStream{Recalled: r.plan(size).Hubs()}
	var hubs []registry.ID
	for h := range plan.Hubs() {
		hubs = append(hubs, plan.Hub(h).Of)
	}
	recall, err := server.recall(ctx, hubs[:1])
	if err != nil {
		return err
	}
	first := server.contender(PedigreeSQLite, size, affectedQuery)
	for round := range r.Rounds {
		if err := r.measureOrRecordFailure(ctx, round, first, RecallPart, workload{questions: []graphs.Question{{Of: recall, Nodes: 100}}}); err != nil {
			return err
		}
	}
	start := time.Now()
	if recall, err = server.recall(ctx, hubs); err != nil {
		return err
	}
	stream.Marked = time.Since(start)
	stream.Idle = anonymousMemory(server.pid())
	peak := sampleMemory(server.pid())
	start = time.Now()
	stream.Affected, err = server.affected(ctx, recall)
	stream.Took, stream.Peak = time.Since(start), peak()
	if err != nil {
		return err
	}
	r.logf("recall of %d hubs at %d nodes: acknowledged after %s; %d affected deployments streamed in %s, memory %d to %d KiB", stream.Recalled, size,
		roundDuration(stream.Marked), stream.Affected, roundDuration(stream.Took), stream.Idle>>10, stream.Peak>>10)
	r.result.Recall, r.result.RecallSize = stream, size
	return nil
}

// do sends a request of an administrator to the REST API.
func (s *testServer) do(ctx context.Context, method, path string, body []byte, status int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+"/api/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.adminToken)
	req.Header.Set("Content-Type", "application/json")
	return send(req, status)
}

// send sends a request. An answer of another status than the given one is an error with its text.
func send(req *http.Request, status int) (*http.Response, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != status {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return nil, fmt.Errorf("%s %s: %s %s", req.Method, req.URL.Path, resp.Status, text)
	}
	return resp, nil
}

// recall recalls nodes and returns the id of the recall.
func (s *testServer) recall(ctx context.Context, nodes []registry.ID) (registry.ID, error) {
	body, err := json.Marshal(map[string]any{"nodes": nodes, "reason": "bench", "severity": "high"})
	if err != nil {
		return "", err
	}
	resp, err := s.do(ctx, http.MethodPost, "recalls", body, http.StatusCreated)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var out struct{ Recall struct{ ID registry.ID } }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return "", err
	}
	return out.Recall.ID, nil
}

// affected reads the whole list of what a recall concerns and returns the number of its lines.
func (s *testServer) affected(ctx context.Context, recall registry.ID) (lines int, err error) {
	resp, err := s.do(ctx, http.MethodGet, "recalls/"+string(recall)+"/affected/all", nil, http.StatusOK)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		lines++
	}
	if err := in.Err(); err != nil {
		return lines, err
	}
	if reasons := resp.Trailer.Get("Pedigree-Truncated"); reasons != "" {
		return lines, fmt.Errorf("the list of affected deployments is cut: %s", reasons)
	}
	return lines, nil
}

// checkRecall compares the part recall with its targets.
func (r *Result) checkRecall() (out []targetCheck) {
	if r.Recall == nil {
		return nil
	}
	what := fmt.Sprintf("at %d nodes on SQLite", r.RecallSize)
	if r.Config.plan(r.RecallSize).Hub(0).Nodes >= 50_000 { // As for impact: the target is for so many children.
		out = r.checkRatio("first 100 deployments of a recalled hub "+what+", in bare closures, p50", 40, func() (float64, bool) {
			return r.p50Ratio(sampleKey{RecallPart, PedigreeSQLite, r.RecallSize, 1}, sampleKey{Lineage, BareSQL, r.RecallSize, 1})
		})
	}
	return append(out, targetCheck{fmt.Sprintf("all %d deployments under a recall of %d hubs %s, streamed", r.Recall.Affected, r.Recall.Recalled, what), roundDuration(r.Recall.Took), "≤ 5 s", r.Recall.Took <= 5*time.Second})
}
