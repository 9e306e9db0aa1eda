//go:build bug1

package neo4j

const planted = 1
