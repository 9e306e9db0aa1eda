package registry

import (
	"slices"
	"time"
)

// WebhookFormat is the form in which a webhook is told.
type WebhookFormat string

// The formats: JSON by the Standard Webhooks specification, what the incoming webhooks of Slack and
// Teams take, mail, and what MLflow's webhooks send.
const (
	WebhookStandard WebhookFormat = "STANDARD"
	WebhookSlack    WebhookFormat = "SLACK"
	WebhookTeams    WebhookFormat = "TEAMS"
	WebhookEmail    WebhookFormat = "EMAIL"
	WebhookMLflow   WebhookFormat = "MLFLOW"
)

// WebhookFormats lists every format.
func WebhookFormats() []WebhookFormat {
	return []WebhookFormat{WebhookStandard, WebhookSlack, WebhookTeams, WebhookEmail, WebhookMLflow}
}

// WebhookEvent is a kind of event, those of one subscription.
type WebhookEvent string

// The kinds of events.
const (
	OnTransitions  WebhookEvent = "TRANSITIONS"
	OnApprovals    WebhookEvent = "APPROVALS"
	OnDeprecations WebhookEvent = "DEPRECATIONS"
	OnRecalls      WebhookEvent = "RECALLS"
	OnLogEntries   WebhookEvent = "LOG_ENTRIES"
	// OnCatalog is of models and versions that are registered, aliases that are set and removed,
	// and tags that change. It has no subscription.
	OnCatalog WebhookEvent = "CATALOG"
)

// WebhookEvents lists every kind of event.
func WebhookEvents() []WebhookEvent {
	return []WebhookEvent{OnTransitions, OnApprovals, OnDeprecations, OnRecalls, OnLogEntries, OnCatalog}
}

// WebhookState says how a webhook is doing.
type WebhookState string

// The states. FAILING means that the last attempt failed.
const (
	WebhookActive  WebhookState = "ACTIVE"
	WebhookPaused  WebhookState = "PAUSED"
	WebhookFailing WebhookState = "FAILING"
)

// NoticeTiming says when something is told.
type NoticeTiming string

// The timings: as soon as it happens, or once a day together.
const (
	TellAtOnce NoticeTiming = "AT_ONCE"
	TellDaily  NoticeTiming = "DAILY"
)

// WebhookOrder is the kind of a command to the deliverer.
type WebhookOrder string

// The orders: send a test, go back to a position, send one dead letter again.
const (
	OrderTest   WebhookOrder = "TEST"
	OrderReplay WebhookOrder = "REPLAY"
	OrderRetry  WebhookOrder = "RETRY"
)

// WebhookCommand is something that the deliverer is to do once.
type WebhookCommand struct {
	Number int          `json:"number"`
	Order  WebhookOrder `json:"order"`
	// Seq is the sequence that OrderReplay goes back to, or that of the dead letter.
	Seq int64 `json:"seq,omitempty"`
	// Event is the event of MLflow whose example a test sends.
	Event MLflowEvent `json:"event,omitzero"`
}

// The bounds of webhooks.
const (
	// MaxWebhooks is the most webhooks of a registry, MaxSubjectWebhooks of one subject.
	MaxWebhooks, MaxSubjectWebhooks = 200, 20
	// MaxNotified is the most subjects with personal settings.
	MaxNotified = 1000
	// MaxWebhookCommands is the most commands that wait.
	MaxWebhookCommands = 20
	// KeptDeliveries is how many deliveries the log of a webhook has, MaxDeadLetters the most dead
	// letters: with these the webhook waits, so that nothing is lost.
	KeptDeliveries, MaxDeadLetters = 50, 200
	// RotationOverlap is how long the secret before a rotation signs too.
	RotationOverlap = 24 * time.Hour
)

