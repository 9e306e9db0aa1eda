// Package history holds the tests of the past over the GraphQL door, on both
// stores: what was answered at every instant is answered again when it is asked as
// of that instant. It has no code of its own.
package history
