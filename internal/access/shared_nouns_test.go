package access

import "pedigree/internal/registrytest"

func init() { registrytest.CheckSharedNouns() }
