//go:build bug3

package neo4j

const planted = 3
