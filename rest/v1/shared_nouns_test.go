package v1

import "pedigree/internal/registrytest"

func init() { registrytest.CheckSharedNouns() }
