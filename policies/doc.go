// Package policies enforces access control. Compile asks Casbin once per role, field
// and action and stores the answers in bit sets (Table). Gate holds the only Store at
// run time; it returns readers (Scope) and transactions (Tx) that are limited to what
// the actor may see and write. Nothing else may reach the store while the server runs.
package policies
