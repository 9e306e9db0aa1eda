package jsonlines

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"pedigree/registry"
	"pedigree/service/bulk"
)

// Recorder records a batch of facts. The service implements it.
type Recorder interface {
	RecordFacts(ctx context.Context, in bulk.RecordFactsInput) (*bulk.RecordFactsPayload, error)
}

// chunkBytes is the largest size of one transaction, in bytes of its lines.
const chunkBytes = registry.MaxFactBytes - 16<<10

// maxRefs is the most refs that one stream may define.
const maxRefs = 100000

// Options set where a load starts and which callbacks it calls.
type Options struct {
	// Line and Offset are the number of lines and bytes before the first line that is read.
	// Both are 0 at the start of a file.
	Line, Offset int64
	// Refused is called for each refused line, in order, with the bytes of the line (at
	// most 1000 of a line that is too long). An error of it ends the load.
	Refused func(r Refusal, line []byte) error
	// Committed is called after each transaction. Every line that its summary counts is
	// recorded or was passed to Refused. An error of it ends the load.
	Committed func(s Summary) error
	// MaxRefused ends the load when more lines are refused; 0 means no limit.
	MaxRefused int64
}

// Refusal is the reason why a line was refused.
type Refusal struct {
	// Line is the number of the line, starting at 1.
	Line    int64         `json:"line"`
	Code    registry.Code `json:"code"`
	Message string        `json:"message"`
	// Field is the path of the invalid field inside the fact.
	Field string `json:"field,omitempty"`
}

// Summary counts lines. Accepted is the sum of Created, Merged and Unchanged.
type Summary struct {
	Accepted  int64 `json:"accepted"`
	Created   int64 `json:"created"`
	Merged    int64 `json:"merged"`
	Unchanged int64 `json:"unchanged"`
	Refused   int64 `json:"refused"`
	// LastLine is the last line that was processed. Offset is the number of bytes up to its
	// end.
	LastLine int64 `json:"lastLine"`
	Offset   int64 `json:"-"`
	// Refs is true when lines define refs for other lines.
	Refs bool `json:"-"`
}

// ErrTooManyRefused ends a load that refuses more than Options.MaxRefused lines.
var ErrTooManyRefused = errors.New("too many lines were refused")

// Load records the facts of a stream. One transaction takes a chunk of at most
// registry.MaxFacts lines. When a line is refused, the other lines of its chunk are still
// recorded, in several transactions. On an error the summary says how far the load came;
// everything that it counts is recorded.
func Load(ctx context.Context, r io.Reader, to Recorder, o Options) (Summary, error) {
	l := &loader{to: to, options: o, refs: map[string]registry.ID{}, lines: lineReader{r: bufio.NewReaderSize(r, 64<<10)},
		committed: Summary{LastLine: o.Line, Offset: o.Offset}}
	l.position = l.committed
	for {
		item, err := l.next()
		if err == io.EOF {
			err := l.commit(ctx)
			return l.committed, err
		}
		if err != nil {
			return l.committed, err
		}
		if len(l.chunk) == registry.MaxFacts || len(l.chunk) > 0 && l.bytes+len(item.raw) > chunkBytes {
			if err := l.commit(ctx); err != nil {
				return l.committed, err
			}
		}
		if err := ctx.Err(); err != nil {
			return l.committed, err
		}
		l.add(item)
	}
}

// loader is the state of a load. committed counts what is recorded; position also includes
// the current chunk.
type loader struct {
	to                  Recorder
	options             Options
	lines               lineReader
	committed, position Summary
	refs                map[string]registry.ID

	chunk     []parsedLine
	bytes     int
	chunkRefs map[string]bool // refs that the chunk defines
}

// parsedLine is a line with its fact, or with the reason why it is refused.
type parsedLine struct {
	line, end int64
	raw       []byte
	fact      bulk.FactInput
	refusal   *Refusal
}

// next returns the next line that is not blank.
func (l *loader) next() (parsedLine, error) {
	for {
		raw, size, err := l.lines.next()
		if err != nil {
			return parsedLine{}, err
		}
		l.position.LastLine++
		l.position.Offset += size
		it := parsedLine{line: l.position.LastLine, end: l.position.Offset, raw: raw}
		switch {
		case len(raw) > registry.MaxFactBytes:
			it.refuse(registry.Errorf(registry.ResourceExhausted, "the line is longer than %d bytes", registry.MaxFactBytes))
			it.raw = raw[:1000]
			return it, nil
		case len(bytes.TrimSpace(bytes.TrimPrefix(raw, byteOrderMark))) == 0:
			continue
		}
		if it.fact, err = Decode(raw); err == nil {
			_, err = it.fact.Check()
		}
		if err != nil {
			it.refuse(err)
		}
		return it, nil
	}
}

func (it *parsedLine) refuse(err error) {
	it.refusal = &Refusal{Line: it.line, Code: registry.CodeOf(err), Message: err.Error()}
	var known *registry.Error
	if errors.As(err, &known) {
		it.refusal.Field = known.Field
	}
}

func (it *parsedLine) refused() bool { return it.refusal != nil }

