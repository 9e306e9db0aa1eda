package notify

import (
	"cmp"
	"encoding/json"
	"strings"

	"pedigree/registry"
)

// body returns what is posted in a format: one message, or those of a digest under an id of its own.
func (w *Worker) body(format registry.WebhookFormat, messages []Message) ([]byte, error) {
	switch format {
	case registry.WebhookMLflow:
		return mlflowBody(messages[0], w.config.Now())
	case registry.WebhookSlack:
		return json.Marshal(slackBody(messages))
	case registry.WebhookTeams:
		return json.Marshal(teamsBody(messages))
	}
	type event struct {
		Type string `json:"type"`
		Data any    `json:"data"`
	}
	events := make([]event, len(messages))
	for i, m := range messages {
		events[i] = event{m.Type, m.Data}
	}
	if len(events) == 1 {
		return json.Marshal(events[0])
	}
	return json.Marshal(event{"digest", map[string]any{"events": events}})
}

// slackEscapes are those that Slack names: without them, names could link, or call a whole channel.
var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// maxBlocks is the most blocks of a message of Slack, and of a card.
const maxBlocks = 40

// slackBody is a message of Slack. What people wrote stands in plain text, which Slack does not
// interpret.
func slackBody(messages []Message) map[string]any {
	var blocks []map[string]any
	var text []string
	for i, m := range messages {
		if i == maxBlocks {
			blocks = append(blocks, slackBlock("and more"))
			break
		}
		text = append(text, slackEscapes.Replace(m.Text))
		b := slackBlock(m.Text)
		if m.Link != "" {
			b["accessory"] = map[string]any{"type": "button", "text": map[string]any{"type": "plain_text", "text": "Open"}, "url": m.Link}
		}
		blocks = append(blocks, b)
	}
	return map[string]any{"text": strings.Join(text, "\n"), "mrkdwn": false, "unfurl_links": false, "unfurl_media": false, "blocks": blocks}
}

func slackBlock(text string) map[string]any {
	return map[string]any{"type": "section", "text": map[string]any{"type": "plain_text", "text": text, "emoji": false}}
}

// teamsBody is an Adaptive Card. What people wrote stands in text runs, which know no Markdown.
func teamsBody(messages []Message) map[string]any {
	var items []map[string]any
	for i, m := range messages {
		text := m.Text
		if i == maxBlocks {
			text = "and more"
		}
		items = append(items, map[string]any{"type": "RichTextBlock", "inlines": []map[string]any{{"type": "TextRun", "text": text}}})
		if i == maxBlocks {
			break
		}
		if m.Link != "" {
			items = append(items, map[string]any{"type": "ActionSet", "actions": []map[string]any{{"type": "Action.OpenUrl", "title": "Open", "url": m.Link}}})
		}
	}
	card := map[string]any{"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": items}
	return map[string]any{"type": "message", "attachments": []map[string]any{{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card}}}
}

// mailText is the subject and the text of a mail.
func mailText(messages []Message) (subject, text string) {
	subject, _, _ = strings.Cut("Pedigree: "+messages[0].Text, "\n")
	if len(messages) > 1 {
		subject = "Pedigree: what happened"
	}
	if runes := []rune(subject); len(runes) > 150 {
		subject = string(runes[:150]) + "…"
	}
	var b strings.Builder
	for _, m := range messages {
		b.WriteString(m.Text + "\n")
		if m.Link != "" {
			b.WriteString(m.Link + "\n")
		}
		b.WriteString("\n")
	}
	b.WriteString(cmp.Or(messages[0].Why, "You get this because a webhook or your settings in Pedigree say so.") + "\n")
	return subject, b.String()
}
