package access

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// eventTypes returns the types that only subscriptions return.
func (finder pathFinder) eventTypes() map[string]bool {
	out := map[string]bool{}
	for _, f := range finder.schema.Subscription.Fields {
		out[f.Type.Name()] = true
	}
	return out
}

// subscription returns the text of a subscription to everything that happened, with all leaves of
// the event and of its objects.
func (finder pathFinder) subscription(f *ast.FieldDefinition) string {
	selection := finder.scalars(f.Type.Name())
	for _, b := range finder.schema.Types[f.Type.Name()].Fields {
		if finder.isObject(b.Type.Name()) && !strings.HasPrefix(b.Name, "__") {
			selection += " " + fieldCall(b, 5) + " { __typename " + finder.leaves(b.Type.Name()) + " }"
		}
	}
	return "subscription { " + f.Name + "(after: 0) { " + selection + " } }"
}

// quiet is how many signs of life without an event between them end the reading of a subscription.
const quiet = 3

// events subscribes as an actor and returns the events of what happened before, or the refusal.
func (s *testServer) events(who, query string) (out []*answer) {
	body, err := json.Marshal(map[string]any{"query": query})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r := s.request(who, string(body)).WithContext(ctx)
	r.Header.Set("Accept", "text/event-stream")
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return []*answer{{status: resp.StatusCode, header: resp.Header}}
	}
	lines, idle := bufio.NewReader(resp.Body), 0
	for idle < quiet {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			s.t.Fatalf("%s: %v", query, err)
		}
		switch data, isData := bytes.CutPrefix(line, []byte("data: ")); {
		case bytes.HasPrefix(line, []byte(": alive")):
			idle++
		case bytes.HasPrefix(line, []byte("event: complete")):
			return out
		case isData:
			idle = 0
			a := &answer{status: resp.StatusCode, header: resp.Header, raw: data}
			if err := json.Unmarshal(data, a); err != nil {
				s.t.Fatalf("%s: %s: %v", query, data, err)
			}
			out = append(out, a)
		}
	}
	return out
}

// TestSubscriptions executes the cells of subscriptions and of their events.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	want, finder := readMatrix(t), pathFinder{loadSchema(t), loadSeed(t)}
	s := open(t, "")
	cells, events := 0, 0
	for _, f := range finder.schema.Subscription.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		of := finder.schema.Types[f.Type.Name()]
		for _, column := range columns {
			answers := s.events(column, finder.subscription(f))
			events += len(answers)
			got, fields := "notfound", map[string]string{}
			path := queryPath{step{field: f.Name}}
			for _, a := range answers {
				got = mergeOutcomes(got, rootOutcome(a, f.Name))
				for _, field := range of.Fields {
					fields[field.Name] = mergeOutcomes(fields[field.Name], outcomeOf(a, path, of.Name, field.Name))
				}
			}
			cells++
			if expected := want["Subscription."+f.Name][column]; got != expected {
				t.Errorf("Subscription.%s as %s: %s, the matrix says %s", f.Name, column, got, expected)
			}
			if !strings.HasSuffix(of.Name, "Event") {
				continue // Its cells are those of the same object in queries.
			}
			for _, name := range sortedKeys(fields) {
				cells++
				if expected := want[of.Name+"."+name][column]; fields[name] != expected {
					t.Errorf("%s.%s as %s: %s, the matrix says %s", of.Name, name, column, fields[name], expected)
				}
			}
		}
	}
	t.Logf("%d cells, %d events", cells, events)
}

// subscriptions reads all events of what happened.
func (c *crawler) subscriptions() {
	for _, f := range c.finder.schema.Subscription.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		query := c.finder.subscription(f)
		for _, a := range c.s.events(c.who, query) {
			c.scan(query, a)
		}
	}
}
