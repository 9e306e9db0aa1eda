// Package policies decides who sees and does what. Casbin decides once, when a
// policy is loaded; its answers for every role, field and action are compiled
// into bitsets (Table), and Gate, the only holder of a Store at run time, hands
// out readers and transactions that are narrowed to what the actor may see.
package policies
