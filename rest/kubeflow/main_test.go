package kubeflow

import (
	"testing"

	"pedigree/internal/neo4jtest"
)

func TestMain(m *testing.M) { neo4jtest.Main(m) }
