package e2e

import (
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
)

func loadCompose(t *testing.T, env ...string) (*cli.ProjectOptions, error) {
	t.Helper()
	return cli.NewProjectOptions([]string{"../../docker-compose.yml"}, cli.WithEnv(env), cli.WithName("pedigree"))
}

func TestComposeHasHealthChecksAndNoDefaultPassword(t *testing.T) {
	t.Parallel()
	o, err := loadCompose(t, "NEO4J_PASSWORD=a-password-of-mine")
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, image := range map[string]string{"neo4j": "neo4j:5.26", "pedigree": ""} {
		s, err := p.GetService(name)
		if err != nil {
			t.Fatal(err)
		}
		if s.HealthCheck == nil || len(s.HealthCheck.Test) == 0 || image != "" && s.Image != image {
			t.Errorf("%s: image %q, health check %+v", name, s.Image, s.HealthCheck)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s on %q", name, port.Published, port.HostIP)
			}
		}
	}
	if o, err = loadCompose(t); err == nil {
		_, err = o.LoadProject(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "NEO4J_PASSWORD") {
		t.Errorf("without a password it loads: %v", err)
	}
}