// add adds a line to the chunk. It replaces refs that earlier chunks defined by their ids.
func (l *loader) add(it parsedLine) {
	if it.refusal == nil {
		it.fact = it.fact.Resolve(l.refs)
		ref := it.fact.Ref
		switch {
		case ref != "" && (l.chunkRefs[ref] || l.refs[ref] != ""):
			it.refuse(registry.Invalid("ref", "%q is given twice", ref))
		case ref != "" && len(l.refs)+len(l.chunkRefs) == maxRefs:
			it.refuse(registry.Errorf(registry.ResourceExhausted, "more than %d lines with a ref; use ids", maxRefs))
		case ref != "":
			if l.chunkRefs == nil {
				l.chunkRefs = map[string]bool{}
			}
			l.chunkRefs[ref] = true
			l.position.Refs = true
		}
	}
	l.chunk = append(l.chunk, it)
	l.bytes += len(it.raw)
}

// commit records the chunk and calls the callbacks.
func (l *loader) commit(ctx context.Context) error {
	if len(l.chunk) == 0 {
		l.committed.LastLine, l.committed.Offset = l.position.LastLine, l.position.Offset
		return nil
	}
	var good []*parsedLine
	for i := range l.chunk {
		if l.chunk[i].refusal == nil {
			good = append(good, &l.chunk[i])
		}
	}
	sum := l.committed
	if err := l.record(ctx, good, &sum); err != nil {
		return err
	}
	last := l.chunk[len(l.chunk)-1]
	sum.LastLine, sum.Offset, sum.Refs = last.line, last.end, l.position.Refs
	for _, it := range l.chunk {
		if it.refusal == nil {
			continue
		}
		sum.Refused++
		if l.options.Refused != nil {
			if err := l.options.Refused(*it.refusal, it.raw); err != nil {
				return err
			}
		}
	}
	l.committed, l.chunk, l.bytes, l.chunkRefs = sum, l.chunk[:0], 0, nil
	if l.options.Committed != nil {
		if err := l.options.Committed(l.committed); err != nil {
			return err
		}
	}
	if l.options.MaxRefused > 0 && l.committed.Refused > l.options.MaxRefused {
		return ErrTooManyRefused
	}
	return nil
}

// record records lines in one transaction. When one of them is refused, it first records
// the lines before that one, and then those after it. When several lines close cycles, the
// store may report any of them, after it wrote the edges of all lines. So when a line
// before the reported one is refused too, the reported line is tried again: its cycle may
// have contained the refused line.
func (l *loader) record(ctx context.Context, items []*parsedLine, sum *Summary) error {
	for len(items) > 0 {
		in := bulk.RecordFactsInput{Facts: make([]bulk.FactInput, len(items))}
		for i, it := range items {
			in.Facts[i] = it.fact.Resolve(l.refs)
		}
		out, err := l.to.RecordFacts(ctx, in)
		if err == nil {
			return l.addToSummary(items, out, sum)
		}
		index, cause := refusedFact(err)
		switch tooLarge := index < 0 && registry.CodeOf(err) == registry.ResourceExhausted; {
		case tooLarge && len(items) > 1: // A server takes less at once than a chunk holds.
			half := len(items) / 2
			if err := l.record(ctx, items[:half], sum); err != nil {
				return err
			}
			items = items[half:]
			continue
		case tooLarge:
			index = 0
		case index < 0 || index >= len(items):
			return err
		}
		before, named := items[:index], items[index]
		if err := l.record(ctx, before, sum); err != nil {
			return err
		}
		if slices.ContainsFunc(before, (*parsedLine).refused) {
			items = items[index:]
			continue
		}
		named.refuse(cause)
		items = items[index+1:]
	}
	return nil
}

func (l *loader) addToSummary(items []*parsedLine, out *bulk.RecordFactsPayload, sum *Summary) error {
	if len(out.Facts) != len(items) {
		return fmt.Errorf("%d facts were sent and %d were answered", len(items), len(out.Facts))
	}
	sum.Accepted += int64(len(items))
	sum.Created += int64(out.Created)
	sum.Merged += int64(out.Merged)
	sum.Unchanged += int64(out.Unchanged)
	for i, it := range items {
		if id := out.Facts[i].ID; it.fact.Ref != "" && id != nil {
			l.refs[it.fact.Ref] = *id
		}
	}
	return nil
}

// refusedFact returns the index of the fact that an error is about, or -1 when there is
// none, and the error without that index.
func refusedFact(err error) (int, error) {
	var known *registry.Error
	if !errors.As(err, &known) {
		return -1, err
	}
	index := -1
	switch n := known.Details["fact"].(type) {
	case int:
		index = n
	case float64: // decoded from a server's JSON
		index = int(n)
	}
	prefix := fmt.Sprintf("input.facts[%d]", index)
	return index, &registry.Error{Code: known.Code, Message: strings.TrimPrefix(known.Message, prefix+": "),
		Field: strings.TrimPrefix(strings.TrimPrefix(known.Field, prefix), ".")}
}

// lineReader splits a stream into lines.
type lineReader struct{ r *bufio.Reader }

// next returns a line without its line end, and the number of bytes that it took. For a
// line longer than registry.MaxFactBytes it returns one byte more than the limit and skips
// the rest. When the stream fails inside a line, it returns the error and not the partial
// line.
func (l lineReader) next() (line []byte, size int64, err error) {
	for {
		part, err := l.r.ReadSlice('\n')
		size += int64(len(part))
		remaining := registry.MaxFactBytes + 2 - len(line)
		line = append(line, part[:min(len(part), max(remaining, 0))]...)
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && size == 0:
			return nil, 0, io.EOF
		case err != nil && err != io.EOF:
			return nil, 0, err
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		return slices.Clip(line), size, nil
	}
}
