//go:build !bug1 && !bug2 && !bug3

package neo4j

// planted is the bug that a build tag plants, 0 for none: the differential run
// must find each, which shows that it can fail.
const planted = 0
