//go:build bug1

package neo4j

const injectedBug = 1
