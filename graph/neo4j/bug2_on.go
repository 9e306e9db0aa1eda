//go:build bug2

package neo4j

const planted = 2
