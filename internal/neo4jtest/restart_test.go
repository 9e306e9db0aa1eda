package neo4jtest

import (
	"testing"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"
)

func TestAServerWithAHomeKeepsItsData(t *testing.T) {
	home := t.TempDir()
	for _, text := range []string{"CREATE (n:Kept) RETURN count(n)", "MATCH (n:Kept) RETURN count(n)"} {
		s, err := StartWithSettings(t.Context(), Settings{Home: home, HeapMB: 512})
		if err != nil {
			t.Fatal(err)
		}
		driver, err := neo4j.NewDriverWithContext(s.URL, neo4j.NoAuth())
		if err != nil {
			t.Fatal(err)
		}
		got, err := neo4j.ExecuteQuery(t.Context(), driver, text, nil, neo4j.EagerResultTransformer)
		driver.Close(t.Context())
		s.Stop()
		if err != nil || got.Records[0].Values[0] != int64(1) {
			t.Fatalf("%s: %v, %v", text, got, err)
		}
	}
}
