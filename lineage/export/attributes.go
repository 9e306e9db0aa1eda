package export

import (
	"cmp"
	"strconv"
	"time"

	"pedigree/registry"
)

// attribute is a named value of a node, under the registry's field name.
type attribute struct{ name, value string }

// attributesOf lists the visible attributes of a node, in a fixed order.
func attributesOf(n *Node) (out []attribute) {
	put := func(name, value string) {
		if value != "" {
			out = append(out, attribute{name, value})
		}
	}
	m := n.Noun.NodeMeta()
	put("kind", string(m.Kind))
	if n.Restricted() {
		put("restricted", "true")
		return out
	}
	if m.Deleted {
		put("deleted", "true")
	}
	switch x := n.Noun.(type) {
	case *registry.ModelVersion:
		put("model", x.ModelName)
		put("version", x.Version)
		put("label", x.Label)
		put("stage", string(x.Stage))
		put("owner", x.Owner)
		put("creator", x.Creator)
		put("createdDate", formatTime(x.CreatedDate))
	case *registry.DatasetVersion:
		put("namespace", x.Namespace)
		put("version", x.Version)
		put("digest", x.Digest)
		put("uri", x.URI)
		put("role", string(x.Role))
		put("rows", formatInt(x.Rows))
		put("sizeBytes", formatInt(x.SizeBytes))
		put("createdAt", formatTime(x.CreatedAt))
	case *registry.Feature:
		put("type", x.Type)
		put("column", x.Column)
		put("of", n.Of)
		put("owner", x.Owner)
	default:
		out = append(out, runAndCodeAttributes(n)...)
	}
	return out
}

// runAndCodeAttributes lists the attributes of runs, deployments, commits and tags.
func runAndCodeAttributes(n *Node) (out []attribute) {
	put := func(name, value string) {
		if value != "" {
			out = append(out, attribute{name, value})
		}
	}
	switch x := n.Noun.(type) {
	case *registry.Run:
		put("producer", x.Producer)
		put("runId", x.RunID)
		put("runKind", string(x.RunKind))
		put("status", string(x.Status))
		put("command", x.Command)
		put("startedAt", formatTime(x.StartedAt))
		put("endedAt", formatTime(x.EndedAt))
	case *registry.Deployment:
		put("environment", x.Environment)
		put("endpoint", x.Endpoint)
		if x.TrafficPercent != nil {
			put("trafficPercent", strconv.FormatFloat(*x.TrafficPercent, 'g', -1, 64))
		}
		put("owner", x.Owner)
		put("startedAt", formatTime(x.StartedAt))
		put("endedAt", formatTime(x.EndedAt))
	case *registry.Commit:
		put("sha", x.SHA)
		put("repository", repositoryName(n))
		put("message", x.Message)
		put("author", x.Author)
		put("authoredAt", formatTime(x.AuthoredAt))
	case *registry.Tag:
		put("tag", x.Name)
		put("sha", x.SHA)
		put("repository", repositoryName(n))
		put("taggedAt", formatTime(x.TaggedAt))
	}
	return out
}

// repositoryName is the name of the repository of a commit or tag, else its URL.
func repositoryName(n *Node) string {
	if n.Repository == nil {
		return ""
	}
	return cmp.Or(n.Repository.Name, n.Repository.URL)
}

// description is the free text of a node.
func description(n *Node) string {
	switch x := n.Noun.(type) {
	case *registry.ModelVersion:
		return x.Description
	case *registry.DatasetVersion:
		return x.Description
	case *registry.Run:
		return x.Description
	case *registry.Feature:
		return x.Description
	case *registry.Deployment:
		return x.Description
	}
	return ""
}

// tagsOf lists the tags of a node.
func tagsOf(n *Node) []registry.KeyValue {
	switch x := n.Noun.(type) {
	case *registry.ModelVersion:
		return x.Tags
	case *registry.DatasetVersion:
		return x.Tags
	case *registry.Run:
		return x.Tags
	}
	return nil
}

// title is the name of a node, its id when the name is empty or hidden.
func title(n *Node) string {
	if c := labelOf(n); c.title != "" {
		return c.title
	}
	return string(n.ID())
}

func formatInt(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// firstTime returns the first time that is not zero.
func firstTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}
