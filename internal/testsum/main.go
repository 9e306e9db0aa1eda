// Command testsum reads the output of go test -json, shows the failures whole and
// a line for each package, and closes with counts: of tests and subtests passed,
// failed and skipped, and of the conformance suite's on each store.
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
	os.Exit(sum())
}

// sum copies what matters and returns the exit code: 1 when anything failed, was
// skipped, or nothing ran.
func sum() int {
	s := newSummary()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 16<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text()) // A build error is told in plain text.
			continue
		}
		s.take(e)
	}
	return s.close()
}

type summary struct {
	output                  map[string][]string
	passed, failed, skipped int
	packages                int
	conformance             map[string]int
	broken                  bool
}

func newSummary() *summary {
	return &summary{output: map[string][]string{}, conformance: map[string]int{}}
}

func (s *summary) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		s.output[key] = append(s.output[key], e.Output)
		if strings.Contains(e.Output, "PROOF") {
			fmt.Print(e.Output)
		}
	case "pass", "fail", "skip":
		s.done(e, key)
	case "build-fail":
		s.broken = true
		fmt.Print(strings.Join(s.output[key], ""))
	}
}

func (s *summary) done(e event, key string) {
	if e.Test == "" {
		if e.Action != "skip" { // A package without tests says skip.
			s.packages++
			fmt.Printf("%-5s %-45s %7.1fs\n", e.Action, e.Package, e.Elapsed)
		}
		if e.Action == "fail" {
			s.broken = true
			fmt.Print(strings.Join(s.output[key], ""))
		}
		delete(s.output, key)
		return
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

func (s *summary) close() int {
	stores := make([]string, 0, len(s.conformance))
	for p := range s.conformance {
		stores = append(stores, p)
	}
	sort.Strings(stores)
	for _, p := range stores {
		fmt.Printf("conformance subtests on %s: %d\n", p, s.conformance[p])
	}
	fmt.Printf("%d packages\n%d passed, %d failed, %d skipped\n", s.packages, s.passed, s.failed, s.skipped)
	if s.failed > 0 || s.skipped > 0 || s.broken || s.passed == 0 {
		return 1
	}
	return 0
}
