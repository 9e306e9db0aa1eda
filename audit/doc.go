// Package audit proves what the log of a registry says. The leaves of its Merkle tree (RFC
// 6962) are the hashes of the log's entries. The package makes and checks proofs that an
// entry is in the log and that a log grew out of an earlier one, signs checkpoints, and cuts
// the tree into tiles, in the formats of the C2SP specifications tlog-checkpoint, tlog-tiles
// and signed-note, which other tools read. It reads hashes through an interface, and
// otherwise does no input or output but on the readers and writers that it is given.
package audit
