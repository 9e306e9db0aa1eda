package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/graph/sqlite"
	"pedigree/registry"
)

// TestMain also runs the test binary as its own child process: one that writes until
// it is killed, or one side of a race.
func TestMain(m *testing.M) {
	switch path := os.Getenv("SQLITE_TEST_PATH"); os.Getenv("SQLITE_TEST_CHILD") {
	case "write":
		exit(writeUntilKilled(path, os.Getenv("SQLITE_TEST_ARG")))
	case "race":
		exit(raceSide(path, os.Getenv("SQLITE_TEST_ARG")))
	}
	os.Exit(m.Run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err, errors.Unwrap(err))
		os.Exit(1)
	}
	os.Exit(0)
}

func startChild(t *testing.T, mode, path, arg string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SQLITE_TEST_CHILD="+mode, "SQLITE_TEST_PATH="+path, "SQLITE_TEST_ARG="+arg)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// writeOne writes a node, an edge to the node before and a log entry, so that a reader
// can check whether the whole update was written.
func writeOne(ctx context.Context, s graph.Store, name, before string) error {
	return s.Update(ctx, func(tx graph.Tx) error {
		n := &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, name), Kind: registry.KindDatasetVersion, Name: name, Slots: []string{"w/" + name}}
		if err := tx.Put(ctx, n); err != nil {
			return err
		}
		if before != "" {
			e := &graph.Edge{Kind: registry.EdgeDerivedFrom, From: n.ID, To: registry.NewID(registry.KindDatasetVersion, before), By: "child"}
			if err := tx.Link(ctx, e); err != nil {
				return err
			}
		}
		return tx.Append(ctx, &registry.LogEntry{Actor: "child", Action: registry.LogImported, Objects: []registry.ID{n.ID}})
	})
}

// writeUntilKilled prints a line for every write after Update has returned.
func writeUntilKilled(path, round string) error {
	s, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	failed := make(chan error)
	for w := range 4 {
		go func() {
			before := ""
			for i := 0; ; i++ {
				name := fmt.Sprintf("%s-%d-%d", round, w, i)
				if err := writeOne(context.Background(), s, name, before); err != nil {
					failed <- err
					return
				}
				mu.Lock()
				fmt.Println(name)
				mu.Unlock()
				before = name
			}
		}()
	}
	return <-failed
}

func TestAcknowledgedWritesSurviveAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	var acknowledged []string
	for round := range graphtest.Rounds() {
		cmd, out := startChild(t, "write", path, strconv.Itoa(round))
		lines := bufio.NewScanner(out)
		// The time until the kill starts with the first write: the child may start slowly.
		for first := true; lines.Scan(); first = false {
			if first {
				time.AfterFunc(time.Duration(10+17*(round%7))*time.Millisecond, func() { cmd.Process.Kill() })
			}
			acknowledged = append(acknowledged, lines.Text())
		}
		cmd.Wait()
		checkAcknowledged(t, path, acknowledged)
	}
	if len(acknowledged) < graphtest.Rounds() {
		t.Fatalf("only %d writes were acknowledged", len(acknowledged))
	}
	t.Logf("%d acknowledged writes in %d rounds", len(acknowledged), graphtest.Rounds())
}

func checkAcknowledged(t *testing.T, path string, acknowledged []string) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatalf("reopen: %v", err)
	}
	defer s.Close()
	ids := make([]registry.ID, len(acknowledged))
	for i, name := range acknowledged {
		ids[i] = registry.NewID(registry.KindDatasetVersion, name)
	}
	nodes, err := s.Nodes(t.Context(), graph.Instant{}, ids...)
	if err != nil {
		t.Fatal(err)
	}
	logged := map[registry.ID]bool{}
	list, err := s.Log(t.Context(), graph.LogQuery{Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range list {
		hash := e.LeafHash
		if e.Seal(); e.Seq != int64(i+1) || e.LeafHash != hash {
			t.Fatalf("entry %d has sequence %d", i+1, e.Seq)
		}
		logged[e.Objects[0]] = true
	}
	hops, err := s.Neighbors(t.Context(), graph.NeighborQuery{IDs: ids, Direction: graph.Upstream, LimitPerNode: 2, Bare: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range nodes {
		first := strings.HasSuffix(acknowledged[i], "-0")
		if n == nil || !logged[ids[i]] || len(n.Slots) != 1 || first != (len(hops[i].Edges) == 0) {
			t.Fatalf("%s was acknowledged and is not complete: %+v", acknowledged[i], n)
		}
	}
}

func raceSide(path, arg string) error {
	var side, rounds int
	if _, err := fmt.Sscan(arg, &side, &rounds); err != nil {
		return err
	}
	s, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return err
	}
	won, err := graphtest.RaceSide(context.Background(), s, side, rounds)
	fmt.Println(won)
	return errors.Join(err, s.Close())
}

func TestTwoProcessesRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s := open(t, path)
	rounds := 20 * graphtest.Rounds()
	graphtest.RaceStart(t, s, rounds)
	var cmds [2]*exec.Cmd
	var outs [2]io.Reader
	for side := range 2 {
		cmds[side], outs[side] = startChild(t, "race", path, fmt.Sprint(side, " ", rounds))
	}
	total := 0
	for side := range 2 {
		var won int
		if _, err := fmt.Fscan(outs[side], &won); err != nil {
			t.Errorf("side %d: %v", side, err)
		}
		if err := cmds[side].Wait(); err != nil {
			t.Errorf("side %d: %v", side, err)
		}
		total += won
	}
	graphtest.RaceEnd(t, s, rounds, total)
}
