package neo4jtest

import (
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

func TestAServerAnswersUntilStop(t *testing.T) {
	s, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	s.Stop()
	for i := 0; i < 50; i++ {
		if c, err = net.Dial("tcp", u.Host); err != nil {
			return
		}
		c.Close()
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("the server still answers after Stop")
}

func TestTheErrorWithoutJavaSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Start(t.Context()); err == nil || !strings.Contains(err.Error(), "apt-get install -y openjdk-17-jre-headless maven") {
		t.Errorf("Start returned error %v", err)
	}
	t.Setenv("PEDIGREE_TEST_CACHE", t.TempDir())
	if _, err := jars(t.Context()); err == nil || !strings.Contains(err.Error(), "mvn is missing") {
		t.Errorf("jars returned error %v", err)
	}
}
