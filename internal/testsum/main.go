// Command testsum summarizes the output of go test -json on standard input. It prints
// the full output of failures, a line for each package, the number of conformance
// subtests of each store, and the numbers of passed, failed and skipped tests.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

func main() {
	os.Exit(summarize())
}

// summarize returns the exit code: 1 when a test failed or was skipped, or when no
// test ran.
func summarize() int {
	s := newSummary()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 16<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text()) // Build errors are plain text, not JSON.
			continue
		}
		s.add(e)
	}
	return s.finish()
}

type summary struct {
	output                  map[string][]string // by package and test, until it ends
	passed, failed, skipped int
	packages                int
	conformance             map[string]int // passed conformance subtests by package
	times                   []testTime     // of the tests, without subtests
	packageFailed           bool           // a package failed or did not build
}

// testTime is how long a test took, in seconds.
type testTime struct {
	name    string
	seconds float64
}

// slowestTests is how many of the slowest tests are printed.
const slowestTests = 10

func newSummary() *summary {
	return &summary{output: map[string][]string{}, conformance: map[string]int{}}
}

func (s *summary) add(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		s.output[key] = append(s.output[key], e.Output)
		if strings.Contains(e.Output, "PROOF") {
			fmt.Print(e.Output)
		}
	case "pass", "fail", "skip":
		s.addResult(e, key)
	case "build-fail":
		s.packageFailed = true
		fmt.Print(strings.Join(s.output[key], ""))
	}
}

// addResult adds the result of a test, or of a package when there is no test.
func (s *summary) addResult(e event, key string) {
	if e.Test == "" {
		if e.Action != "skip" { // go test reports a package without tests as skipped.
			s.packages++
			fmt.Printf("%-5s %-45s %7.1fs\n", e.Action, e.Package, e.Elapsed)
		}
		if e.Action == "fail" {
			s.packageFailed = true
			fmt.Print(strings.Join(s.output[key], ""))
		}
		delete(s.output, key)
		return
	}
	if !strings.Contains(e.Test, "/") {
		s.times = append(s.times, testTime{e.Package + " " + e.Test, e.Elapsed})
	}
	switch e.Action {
	case "pass":
		s.passed++
		if strings.HasPrefix(e.Test, "TestStore/") {
			s.conformance[e.Package]++
		}
	case "skip":
		s.skipped++
		fmt.Printf("SKIPPED %s\n%s", key, strings.Join(s.output[key], ""))
	case "fail":
		s.failed++
		fmt.Printf("FAILED %s\n%s", key, strings.Join(s.output[key], ""))
	}
	delete(s.output, key)
}

// finish prints the counts and returns the exit code.
func (s *summary) finish() int {
	stores := make([]string, 0, len(s.conformance))
	for p := range s.conformance {
		stores = append(stores, p)
	}
	sort.Strings(stores)
	for _, p := range stores {
		fmt.Printf("conformance subtests on %s: %d\n", p, s.conformance[p])
	}
	sort.Slice(s.times, func(i, j int) bool { return s.times[i].seconds > s.times[j].seconds })
	fmt.Println("the slowest tests:")
	for _, t := range s.times[:min(slowestTests, len(s.times))] {
		fmt.Printf("  %6.1fs %s\n", t.seconds, t.name)
	}
	fmt.Printf("%d packages\n%d passed, %d failed, %d skipped\n", s.packages, s.passed, s.failed, s.skipped)
	if s.failed > 0 || s.skipped > 0 || s.packageFailed || s.passed == 0 {
		return 1
	}
	return 0
}
