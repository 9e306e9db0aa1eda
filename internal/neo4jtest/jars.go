package neo4jtest

import (
	"context"
	_ "embed" // for the pom
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Version is the version of Neo4j that the tests use.
const Version = "5.26.0"

//go:embed server/pom.xml
var pom []byte

// installHelp is the advice for a machine without Java or Maven.
const installHelp = "tests need a real Neo4j; install Java and Maven: apt-get install -y openjdk-17-jre-headless maven (or set PEDIGREE_TEST_NEO4J to the URL of a server)"

// cacheDir returns the folder of the jars.
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

// jars returns the folder with the server's jars. It downloads them with Maven when
// the folder does not exist. One rename creates the folder, so that other test
// processes never see it incomplete.
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
		return "", fmt.Errorf("mvn is missing: %s", installHelp)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "fetching-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	pomFile := filepath.Join(tmp, "pom.xml")
	if err := os.WriteFile(pomFile, pom, 0o644); err != nil {
		return "", err
	}
	lib := filepath.Join(tmp, "lib")
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B", "-f", pomFile, "dependency:copy-dependencies", "-DoutputDirectory="+lib)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mvn could not fetch Neo4j %s: %w\n%s", Version, err, out)
	}
	if err := os.Rename(lib, dir); err != nil {
		// Another process may have created the folder first.
		if _, statErr := os.Stat(filepath.Join(dir, "neo4j-server-"+Version+".jar")); statErr != nil {
			return "", err
		}
	}
	return dir, nil
}
