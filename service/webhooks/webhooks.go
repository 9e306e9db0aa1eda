// Package webhooks holds the use cases of webhooks and of personal settings of notifications: they
// are made, changed and listed; and what a deliverer needs: the events of each, and where it is.
//
// A webhook is a position in the log, as a subscription is: nothing is kept for it but the number
// up to which it was told. The numbers are beside the graph, in the counters of the store.
package webhooks

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/feed"
)

// Hooks has the use cases of webhooks. It is safe for concurrent use.
type Hooks struct {
	core *core.Core
	feed *feed.Feed
	// secretKey makes the secrets: none is stored.
	secretKey []byte
	// sealKey encrypts the secrets that their owners chose.
	sealKey []byte
	changed changeBell
	// listened is true when a deliverer of this process waits for changes.
	listened  atomic.Bool
	leaseLock sync.Mutex
	lease     *policies.Lease
}

// New returns the use cases of webhooks.
func New(c *core.Core, f *feed.Feed) *Hooks {
	return &Hooks{core: c, feed: f, secretKey: c.Gate.Key("webhooks"), sealKey: c.Gate.Key("webhook secrets")}
}

// secretPrefix starts every secret, as the Standard Webhooks specification says.
const secretPrefix = "whsec_"

// secret returns the secret of a webhook that was made as the nth one.
func (h *Hooks) secret(id registry.ID, n int) string {
	m := hmac.New(sha256.New, h.secretKey)
	m.Write([]byte(string(id) + "/" + strconv.Itoa(n)))
	return secretPrefix + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// checkAddress checks where a webhook is told. Whether an address is allowed is decided when a
// connection is made.
func checkAddress(format registry.WebhookFormat, address *string) error {
	*address = strings.TrimSpace(*address)
	if err := core.CheckRequiredKey("address", address); err != nil {
		return err
	}
	if format == registry.WebhookEmail {
		a, err := mail.ParseAddress(*address)
		if err != nil || a.Address != *address {
			return registry.Invalid("address", "must be a plain mail address, such as ann@example.com")
		}
		return nil
	}
	u, err := url.Parse(*address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return registry.Invalid("address", "must be a URL such as https://example.com/hook")
	case u.User != nil || u.Fragment != "":
		return registry.Invalid("address", "must have no user, password or fragment")
	}
	*address = u.String()
	return nil
}

// checkEvents checks kinds of events, and puts them in order.
func checkEvents(events []registry.WebhookEvent) ([]registry.WebhookEvent, error) {
	var out []registry.WebhookEvent
	for _, known := range registry.WebhookEvents() {
		if slices.Contains(events, known) {
			out = append(out, known)
		}
	}
	if len(out) != len(events) || len(out) == 0 {
		return nil, registry.Invalid("events", "must be some of %v, each once", registry.WebhookEvents())
	}
	return out, nil
}

// host is what the log says of an address: the rest may be a secret.
func host(w *registry.Webhook) string {
	if w.Format == registry.WebhookEmail {
		return w.Address[strings.LastIndexByte(w.Address, '@')+1:]
	}
	u, err := url.Parse(w.Address)
	if err != nil {
		return ""
	}
	return u.Host
}

// logHook appends the log entry of a change of a webhook.
func logHook(ctx context.Context, tx *policies.Tx, w *registry.Webhook, action registry.LogAction) error {
	events := make([]string, len(w.Events))
	for i, e := range w.Events {
		events[i] = string(e)
	}
	return tx.Log(ctx, registry.LogEntry{Action: action, Objects: []registry.ID{w.ID, registry.ActorID(w.Subject)},
		Detail: core.LogDetail("name", w.Name, "subject", w.Subject, "format", string(w.Format), "host", host(w), "events", strings.Join(events, ","), "model", w.Model, "paused", w.Paused)})
}

// put writes a webhook.
func put(ctx context.Context, tx *policies.Tx, w *registry.Webhook, revision int64) error {
	if w.UpdatedAt = tx.Now(); revision == 0 {
		w.CreatedAt, w.CreatedBy, w.ValidFrom = tx.Now(), tx.Subject(), tx.Now()
	}
	n, err := encode(w)
	if err != nil {
		return err
	}
	n.Since = tx.Now()
	return tx.Put(ctx, n)
}

func encode(w *registry.Webhook) (*graph.Node, error) {
	doc, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	return &graph.Node{ID: w.ID, Kind: registry.KindWebhook, Parent: registry.ActorID(w.Subject), Name: w.Name, ValidFrom: w.ValidFrom, ValidTo: w.ValidTo, Doc: doc}, nil
}

// readIndex returns the index of webhooks and its node, nil before the first webhook.
func readIndex(ctx context.Context, tx *policies.Tx) (index registry.WebhookIndex, n *graph.Node, err error) {
	nodes, err := tx.NodesUnfiltered(ctx, registry.WebhookIndexID())
	if err != nil || nodes[0] == nil {
		return index, nil, err
	}
	return index, nodes[0], core.DecodeDoc(nodes[0], &index)
}

func putIndex(ctx context.Context, tx *policies.Tx, index registry.WebhookIndex, old *graph.Node) error {
	doc, err := json.Marshal(index)
	if err != nil {
		return err
	}
	from := tx.Now()
	if old != nil {
		from = old.ValidFrom
	}
	return tx.Put(ctx, &graph.Node{ID: registry.WebhookIndexID(), Kind: registry.KindWebhookIndex, Name: "webhooks", ValidFrom: from, Since: tx.Now(), Doc: doc})
}

// add makes a webhook: it gets its number, and a place in the index.
func add(ctx context.Context, tx *policies.Tx, w *registry.Webhook) error {
	index, old, err := readIndex(ctx, tx)
	if err != nil {
		return err
	}
	all, own := 0, 0
	for _, e := range index.Webhooks {
		if e.Personal == w.Personal {
			if all++; e.Subject == w.Subject {
				own++
			}
		}
	}
	most := registry.MaxWebhooks
	if w.Personal {
		most = registry.MaxNotified
	}
	if all >= most || own >= registry.MaxSubjectWebhooks {
		return registry.Errorf(registry.ResourceExhausted, "there may be %d webhooks, %d of one subject; delete some first", most, registry.MaxSubjectWebhooks)
	}
	index.Last++
	w.Number, w.ID, w.Secrets = index.Last, registry.WebhookID(index.Last), 1
	index.Webhooks = append(index.Webhooks, registry.WebhookEntry{ID: w.ID, Subject: w.Subject, Personal: w.Personal})
	return putIndex(ctx, tx, index, old)
}

// find finds a webhook that the caller may manage; NOT_FOUND otherwise.
func find(ctx context.Context, tx *policies.Tx, id registry.ID) (*registry.Webhook, int64, error) {
	nodes, err := tx.Scope().Webhooks(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	w := &registry.Webhook{}
	if nodes[0] != nil {
		if w, err = core.DecodeWhole(nodes[0], w); err != nil {
			return nil, 0, err
		}
	}
	if nodes[0] == nil || w.Personal {
		return nil, 0, registry.Errorf(registry.NotFound, "there is no such webhook; list yours with the query webhooks")
	}
	return w, nodes[0].Revision, nil
}

// modelOf returns the id of the model with a name that the caller sees; "" for no name.
func modelOf(ctx context.Context, tx *policies.Tx, name string) (registry.ID, error) {
	if name == "" {
		return "", nil
	}
	n, err := tx.SlotHolder(ctx, registry.ModelNameSlot(name))
	if err != nil {
		return "", err
	}
	if n != nil {
		seen, err := tx.Nodes(ctx, n.ID)
		if err != nil {
			return "", err
		}
		n = seen[0]
	}
	if n == nil {
		return "", registry.Errorf(registry.NotFound, "there is no model %q", registry.Shorten(name, 100))
	}
	return n.ID, nil
}
