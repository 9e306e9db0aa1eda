package bench

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeRegistry answers every request with the text that answer makes of its body.
func fakeRegistry(t *testing.T, models int, answer func(body string) string) *registryContender {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		io.WriteString(w, answer(string(body)))
	}))
	t.Cleanup(s.Close)
	call := registryCall{method: http.MethodPost, uri: func(*registryModel) string { return "/" },
		body:  func(m *registryModel) string { return m.name + " " + m.source() },
		wants: func(m *registryModel) []string { return []string{m.name, m.source()} }}
	return &registryContender{name: "fake", models: newRegistryModels(models), calls: map[string]registryCall{registerVersion.name: call, getModel.name: call},
		dial: func(registryWork) (*httpConn, error) { return dial(s.URL) }, pids: func() []int { return nil }}
}

func TestAWriteIsKnownOnceItIsAcknowledged(t *testing.T) {
	spoil := ""
	c := fakeRegistry(t, 1, func(body string) string { return body + spoil })
	client, err := c.client(registerVersion, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer client.close()
	ask := func() error { _, _, err := client.query(c.workload(registerVersion).questions[0]); return err }
	if err := ask(); err != nil || c.models[0].versions != 1 {
		t.Errorf("%d versions, %v", c.models[0].versions, err)
	}
	spoil = `{"errors":[{}]}`
	if err := ask(); err == nil || c.models[0].versions != 1 {
		t.Errorf("%d versions after an answer with errors, %v", c.models[0].versions, err)
	}
}

func TestAnAnswerMustHoldWhatWasAskedFor(t *testing.T) {
	c := fakeRegistry(t, 500, func(body string) string { return strings.Replace(body, "model-000123", "model-000124", 1) })
	load := c.workload(getModel)
	load.workers, load.maxTime = 4, time.Minute
	if _, err := c.contender(getModel, load.workers).measure(load); err == nil || !strings.Contains(err.Error(), "bench-model-000123") {
		t.Errorf("the answer about another model gave error %v", err)
	}
}

func TestTextsAreFoundInOrder(t *testing.T) {
	for answer, right := range map[string]bool{"": false, "a": false, "ba": false, "bab": false, "babb": true, "a-b-b": true} {
		if err := checkInOrder([]byte(answer), [][]byte{[]byte("a"), []byte("b"), []byte("b")}); (err == nil) != right {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

// TestWritesAreSpreadOverAllModels measures writes of several clients twice. Each model
// has one writer, and the second measurement goes on where the first one ended.
func TestWritesAreSpreadOverAllModels(t *testing.T) {
	const models = 1500
	var mu sync.Mutex
	writes := map[string]int{}
	c := fakeRegistry(t, models, func(body string) string {
		name, _, _ := strings.Cut(body, " ")
		mu.Lock()
		defer mu.Unlock()
		writes[name]++
		return body
	})
	r := &runner{Config: Config{Models: models, MaxTime: time.Minute, Progress: io.Discard}, result: &Result{Registry: newRegistryResult(models)}}
	for round := range 6 {
		for _, clients := range Concurrency() {
			r.measureRegistryWork(round, c, registerVersion, clients)
		}
	}
	if n := r.result.Failures(); n != 0 {
		t.Fatal(r.result.Registry.failed)
	}
	most := 0
	for _, m := range c.models {
		if m.versions != writes[m.name] {
			t.Errorf("%s has %d versions after %d writes", m.name, m.versions, writes[m.name])
		}
		most = max(most, m.versions)
	}
	// 2,400 writes and those to warm up are fewer than two for each model. From the
	// first model on each time, some 400 models would have had them all.
	if len(writes) < 1000 || most > 8 {
		t.Errorf("%d of %d models were written to, one of them %d times", len(writes), models, most)
	}
}
