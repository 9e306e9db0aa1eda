package mlflow

import "pedigree/internal/registrytest"

func init() { registrytest.CheckSharedNouns() }
