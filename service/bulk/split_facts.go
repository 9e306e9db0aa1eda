package bulk

import (
	"bytes"
	"encoding/json"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// A fact that is longer than registry.MaxFactBytes is exported in several facts that merge when
// they are recorded: each has the key, and a part of the lists.

// keyBytes is more than the key of a fact takes, with the names of its members.
const keyBytes = 64 << 10

// jsonBytes returns how many bytes a value takes in a line.
func jsonBytes(v any) (int, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Len() - 1, err
}

// listFact gathers items of a list and writes them in facts of at most max items that are
// short enough for a line.
type listFact[T any] struct {
	max   int
	write func([]T) error
	// weigh returns what an item counts toward max; nil means 1.
	weigh func(T) int

	items        []T
	bytes, count int
}

func (l *listFact[T]) add(items ...T) error {
	for _, item := range items {
		n, err := jsonBytes(item)
		if err != nil {
			return err
		}
		weight := 1
		if l.weigh != nil {
			weight = l.weigh(item)
		}
		if len(l.items) > 0 && (l.count+weight > l.max || l.bytes+n+1 > registry.MaxFactBytes-keyBytes) {
			if err := l.flush(); err != nil {
				return err
			}
		}
		l.items, l.bytes, l.count = append(l.items, item), l.bytes+n+1, l.count+weight
	}
	return nil
}

// flush writes the gathered items, if there are any.
func (l *listFact[T]) flush() error {
	if len(l.items) == 0 {
		return nil
	}
	items := l.items
	l.items, l.bytes, l.count = nil, 0, 0
	return l.write(items)
}

// writeParts writes the fact of a node, in several parts if it is too long for a line. about is
// roughly its length. A fact that cannot be parted is left out.
func (e *factExport) writeParts(n *graph.Node, f FactInput, about int) error {
	if about < registry.MaxFactBytes/4 && fewEntries(&f) {
		return e.write(f)
	}
	size, err := jsonBytes(f)
	switch {
	case err != nil:
		return err
	case size <= registry.MaxFactBytes && fewEntries(&f):
		return e.write(f)
	case f.DatasetVersion != nil:
		return e.writeDatasetVersion(f.DatasetVersion)
	case f.Run != nil:
		return e.writeRun(f.Run)
	}
	e.omit(n)
	return nil
}

// fewEntries reports whether no list of a fact has more entries than a fact may have. Lists
// that were told in parts may have more.
func fewEntries(f *FactInput) bool {
	switch {
	case f.DatasetVersion != nil:
		return len(f.DatasetVersion.Tags) <= core.MaxTags && len(f.DatasetVersion.Columns) <= facts.MaxColumns
	case f.Run != nil:
		return len(f.Run.Tags) <= core.MaxTags && len(f.Run.Metrics) <= registry.MaxMetrics
	}
	return true
}

func (e *factExport) writeDatasetVersion(in *facts.RecordDatasetVersionInput) error {
	key := facts.RecordDatasetVersionInput{Dataset: in.Dataset, Namespace: in.Namespace, Digest: in.Digest, Version: in.Version}
	first := *in
	first.Tags, first.Columns = nil, nil
	if err := e.write(FactInput{DatasetVersion: &first}); err != nil {
		return err
	}
	if err := e.writeTags(in.Tags, func(tags []registry.KeyValue) FactInput {
		part := key
		part.Tags = tags
		return FactInput{DatasetVersion: &part}
	}); err != nil {
		return err
	}
	return e.writeColumns(key, in.Columns)
}

func (e *factExport) writeTags(tags []registry.KeyValue, fact func([]registry.KeyValue) FactInput) error {
	parts := &listFact[registry.KeyValue]{max: core.MaxTags, write: func(tags []registry.KeyValue) error { return e.write(fact(tags)) }}
	if err := parts.add(tags...); err != nil {
		return err
	}
	return parts.flush()
}

// writeColumns writes columns in facts of a dataset version. A column with many sources is
// told in parts too.
func (e *factExport) writeColumns(key facts.RecordDatasetVersionInput, columns []registry.Column) error {
	parts := &listFact[registry.Column]{max: facts.MaxColumns, write: func(columns []registry.Column) error {
		part := key
		part.Columns = columns
		return e.write(FactInput{DatasetVersion: &part})
	}, weigh: func(c registry.Column) int { return 1 + len(c.DerivedFrom) }}
	for _, c := range columns {
		size, err := jsonBytes(c)
		if err != nil {
			return err
		}
		if size <= registry.MaxFactBytes-keyBytes && len(c.DerivedFrom) <= registry.MaxColumnSources {
			if err := parts.add(c); err != nil {
				return err
			}
			continue
		}
		if err := parts.flush(); err != nil { // The parts of a column are in facts of their own.
			return err
		}
		sources := &listFact[registry.ColumnSource]{max: registry.MaxColumnSources, write: func(sources []registry.ColumnSource) error {
			if err := parts.add(registry.Column{Name: c.Name, Type: c.Type, Description: c.Description, DerivedFrom: sources}); err != nil {
				return err
			}
			c.Type, c.Description = "", ""
			return parts.flush()
		}}
		if err := sources.add(c.DerivedFrom...); err != nil {
			return err
		}
		if err := sources.flush(); err != nil {
			return err
		}
	}
	return parts.flush()
}

// runKey returns a fact with the key of a run and the fields that every fact of it repeats.
func runKey(in *facts.RecordRunInput) *facts.RecordRunInput {
	return &facts.RecordRunInput{Producer: in.Producer, RunID: in.RunID, Name: in.Name, RunKind: in.RunKind, Status: in.Status}
}

func (e *factExport) writeRun(in *facts.RecordRunInput) error {
	first := *in
	first.Tags, first.Metrics = nil, nil
	if err := e.write(FactInput{Run: &first}); err != nil {
		return err
	}
	if err := e.writeTags(in.Tags, func(tags []registry.KeyValue) FactInput {
		part := runKey(in)
		part.Tags = tags
		return FactInput{Run: part}
	}); err != nil {
		return err
	}
	metrics := &listFact[registry.Metric]{max: registry.MaxMetrics, write: func(metrics []registry.Metric) error {
		part := runKey(in)
		part.Metrics = metrics
		return e.write(FactInput{Run: part})
	}}
	if err := metrics.add(in.Metrics...); err != nil {
		return err
	}
	return metrics.flush()
}
