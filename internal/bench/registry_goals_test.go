package bench

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// registryOf returns a result with the rates of some works. The p50 of each is the time
// between two answers, the p99 four times that.
func registryOf(rates map[sampleKey]float64) *RegistryResult {
	r := newRegistryResult(1000)
	for key, rate := range rates {
		key.size = 1000
		each := time.Duration(float64(time.Second) / rate)
		r.samples[key] = []Sample{{PerSecond: rate, P50: each, P99: 4 * each, Written: 9 * diskPage}}
	}
	return r
}

func TestRegistryTargetsAreAgainstTheBetterMLflow(t *testing.T) {
	key := func(w registryWork, contender string, clients int) sampleKey {
		return sampleKey{part: w.name, contender: contender, workers: clients}
	}
	r := registryOf(map[sampleKey]float64{
		key(getVersion, MLflowOne, 1): 200, key(getVersion, MLflowDefault, 1): 150, key(getVersion, PedigreeSQLite, 1): 3999, key(getVersion, PedigreeNeo4j, 1): 4000,
		key(getVersion, MLflowOne, 16): 100, key(getVersion, MLflowDefault, 16): 150, key(getVersion, PedigreeSQLite, 16): 9000,
		key(listModels, MLflowOne, 1): 30, key(listModels, PedigreeSQLite, 1): 900,
		key(setAlias, MLflowDefault, 16): 100, key(setAlias, PedigreeSQLite, 16): 2900, key(setAlias, PedigreeNeo4j, 16): 1000,
		key(searchByName, PedigreeSQLite, 1): 10, key(getModel, MLflowDoor, 1): 1000, key(getModel, KubeflowDoor, 1): 700, key(getModel, MLflowDoor, 16): 1000, key(getModel, KubeflowDoor, 16): 690,
	})
	r.samples[sampleKey{setAlias.name, PedigreeSQLite, 1000, 16}][0].Written = 11 * diskPage
	r.failed[sampleKey{transition.name, MLflowOne, 1000, 16}] = errors.New("locked")
	want := map[string]string{
		"get version on sqlite, 1 at once: answers/s against the better MLflow":                    "20.0× falls short",
		"get version on neo4j, 1 at once: answers/s against the better MLflow":                     "20.0× holds",
		"get version on sqlite, 16 at once: answers/s against the better MLflow":                   "60.0× holds",
		"get version on sqlite, 16 at once: p99 against MLflow's p50":                              "444µs holds",
		"100 models with latest version on sqlite, 1 at once: answers/s against the better MLflow": "30.0× holds",
		"set alias on sqlite, 16 at once: answers/s against the better MLflow":                     "29.0× falls short",
		"set alias on sqlite, 16 at once: p99 against MLflow's p50":                                "1.379ms holds",
		"set alias on sqlite, 16 at once: pages of 4 KiB a write":                                  "11.0 falls short",
		"set alias on neo4j, 16 at once: answers/s against the better MLflow":                      "10.0× holds",
		"set alias on neo4j, 16 at once: p99 against MLflow's p50":                                 "4ms holds",
		"get model on kubeflow-door, 1 at once: answers/s against mlflow-door":                     "0.70× holds",
		"get model on kubeflow-door, 16 at once: answers/s against mlflow-door":                    "0.69× falls short",
		"works that ended with an error or a wrong answer":                                         "1 falls short",
	}
	for _, c := range r.checkTargets() {
		got := c.figure + " falls short"
		if c.holds {
			got = c.figure + " holds"
		}
		if want[c.what] != got {
			t.Errorf("%s: %s, want %q", c.what, got, want[c.what])
		}
		delete(want, c.what)
	}
	if len(want) > 0 {
		t.Errorf("not checked: %v", want)
	}
}

func TestTheRegistryTableHasEveryMeasurement(t *testing.T) {
	r := registryOf(map[sampleKey]float64{{part: getVersion.name, contender: MLflowOne, workers: 1}: 200, {part: getVersion.name, contender: PedigreeSQLite, workers: 1}: 5000,
		{part: setAlias.name, contender: PedigreeSQLite, workers: 16}: 2000})
	r.mlflow, r.resident[PedigreeSQLite] = "3.17.2", 50<<20
	r.failed[sampleKey{transition.name, MLflowOne, 1000, 16}] = errors.New("locked")
	var b strings.Builder
	r.write(&b)
	for _, row := range []string{"1000 models, MLflow 3.17.2", "| get version | 1 | mlflow-1 | 200 | 1.0 | 5ms | 20ms | 0s |  | 0 |", "| get version | 1 | sqlite | 5000 | 25.0 |",
		"| set alias | 16 | sqlite | 2000 |  | 500µs | 2ms | 0s | 9.0 | 0 |", "| sqlite | 50 |", "- transition, 16 at once: locked"} {
		if !strings.Contains(b.String(), row) {
			t.Errorf("no %q in\n%s", row, b.String())
		}
	}
}
