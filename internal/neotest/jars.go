package neotest

import (
	"context"
	_ "embed" // for the pom
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Version is the Neo4j that the tests run against.
const Version = "5.26.0"

//go:embed server/pom.xml
var pom []byte

// install is what to do on a machine without Java.
const install = "tests need a real Neo4j; install Java and Maven: apt-get install -y openjdk-17-jre-headless maven (or set PEDIGREE_TEST_NEO4J to the URL of a server)"

// cacheDir is where the jars lie.
func cacheDir() (string, error) {
	base := os.Getenv("PEDIGREE_TEST_CACHE")
	if base == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(dir, "pedigree-test")
	}
	return filepath.Join(base, "neo4j-"+Version), nil
}

// jars returns the folder with the server's jars, fetching them by Maven when it
// is not there. The folder appears by one rename, so that two test processes
// never see half of it.
func jars(ctx context.Context) (string, error) {
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "neo4j-server-"+Version+".jar")); err == nil {
		return dir, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("mvn is missing: %s", install)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), "fetching-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(part)
	pomFile := filepath.Join(part, "pom.xml")
	if err := os.WriteFile(pomFile, pom, 0o644); err != nil {
		return "", err
	}
	lib := filepath.Join(part, "lib")
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B", "-f", pomFile, "dependency:copy-dependencies", "-DoutputDirectory="+lib)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mvn could not fetch Neo4j %s: %w\n%s", Version, err, out)
	}
	if err := os.Rename(lib, dir); err != nil {
		if _, there := os.Stat(filepath.Join(dir, "neo4j-server-"+Version+".jar")); there != nil {
			return "", err
		}
	}
	return dir, nil
}
