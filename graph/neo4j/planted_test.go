package neo4j

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"pedigree/internal/neotest"
)

// TestPlantedBugsAreFound runs the differential test with each planted bug and
// wants it to fail: it is the proof that the run can fail.
func TestPlantedBugsAreFound(t *testing.T) {
	for _, tag := range []string{"bug1", "bug2", "bug3"} {
		t.Run(tag, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "go", "test", "-tags", tag, "-count=1", "-run", "^TestDifferential$", ".")
			cmd.Env = append(os.Environ(), neotest.Env+"="+neotest.URL(t), "PEDIGREE_STEPS=100")
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "the stores differ") {
				t.Fatalf("the run with %s did not find the bug: %v\n%s", tag, err, out)
			}
			t.Logf("PROOF the differential run finds the bug planted by -tags %s", tag)
		})
	}
}
