//go:build bug2

package neo4j

const injectedBug = 2
