//go:build bug3

package neo4j

const injectedBug = 3
