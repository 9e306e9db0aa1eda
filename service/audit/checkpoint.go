package audit

import (
	"context"
	"encoding/hex"

	"pedigree/audit"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// AuditCheckpoint is the state of the log, signed by this server.
type AuditCheckpoint struct {
	Origin string
	Size   int64
	// Root is in hex.
	Root string
	// Note is the checkpoint as a signed note, the form that other tools read. PublicKey
	// verifies it.
	Note, PublicKey string
}

// LogOrigin returns the name of this registry's log, which is also that of its keys. It
// derives from the store's secret: all servers of a store have the same.
func (a *Auditor) LogOrigin() string {
	return "pedigree/log/" + hex.EncodeToString(a.core.Gate.Key("log origin")[:8])
}

// SetLogKey makes this server sign checkpoints with a key, and records the key's public half
// in the log when that is new: a verifier finds there which keys the log had and since when.
// INVALID_ARGUMENT for a key of another log.
func (a *Auditor) SetLogKey(ctx context.Context, key *audit.Key) error {
	if _, err := a.core.Gate.Read(ctx, registry.AccessManage); err != nil {
		return err
	}
	known, err := a.LogKeys(ctx)
	if err != nil {
		return err
	}
	if key.Origin() != a.LogOrigin() {
		return registry.Errorf(registry.InvalidArgument, "the log's key is of the log %q, and this one is %q; leave the key out to have one made", registry.Shorten(key.Origin(), 100), a.LogOrigin())
	}
	for _, k := range known {
		if k == key.Public {
			a.use(key)
			return nil
		}
	}
	_, err = a.core.Write(ctx, registry.AccessManage, core.NotIdempotent, func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return core.WriteResult{Changed: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogKeyAdded, Detail: core.LogDetail("publicKey", key.Public)})
	})
	if err == nil {
		a.use(key)
	}
	return err
}

func (a *Auditor) use(key *audit.Key) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.signing = key
}

// maxLogKeys is the most public keys of a log that are read: the newest.
const maxLogKeys = 100

// LogKeys returns the public keys that the log has recorded, newest first.
func (a *Auditor) LogKeys(ctx context.Context) ([]string, error) {
	scope, err := a.core.Gate.Read(ctx, registry.LogRead)
	if err != nil {
		return nil, err
	}
	entries, err := scope.Log(ctx, graph.LogQuery{Actions: []registry.LogAction{registry.LogKeyAdded}, Desc: true, Limit: maxLogKeys})
	if err != nil {
		return nil, err
	}
	var out []string
	for i := range entries {
		if k := audit.RecordedKey(&entries[i]); k != "" {
			out = append(out, k)
		}
	}
	return out, nil
}

// AuditCheckpoint returns the state of the log, signed. FAILED_PRECONDITION when this server
// has no key.
func (a *Auditor) AuditCheckpoint(ctx context.Context) (*AuditCheckpoint, error) {
	t, err := a.readTree(ctx)
	if err != nil {
		return nil, err
	}
	return a.checkpoint(t)
}

func (a *Auditor) checkpoint(t *tree) (*AuditCheckpoint, error) {
	key := a.key()
	if key == nil {
		return nil, errNoKey()
	}
	root, err := t.hashes.Root(t.size)
	if err != nil {
		return nil, err
	}
	note, err := key.Sign(t.size, root)
	if err != nil {
		return nil, err
	}
	return &AuditCheckpoint{Origin: key.Origin(), Size: t.size, Root: hex.EncodeToString(root[:]), Note: note, PublicKey: key.Public}, nil
}

// errNoKey says that this server signs nothing.
func errNoKey() error {
	return registry.Errorf(registry.FailedPrecondition, "this server has no key for the log; start it with --data, where the file log-key is made, or set PEDIGREE_LOG_KEY")
}
