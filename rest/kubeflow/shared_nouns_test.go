package kubeflow

import "pedigree/internal/registrytest"

func init() { registrytest.CheckSharedNouns() }
