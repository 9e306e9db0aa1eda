package service_test

import "pedigree/internal/registrytest"

func init() { registrytest.CheckSharedNouns() }
