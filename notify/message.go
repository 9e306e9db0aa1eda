package notify

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"pedigree/registry"
	"pedigree/service/feed"
	"pedigree/service/webhooks"
)

// Message is an event as it is told.
type Message struct {
	ID   string
	Seq  int64
	Type string
	Data any
	// Text is the event in plain English, Link the page of the dashboard that it is about, "" for
	// none.
	Text, Link string
	// Why says in a mail why it comes; "" for what a webhook or settings say.
	Why string
	// MLflow is the event as MLflow's webhooks tell it, nil for what MLflow does not have.
	MLflow *mlflowMessage
}

// The types of messages: the names of the subscriptions, and those that have none.
var typeOf = map[registry.WebhookEvent]string{registry.OnTransitions: "transitions", registry.OnApprovals: "approvals", registry.OnDeprecations: "deprecationNotices",
	registry.OnRecalls: "recalls", registry.OnLogEntries: "logEntries", registry.OnCatalog: "catalog"}

// The data of messages have the fields of the subscriptions' events. What the subject may not see is
// left out. The time of a log entry is for readers of the log alone.
type (
	eventData struct {
		Seq         int64            `json:"seq,omitempty"`
		Action      string           `json:"action,omitempty"`
		Transition  *transitionData  `json:"transition,omitempty"`
		Version     *versionData     `json:"version,omitempty"`
		Request     *requestData     `json:"request,omitempty"`
		Deprecation *deprecationData `json:"deprecation,omitempty"`
		Recall      *recallData      `json:"recall,omitempty"`
		Owned       []string         `json:"owned,omitempty"`
		Model       *modelData       `json:"model,omitempty"`
		Alias       string           `json:"alias,omitempty"`
		Tag         *tagData         `json:"tag,omitempty"`
	}
	modelData struct {
		ID   registry.ID `json:"id"`
		Name string      `json:"name,omitempty"`
	}
	tagData struct {
		Key     string `json:"key"`
		Value   string `json:"value"`
		Removed bool   `json:"removed,omitempty"`
	}
	transitionData struct {
		ID       registry.ID    `json:"id"`
		From     registry.Stage `json:"from,omitempty"`
		To       registry.Stage `json:"to,omitempty"`
		At       time.Time      `json:"at,omitzero"`
		By       string         `json:"by,omitempty"`
		Reason   string         `json:"reason,omitempty"`
		Approval registry.ID    `json:"approval,omitempty"`
		Forced   bool           `json:"forced,omitempty"`
	}
	versionData struct {
		ID        registry.ID    `json:"id"`
		ModelName string         `json:"modelName,omitempty"`
		Version   string         `json:"version,omitempty"`
		Stage     registry.Stage `json:"stage,omitempty"`
		Owner     string         `json:"owner,omitempty"`
	}
	requestData struct {
		ID          registry.ID            `json:"id"`
		VersionID   registry.ID            `json:"versionId,omitempty"`
		ModelName   string                 `json:"modelName,omitempty"`
		Version     string                 `json:"version,omitempty"`
		From        registry.Stage         `json:"from,omitempty"`
		To          registry.Stage         `json:"to,omitempty"`
		Status      registry.RequestStatus `json:"status,omitempty"`
		RequestedBy string                 `json:"requestedBy,omitempty"`
		RequestedAt time.Time              `json:"requestedAt,omitzero"`
		Reason      string                 `json:"reason,omitempty"`
		ClosedBy    string                 `json:"closedBy,omitempty"`
		ClosedAt    time.Time              `json:"closedAt,omitzero"`
		Comment     string                 `json:"comment,omitempty"`
		ExpiresAt   time.Time              `json:"expiresAt,omitzero"`
	}
	deprecationData struct {
		ID          registry.ID              `json:"id"`
		VersionID   registry.ID              `json:"versionId,omitempty"`
		ModelName   string                   `json:"modelName,omitempty"`
		Version     string                   `json:"version,omitempty"`
		Step        registry.DeprecationStep `json:"step,omitempty"`
		Plan        string                   `json:"plan,omitempty"`
		Guide       string                   `json:"guide,omitempty"`
		Sunset      time.Time                `json:"sunset,omitzero"`
		AnnouncedBy string                   `json:"announcedBy,omitempty"`
		AnnouncedAt time.Time                `json:"announcedAt,omitzero"`
		ClosedBy    string                   `json:"closedBy,omitempty"`
		ClosedAt    time.Time                `json:"closedAt,omitzero"`
		Reason      string                   `json:"reason,omitempty"`
	}
	recallData struct {
		ID         registry.ID             `json:"id"`
		Number     int                     `json:"number,omitempty"`
		Nodes      []nodeData              `json:"nodes,omitempty"`
		Reason     string                  `json:"reason,omitempty"`
		Severity   registry.RecallSeverity `json:"severity,omitempty"`
		State      registry.RecallStatus   `json:"state,omitempty"`
		RecalledBy string                  `json:"recalledBy,omitempty"`
		RecalledAt time.Time               `json:"recalledAt,omitzero"`
		ClearedBy  string                  `json:"clearedBy,omitempty"`
		ClearedAt  time.Time               `json:"clearedAt,omitzero"`
		Comment    string                  `json:"comment,omitempty"`
	}
	nodeData struct {
		ID   registry.ID   `json:"id"`
		Kind registry.Kind `json:"kind"`
	}
)

