package service_test

import (
	"fmt"
	"testing"
	"time"
)

// TestAnEventNeedsFewStoreCalls records runs of a known job, each with a START and a COMPLETE. Whatever an
// event asks for is read together, and once, and what it writes is written together.
func TestAnEventNeedsFewStoreCalls(t *testing.T) {
	w := &countingStore{Store: newKit(t).store}
	k := eventKit(kitOn(t, w))
	for n := range 3 {
		for i, c := range []struct {
			kind, outputs string
			most          int
		}{{"START", "", 4}, {"COMPLETE", `{"namespace":"postgres://db:5432","name":"clean"}`, 4}} {
			event := fmt.Appendf(nil, `{"eventTime":%q,"eventType":%q,"producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-%012d"},"job":{"namespace":"n","name":"etl"},"inputs":[{"namespace":"postgres://db:5432","name":"raw","facets":{"version":{"datasetVersion":"1"}}}],"outputs":[%s]}`,
				time.Date(2020, 1, 1, 0, n, i, 0, time.UTC).Format(time.RFC3339), c.kind, n, c.outputs)
			w.calls, w.updates = 0, 0
			k.send(event)
			if n == 0 {
				continue // The datasets are new.
			}
			if t.Logf("PROOF %s: %d calls of the store", c.kind, w.calls); w.calls > c.most || w.updates != 1 {
				t.Errorf("%s of run %d takes %d calls in %d updates", c.kind, n, w.calls, w.updates)
			}
		}
	}
}