// Webhook tells a receiver what happens, as far as its subject may see it.
type Webhook struct {
	Meta
	// Number is 1, 2, 3… in the order of the webhooks of the registry.
	Number      int           `json:"number"`
	Name        string        `json:"name,omitempty"`
	Description string        `json:"description,omitempty"`
	Subject     string        `json:"subject"`
	Format      WebhookFormat `json:"format"`
	// Address is a URL, or a mail address.
	Address string         `json:"address,omitempty"`
	Events  []WebhookEvent `json:"events"`
	// MLflow are the events of a webhook of MLflow's form. Sealed is its secret, which its owner
	// chose, encrypted; without one nothing is signed.
	MLflow []MLflowEvent `json:"mlflow,omitempty"`
	Sealed []byte        `json:"sealed,omitempty"`
	// Model is the name of the model whose events are told, ModelID its id; all without.
	Model   string       `json:"model,omitempty"`
	ModelID ID           `json:"modelId,omitempty"`
	Timing  NoticeTiming `json:"timing"`
	Paused  bool         `json:"paused,omitempty"`
	// Personal is true for the settings of a subject, which are no webhook of the lists.
	Personal bool `json:"personal,omitempty"`
	// OwnedRecalls says whether the subject of such settings is told of recalls of what it owns; nil
	// when it has not said so.
	OwnedRecalls *bool `json:"ownedRecalls,omitempty"`
	// Token is the token that the subject came with: the webhook sees no more than it, and ends
	// with it.
	Token ID `json:"token,omitempty"`
	// Start is the sequence of the log after which it begins.
	Start int64 `json:"start"`
	// Secrets is how often the secret was made anew; the one before signs too until OldUntil.
	Secrets  int       `json:"secrets"`
	OldUntil time.Time `json:"oldSecretUntil,omitzero"`
	// Commands are the last ones, LastCommand is the number of the newest.
	Commands    []WebhookCommand `json:"commands,omitempty"`
	LastCommand int              `json:"lastCommand,omitempty"`
	CreatedBy   string           `json:"createdBy,omitempty"`
	CreatedAt   time.Time        `json:"createdAt,omitzero"`
	UpdatedAt   time.Time        `json:"updatedAt,omitzero"`
}

// TellsOwnedRecalls reports whether settings let their subject be told of recalls of what it owns.
// Who wants to be told nothing is not told of these either, unless it has said so.
func (w *Webhook) TellsOwnedRecalls() bool {
	if w.OwnedRecalls != nil {
		return *w.OwnedRecalls
	}
	return len(w.Events) > 0
}

// Command adds a command.
func (w *Webhook) Command(order WebhookOrder, seq int64) {
	w.LastCommand++
	w.Commands = append(w.Commands, WebhookCommand{Number: w.LastCommand, Order: order, Seq: seq})
	if over := len(w.Commands) - MaxWebhookCommands; over > 0 {
		w.Commands = slices.Clone(w.Commands[over:])
	}
}

// WebhookID is the id of a webhook by its number.
func WebhookID(number int) ID { return NewID(KindWebhook, itoa(number)) }

// WebhookIndex lists the webhooks that stand, so that they are found in one document.
type WebhookIndex struct {
	Last     int            `json:"last"`
	Webhooks []WebhookEntry `json:"webhooks,omitempty"`
}

// WebhookEntry is a webhook in the index.
type WebhookEntry struct {
	ID       ID     `json:"id"`
	Subject  string `json:"subject"`
	Personal bool   `json:"personal,omitempty"`
}

// WebhookIndexID is the id of the one index of webhooks.
func WebhookIndexID() ID { return NewID(KindWebhookIndex, "webhooks") }

// DeliveryOutcome says what became of an attempt.
type DeliveryOutcome string

// The outcomes. Their order is part of how stores keep them: new ones come last.
const (
	Delivered       DeliveryOutcome = "DELIVERED"
	BadStatus       DeliveryOutcome = "BAD_STATUS"
	Redirected      DeliveryOutcome = "REDIRECTED"
	TimedOut        DeliveryOutcome = "TIMED_OUT"
	NotConnected    DeliveryOutcome = "NOT_CONNECTED"
	AddressRefused  DeliveryOutcome = "ADDRESS_REFUSED"
	BadCertificate  DeliveryOutcome = "BAD_CERTIFICATE"
	MailRefused     DeliveryOutcome = "MAIL_REFUSED"
	NoMail          DeliveryOutcome = "NO_MAIL"
	NoRights        DeliveryOutcome = "NO_RIGHTS"
	DeadLettersFull DeliveryOutcome = "DEAD_LETTERS_FULL"
	NoSecret        DeliveryOutcome = "NO_SECRET"
)

// DeliveryOutcomes lists every outcome, in the order of their numbers.
func DeliveryOutcomes() []DeliveryOutcome {
	return []DeliveryOutcome{Delivered, BadStatus, Redirected, TimedOut, NotConnected, AddressRefused, BadCertificate, MailRefused, NoMail, NoRights, DeadLettersFull, NoSecret}
}

// Delivery is one attempt to tell an event.
type Delivery struct {
	// Seq is the sequence of the event, 0 for a test.
	Seq     int64
	At      time.Time
	Attempt int
	Outcome DeliveryOutcome
	// Status is that of the HTTP answer, 0 without one.
	Status int
}

// DeadLetter is an event that was given up.
type DeadLetter struct {
	Seq int64
	At  time.Time
}
