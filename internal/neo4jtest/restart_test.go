package neo4jtest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"
)

// TestAServerWithAHomeKeepsItsData kills a server, and starts it again in the same folder. A full-text
// index that is written after the commit has what was committed before.
func TestAServerWithAHomeKeepsItsData(t *testing.T) {
	home := t.TempDir()
	const await = "CALL db.index.fulltext.awaitEventuallyConsistentIndexRefresh() "
	for i, texts := range [][]string{
		{"CREATE FULLTEXT INDEX words IF NOT EXISTS FOR (n:Kept) ON EACH [n.words] OPTIONS {indexConfig: {`fulltext.eventually_consistent`: true}}",
			"CALL db.awaitIndexes(300)", "CREATE (:Kept {words: 'one'})",
			await + "CALL db.index.fulltext.queryNodes('words', 'one') YIELD node RETURN count(node)",
			"UNWIND range(1, 20) AS i CREATE (n:Kept {words: 'many'}) RETURN 1 LIMIT 1"},
		{await + "CALL db.index.fulltext.queryNodes('words', 'one') YIELD node RETURN count(node)",
			await + "CALL db.index.fulltext.queryNodes('words', 'many') YIELD node RETURN count(node) / 20"},
	} {
		s, err := StartWithSettings(t.Context(), Settings{Home: home, HeapMB: 512})
		if err != nil {
			t.Fatal(err)
		}
		driver, err := neo4j.NewDriverWithContext(s.URL, neo4j.NoAuth())
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			got, err := neo4j.ExecuteQuery(t.Context(), driver, text, nil, neo4j.EagerResultTransformer)
			if err != nil || len(got.Records) == 1 && got.Records[0].Values[0] != int64(1) {
				t.Errorf("start %d: %s: %v, %v", i, text, got, err)
			}
		}
		kill(t, s)
		driver.Close(t.Context())
		s.Stop()
	}
}

// kill kills the Java process of a server, which has no time to write anything.
func kill(t *testing.T, s *Server) {
	t.Helper()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", s.Pid(), s.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range strings.Fields(string(children)) {
		pid, err := strconv.Atoi(child)
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGKILL)
		}
		if err != nil {
			t.Error(err)
		}
	}
	<-s.exited
}
