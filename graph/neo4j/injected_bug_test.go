package neo4j

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"pedigree/internal/neo4jtest"
)

// TestInjectedBugsAreFound runs the differential test with each injected bug and wants
// it to fail. This proves that the differential run can fail.
func TestInjectedBugsAreFound(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"bug1", "bug2", "bug3"} {
		t.Run(tag, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "go", "test", "-tags", tag, "-count=1", "-run", "^TestDifferential$", ".")
			cmd.Env = append(os.Environ(), neo4jtest.EnvURL+"="+neo4jtest.URL(t), "PEDIGREE_STEPS=100")
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "the stores differ") {
				t.Fatalf("the run with %s did not find the bug: %v\n%s", tag, err, out)
			}
			t.Logf("PROOF the differential run finds the bug that -tags %s injects", tag)
		})
	}
}
