package door

import "pedigree/internal/registrytest"

func init() { registrytest.CheckSharedNouns() }
