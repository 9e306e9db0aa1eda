package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// fact is one line of JSON Lines, as pedigree load reads it.
type fact map[string]any

// growthFacts calls yield with the facts of a store in which every kind of parent has n
// children: n models, a model with n versions, a version with n transitions, a model
// with n aliases, a version with n deployments, a dataset with n versions, and n runs,
// datasets, commits and tags. Stores of all sizes have the same shape.
func growthFacts(n int, yield func(fact) error) error {
	for _, facts := range []func(int) []fact{growthParents, growthModel, growthVersion, growthDataset, growthCode} {
		for i := range n {
			for _, f := range facts(i) {
				if err := yield(f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// growthTime returns the time of the ith child. All are in the past.
func growthTime(i int) string {
	return time.Date(2020, 1, 1, 0, i, 0, 0, time.UTC).Format(time.RFC3339)
}

func growthOwner(i int) string { return []string{"ada", "bob", "cyd", "dan", "eve"}[i%5] }

// growthSHA returns the hash of the ith commit.
func growthSHA(i int) string { return fmt.Sprintf("%040x", i+1) }

func modelFact(name string, i int) fact {
	return fact{"model": fact{"name": name, "owner": growthOwner(i), "description": fmt.Sprintf("predicts thing %d", i), "createdAt": growthTime(i)}}
}

func versionFact(model, version string, i int) fact {
	return fact{"modelVersion": fact{"model": model, "version": version, "createdDate": growthTime(i), "owner": growthOwner(i),
		"card": fact{"description": fmt.Sprintf("card %d", i)}}}
}

func transitionFact(model, version, to string, i int) fact {
	return fact{"transition": fact{"model": model, "version": version, "to": to, "at": growthTime(i), "force": true, "reason": "as it was"}}
}

// growthParents returns, before the first child, the parents of a single version.
func growthParents(i int) (out []fact) {
	if i > 0 {
		return nil
	}
	for _, name := range []string{"big", "moved", "named", "deployed"} {
		out = append(out, modelFact(name, 0), versionFact(name, "1.0.0", 0), versionFact(name, "1.0.1", 0))
	}
	return append(out, transitionFact("deployed", "1.0.0", "PRODUCTION", 1))
}

// growthModel returns a model with a version; every tenth is in production.
func growthModel(i int) []fact {
	name := fmt.Sprintf("model-%06d", i)
	out := []fact{modelFact(name, i), versionFact(name, "1.0.0", i)}
	if i%10 == 0 {
		out = append(out, transitionFact(name, "1.0.0", "PRODUCTION", i+1))
	}
	return out
}

// growthVersion returns a child of each model or version that has many of one kind.
// The first ten aliases are of one version, all others of another.
func growthVersion(i int) []fact {
	to, named := []string{"STAGING", "DEVELOPMENT"}[i%2], []string{"1.0.0", "1.0.1"}[min(1, i/10)]
	return []fact{
		versionFact("big", fmt.Sprintf("1.%d.%d", 1+i/100, i%100), i+1),
		transitionFact("moved", "1.0.0", to, i+1),
		{"alias": fact{"model": "named", "alias": fmt.Sprintf("alias-%06d", i), "version": named, "at": growthTime(i + 1)}},
		{"deployment": fact{"model": "deployed", "version": "1.0.0", "environment": fmt.Sprintf("env%06d", i), "startedAt": growthTime(i + 2)}},
	}
}

func growthDataset(i int) []fact {
	return []fact{
		{"datasetVersion": fact{"dataset": "big", "version": fmt.Sprintf("v%06d", i), "role": "RAW", "rows": 1000, "createdAt": growthTime(i)}},
		{"datasetVersion": fact{"dataset": fmt.Sprintf("d%06d", i), "namespace": "many", "version": "1", "owner": growthOwner(i), "createdAt": growthTime(i)}},
		{"run": fact{"producer": "airflow", "runId": fmt.Sprintf("r%06d", i), "name": fmt.Sprintf("step %d", i), "runKind": []string{"ETL", "TRAINING"}[i%2], "startedAt": growthTime(i)}},
	}
}

// growthCode returns a commit and a tag of the first commit.
func growthCode(i int) []fact {
	parents := []string{}
	if i > 0 {
		parents = append(parents, growthSHA(i-1))
	}
	repository := fact{"name": "repo"}
	return []fact{
		{"commits": fact{"repository": repository, "commits": []fact{{"sha": growthSHA(i), "parents": parents, "message": fmt.Sprintf("feat: change %d", i), "author": "ada", "committedAt": growthTime(i)}}}},
		{"tag": fact{"repository": repository, "name": fmt.Sprintf("v%06d", i), "sha": growthSHA(0), "taggedAt": growthTime(i)}},
	}
}

// writeGrowthFacts writes the facts to a file.
func writeGrowthFacts(file string, n int) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	buffered := bufio.NewWriter(f)
	lines := json.NewEncoder(buffered)
	if err := growthFacts(n, func(line fact) error { return lines.Encode(line) }); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return f.Close()
}
