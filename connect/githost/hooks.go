package githost

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"pedigree/registry"
)

// The limits of hooks: the bytes of a body, and how many deliveries are known for how long.
const (
	maxBody        = 5 << 20
	replayWindow   = 24 * time.Hour
	maxDeliveries  = 20_000
	statusQueued   = "queued"
	statusNoNews   = "ignored"
	notVerifiedFor = "the hook is not verified: check its address and its secret"
)

// Hooks receives the hooks of the repositories of a configuration.
type Hooks struct {
	repositories map[string]*Repository
	// queue is called with the name of a repository that has news, note with what tells a delivery
	// apart: it returns false for one that was noted before.
	queue func(name string)
	note  Note
	mu    sync.Mutex
	// seen are the deliveries of the last day, by their ids and by their bodies: an id is not signed,
	// so that who repeats a body could give it another one.
	seen *simplelru.LRU[[sha256.Size]byte, time.Time]
	now  func() time.Time
}

// Note notes a delivery where it outlasts the process, by digests of what tells it apart. It returns
// false when one of them was noted within the window before.
type Note func(ctx context.Context, window time.Duration, digests ...[sha256.Size]byte) (isNew bool, err error)

// NewHooks returns a receiver that calls queue for each repository that has news. With nil for note it
// knows the deliveries of its own time alone.
func NewHooks(c *Config, queue func(name string), note Note, now func() time.Time) *Hooks {
	seen, err := simplelru.NewLRU[[sha256.Size]byte, time.Time](maxDeliveries, nil)
	if err != nil {
		panic("githost: " + err.Error()) // The size is positive.
	}
	h := &Hooks{repositories: map[string]*Repository{}, queue: queue, note: note, seen: seen, now: now}
	for i, r := range c.Repositories {
		if r.Host != "" {
			h.repositories[string(r.Host)+"/"+r.Name] = &c.Repositories[i]
		}
	}
	return h
}

// Receive takes a hook. It answers UNAUTHENTICATED alike for an address that is not configured and
// for a proof that is wrong, before it looks into the body. A delivery that was seen is CONFLICT.
// The status is queued, or ignored for an event without news.
func (h *Hooks) Receive(ctx context.Context, host, name string, header http.Header, body io.Reader) (status string, err error) {
	r, rules := h.repositories[host+"/"+name], Host(host).rules()
	if r == nil || rules == nil || len(header.Values(rules.proof)) != 1 {
		return "", registry.Errorf(registry.Unauthenticated, notVerifiedFor)
	}
	if !rules.signed && !rules.proves(header, nil, r.Secret) { // The body need not be read for that.
		return "", registry.Errorf(registry.Unauthenticated, notVerifiedFor)
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	switch {
	case err != nil:
		return "", &registry.Error{Code: registry.InvalidArgument, Message: "the body could not be read", Err: err}
	case len(raw) > maxBody:
		return "", registry.Errorf(registry.ResourceExhausted, "the body is larger than %d bytes; the repository is looked at again at the next interval", maxBody)
	case !rules.proves(header, raw, r.Secret):
		return "", registry.Errorf(registry.Unauthenticated, notVerifiedFor)
	}
	delivery := rules.deliveryOf(header)
	if delivery == "" {
		return "", registry.Errorf(registry.InvalidArgument, "the header %s is missing", rules.delivery[0])
	}
	about, err := isAbout(raw, r)
	if err != nil {
		return "", err
	}
	news := rules.news[header.Get(rules.event)]
	if news && !about {
		return "", registry.Errorf(registry.InvalidArgument, "the hook is of another repository than %s; list its address under web", r.Name)
	}
	if isNew, err := h.isNew(ctx, r, delivery, raw); err != nil {
		return "", err
	} else if !isNew {
		return "", registry.Errorf(registry.Conflict, "this delivery was seen before")
	}
	if !news {
		return statusNoNews, nil
	}
	h.queue(r.Name)
	return statusQueued, nil
}

// isNew notes a delivery. It returns false when its id or its body was noted before. What this
// process knows is asked first; the store then knows what came before a restart, and to other servers.
func (h *Hooks) isNew(ctx context.Context, r *Repository, delivery string, body []byte) (bool, error) {
	place := string(r.Host) + "\x00" + r.Name + "\x00"
	sum := sha256.Sum256(body)
	keys := [][sha256.Size]byte{sha256.Sum256([]byte(place + "id\x00" + delivery)), sha256.Sum256([]byte(place + "body\x00" + string(sum[:])))}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	for _, key := range keys {
		if at, ok := h.seen.Peek(key); ok && now.Sub(at) < replayWindow {
			return false, nil
		}
	}
	if h.note != nil {
		if isNew, err := h.note(ctx, replayWindow, keys...); err != nil || !isNew {
			return false, err
		}
	}
	for _, key := range keys {
		h.seen.Add(key, now)
	}
	return true, nil
}