// messageID is the id of an event for a webhook: the same each time that it is told.
func messageID(d *webhooks.Due, e feed.Told) string {
	id := fmt.Sprintf("%s_%d", d.ID, e.Seq)
	if e.Of == registry.OnLogEntries {
		id += "_log" // The same entry may be told as another event too.
	}
	if of, ok := e.Event.(*feed.CatalogEvent); ok {
		id += fmt.Sprintf("_catalog_%d", of.Place)
	}
	return id
}

// message makes the message of an event, in the context of the subject of a webhook.
func (w *Worker) message(ctx context.Context, d *webhooks.Due, e feed.Told) (Message, error) {
	m := Message{ID: messageID(d, e), Seq: e.Seq, Type: typeOf[e.Of]}
	switch v := e.Event.(type) {
	case *feed.TransitionEvent:
		t, of := v.Transition, v.Version
		m.Data = eventData{Seq: e.Seq, Transition: &transitionData{t.ID, t.From, t.To, t.At, t.By, t.Reason, t.Approval, t.Forced},
			Version: &versionData{of.ID, of.ModelName, of.Version, of.Stage, of.Owner}}
		m.Text = sentence(versionName(of.ModelName, of.Version), "moved", with("from ", string(t.From)), with("to ", string(t.To)), with("by ", t.By), because(t.Reason))
		m.Link = w.versionLink(of.ModelName, of.Version)
	case *feed.ApprovalEvent:
		r := v.Request
		m.Data = eventData{Seq: e.Seq, Action: v.Action, Request: &requestData{r.ID, r.VersionID, r.ModelName, r.Version, r.From, r.To, r.Status, r.RequestedBy, r.RequestedAt, r.Reason, r.ClosedBy, r.ClosedAt, r.Comment, r.ExpiresAt}}
		who := r.ClosedBy
		if v.Action == string(registry.LogRequested) {
			who = r.RequestedBy
		}
		m.Text = sentence(versionName(r.ModelName, r.Version)+":", words(v.Action), with("to ", string(r.To)), with("by ", who), because(r.Reason))
		m.Link = w.versionLink(r.ModelName, r.Version)
	case *feed.DeprecationEvent:
		p := v.Deprecation
		m.Data = eventData{Seq: e.Seq, Action: v.Action, Deprecation: &deprecationData{p.ID, p.VersionID, p.ModelName, p.Version, p.Step, p.Plan, p.Guide, p.Sunset, p.AnnouncedBy, p.AnnouncedAt, p.ClosedBy, p.ClosedAt, p.Reason}}
		sunset := ""
		if !p.Sunset.IsZero() {
			sunset = "with its sunset on " + p.Sunset.UTC().Format(time.DateOnly)
		}
		m.Text = sentence(versionName(p.ModelName, p.Version)+":", words(v.Action), sunset, because(p.Reason))
		m.Link = w.versionLink(p.ModelName, p.Version)
	case *feed.RecallEvent:
		r := v.Recall
		nodes, err := w.out.NodesOfRecall(ctx, r)
		if err != nil {
			return m, err
		}
		data := &recallData{r.ID, r.Number, nil, r.Reason, r.Severity, r.State, r.RecalledBy, r.RecalledAt, r.ClearedBy, r.ClearedAt, r.Comment}
		for _, n := range nodes {
			data.Nodes = append(data.Nodes, nodeData{n.NodeMeta().ID, n.NodeMeta().Kind})
		}
		m.Data = eventData{Seq: e.Seq, Action: v.Action, Recall: data}
		m.Text = sentence(fmt.Sprintf("Recall %d", r.Number)+with(" of severity ", string(r.Severity))+":", words(v.Action), with("by ", r.RecalledBy), because(r.Reason))
		m.Link = w.link("/nodes/" + url.PathEscape(string(r.ID)))
	case *feed.CatalogEvent:
		return w.catalogMessage(ctx, d, m, v)
	case *registry.LogEntry:
		m.Data = v
		m.Text = sentence(fmt.Sprintf("Entry %d:", v.Seq), words(string(v.Action)), with("by ", v.Actor), because(v.Reason))
		m.Link = w.link("/log")
	}
	return m, nil
}

