//go:build !bug1 && !bug2 && !bug3

package neo4j

// injectedBug is the bug that a build tag injects, 0 for none. The differential run
// must find each of them, which proves that it can fail.
const injectedBug = 0
