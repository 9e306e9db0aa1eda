// Package notify tells receivers what the log says: webhooks by the Standard Webhooks specification,
// in MLflow's form, Slack, Teams, and mail. The log is the outbox: a webhook is a position in it, which moves when its
// receiver has taken an event. So an event is told at least once, in order, with the same id each
// time, whatever ends the server.
package notify

import (
	"context"
	"crypto/x509"
	"log/slog"
	"math/rand/v2"
	"time"

	"pedigree/registry"
	"pedigree/service/feed"
	"pedigree/service/provenance"
	"pedigree/service/webhooks"
)

// Outbox is what the worker needs of the service.
type Outbox interface {
	// ClaimDeliveries claims the right to deliver, which one server of a store has at a time.
	ClaimDeliveries(ctx context.Context, last time.Duration) (bool, error)
	ReleaseDeliveries(ctx context.Context) error
	// DueWebhooks returns all webhooks, with where each is.
	DueWebhooks(ctx context.Context) ([]*webhooks.Due, error)
	// AsSubjectOf returns a context that acts as the subject of a webhook.
	AsSubjectOf(ctx context.Context, d *webhooks.Due) (context.Context, error)
	Told(ctx context.Context, q feed.ToldQuery) ([]feed.Told, int64, error)
	NodesOfRecall(ctx context.Context, r *registry.Recall) ([]registry.ProvenanceNode, error)
	// ReferenceOf returns the artifact of a version that MLflow calls its source.
	ReferenceOf(ctx context.Context, v *registry.ModelVersion, name string) (*registry.Artifact, error)
	// OwnersTold, BeginOwners, NoteOwnersTold, OwnerNotices and NoteOwner keep which owners were told of
	// which recall.
	OwnersTold(ctx context.Context) (position int64, begun bool, err error)
	BeginOwners(ctx context.Context) error
	NoteOwnersTold(ctx context.Context, position int64) error
	OwnerNotices(ctx context.Context, recall registry.ID, owners []string) ([]webhooks.OwnerNotice, error)
	NoteOwner(ctx context.Context, recall registry.ID, n webhooks.OwnerNotice) error
	// EachAffected hands out the live deployments that a recall concerns.
	EachAffected(ctx context.Context, id registry.ID, live *bool, emit func([]*provenance.AffectedEdge) error) (*provenance.Truncation, error)
	SeenByOwner(ctx context.Context, ids []registry.ID) ([]registry.Node, error)
	RecallStateOf(ctx context.Context, n registry.Node) (*registry.RecallState, error)
	NoteDelivery(ctx context.Context, d *webhooks.Due, note webhooks.Note) error
	WebhooksChanged() <-chan struct{}
	WatchEvents() (happened <-chan struct{}, end func())
}

// Config configures a worker.
type Config struct {
	// AllowPrivate lets webhooks go to loopback and private addresses, and without TLS.
	AllowPrivate bool
	// PublicURL is where the dashboard is, for links; "" for none.
	PublicURL string
	// Mail sends mails; nil without a mail server.
	Mail *Mail
	// Owners makes owners be told of recalls without having asked for it; nil, or without a mail server,
	// they are not.
	Owners *Owners
	// Attempts is how often an event is tried before it is a dead letter, 0 for DefaultAttempts.
	Attempts int
	// FirstPause is the pause after the first attempt, which doubles each time; 0 for DefaultPause.
	FirstPause time.Duration
	// Timeout is how long a receiver may take, 0 for 15 s.
	Timeout time.Duration
	// Roots are the certificates that are trusted, nil for those of the system.
	Roots *x509.CertPool
	// Now is the clock, and Rand gives numbers from 0 up to 1 for the jitter; nil for those of the
	// system.
	Now  func() time.Time
	Rand func() float64
	Log  *slog.Logger
}

// The defaults: the last of twelve attempts is more than half an hour after the first.
const (
	DefaultAttempts = 12
	DefaultPause    = time.Second
	defaultTimeout  = 15 * time.Second
	// longestPause is the longest pause between two attempts.
	longestPause = time.Hour
)

func (c Config) filled() Config {
	if c.Attempts == 0 {
		c.Attempts = DefaultAttempts
	}
	if c.FirstPause == 0 {
		c.FirstPause = DefaultPause
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// pause returns the pause after an attempt: it doubles each time, and has a jitter of half of it,
// so that those who failed together do not come back together.
func (c Config) pause(attempt int) time.Duration {
	d := c.FirstPause
	for i := 1; i < attempt && d < longestPause; i++ {
		d *= 2
	}
	d = min(d, longestPause)
	return d/2 + time.Duration(c.Rand()*float64(d/2))
}