// catalogMessage completes the message of a catalog event.
func (w *Worker) catalogMessage(ctx context.Context, d *webhooks.Due, m Message, e *feed.CatalogEvent) (Message, error) {
	data := eventData{Seq: e.Seq, Action: string(e.Action), Model: &modelData{e.Model.ID, e.Model.Name}, Alias: e.Alias}
	name := e.Model.Name
	if v := e.Version; v != nil {
		data.Version = &versionData{v.ID, v.ModelName, v.Version, v.Stage, v.Owner}
		name, m.Link = versionName(e.Model.Name, v.Version), w.versionLink(e.Model.Name, v.Version)
	}
	what := with("alias ", e.Alias)
	if e.Tag != nil {
		data.Tag, what = &tagData{e.Tag.Key, e.Tag.Value, e.Removed}, with("tag ", e.Tag.Key)
	}
	m.Data = data
	m.Text = sentence(name+":", words(string(e.Action)), what)
	if d.Format != registry.WebhookMLflow {
		return m, nil
	}
	var err error
	m.MLflow, err = w.mlflow(ctx, e)
	return m, err
}

// test is the message of a test.
func (w *Worker) test(d *webhooks.Due, c registry.WebhookCommand) Message {
	m := Message{ID: fmt.Sprintf("%s_test_%d", d.ID, c.Number), Type: "test", Data: map[string]any{"webhook": d.ID, "number": c.Number},
		Text: sentence("This is a test of the webhook", d.Name), Link: w.link("/")}
	if d.Format == registry.WebhookMLflow {
		m.MLflow = mlflowExample(c.Event)
	}
	return m
}

func (w *Worker) link(path string) string {
	if w.config.PublicURL == "" {
		return ""
	}
	return strings.TrimSuffix(w.config.PublicURL, "/") + path
}

func (w *Worker) versionLink(model, version string) string {
	if model == "" || version == "" {
		return ""
	}
	return w.link("/models/" + url.PathEscape(model) + "/versions/" + url.PathEscape(version))
}

func versionName(model, version string) string {
	if model == "" {
		return "A version"
	}
	return strings.TrimSpace(model + " " + version)
}

// words turns the name of an action into words.
func words(action string) string { return strings.ReplaceAll(action, "_", " ") }

// with returns a text after others, nothing without it.
func with(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return "(" + reason + ")"
}

// maxPart is the most of one part of a sentence, in runes.
const maxPart = 300

// sentence joins parts. What people wrote has no control characters in it, nor such as turn the
// direction of what follows.
func sentence(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = plain(p); p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " ")
}

func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Cf):
			return -1
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > maxPart {
		s = string(runes[:maxPart]) + "…"
	}
	return strings.TrimSpace(s)
}
