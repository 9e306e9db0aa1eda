// Package access holds the tests of who sees and does what: the matrix of roles
// against the schema, the canaries in hidden fields, the gate and the abuse of
// the GraphQL door. It has no code of its own; testdata/matrix.golden is written by
// hand.
package access
