// Package access holds tests of who may see and do what: the matrix of roles
// against the schema, canary tokens in hidden fields, the authorization of every
// method, and abusive requests to the GraphQL endpoint. It has no code of its own.
// No program may write testdata/matrix.golden; people write it by hand.
package access
