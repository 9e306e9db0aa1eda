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

// Recorder records a batch of facts: the service, or a server that is spoken to.
type Recorder interface {
	RecordFacts(ctx context.Context, in bulk.RecordFactsInput) (*bulk.RecordFactsPayload, error)
}

// chunkBytes is how many bytes of lines one transaction takes.
const chunkBytes = registry.MaxFactBytes - 16<<10

// maxRefs is how many names one stream may give.
const maxRefs = 100000

// Options say where a load begins and who is told of it.
type Options struct {
	// Line and Offset are those before the first line that is read: both 0 at the
	// beginning of a file.
	Line, Offset int64
	// Refused is told of each line that was refused, in order, with its bytes (cut
	// at a limit). An error of it ends the load.
	Refused func(r Refusal, line []byte) error
	// Committed is told after each transaction what was read so far: all of it is
	// recorded or was told to Refused. An error of it ends the load.
	Committed func(s Summary) error
	// MaxRefused ends the load when more lines were refused; 0 is no limit.
	MaxRefused int64
}

// Refusal says why a line was refused.
type Refusal struct {
	// Line counts from 1.
	Line    int64         `json:"line"`
	Code    registry.Code `json:"code"`
	Message string        `json:"message"`
	// Field is the field at fault, from the fact on.
	Field string `json:"field,omitempty"`
}

// Summary counts lines. Accepted is the sum of Created, Merged and Unchanged.
type Summary struct {
	Accepted  int64 `json:"accepted"`
	Created   int64 `json:"created"`
	Merged    int64 `json:"merged"`
	Unchanged int64 `json:"unchanged"`
	Refused   int64 `json:"refused"`
	// LastLine is the last line that was dealt with, Offset the bytes up to its end.
	LastLine int64 `json:"lastLine"`
	Offset   int64 `json:"-"`
	// Refs tells that lines gave names for others to use.
	Refs bool `json:"-"`
}

// ErrTooManyRefused ends a load that refuses more than it may.
var ErrTooManyRefused = errors.New("too many lines were refused")

// Load records the facts of a stream, one transaction a chunk of at most
// registry.MaxFacts lines. A line that is refused does not hold up the others of
// its chunk: they are recorded in several transactions then, one between two
// refused lines. On an error the summary says how far it came; what it counts is
// recorded.
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

// loader is a load under way. done is what is recorded, read what is in the chunk too.
type loader struct {
	to                  Recorder
	options             Options
	lines               lineReader
	committed, position Summary
	refs                map[string]registry.ID

	chunk     []parsedLine
	bytes     int
	chunkRefs map[string]bool // names that the chunk gives
}

// parsedLine is a line that was read.
type parsedLine struct {
	line, end int64
	raw       []byte
	fact      bulk.FactInput
	refusal   *Refusal
}

// next reads a line that is not blank.
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
		case len(bytes.TrimSpace(raw)) == 0:
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

// add puts a line into the chunk. Names that earlier chunks gave are replaced.
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

// commit records the chunk and tells what became of it.
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

// record records lines in one transaction; where one of them is refused, those
// before it, and then those behind it. A cycle is found when the edges of many lines
// are written, and of several any one: while a line before the one that is named is
// refused too, the named one is told anew, since what it met may be gone with that.
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
		if index < 0 || index >= len(items) {
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

// refusedFact tells which fact of a batch an error is about, -1 for none, and the
// error as one of that fact alone.
func refusedFact(err error) (int, error) {
	var known *registry.Error
	if !errors.As(err, &known) {
		return -1, err
	}
	index := -1
	switch n := known.Details["fact"].(type) {
	case int:
		index = n
	case float64: // from a server's JSON
		index = int(n)
	}
	prefix := fmt.Sprintf("input.facts[%d]", index)
	return index, &registry.Error{Code: known.Code, Message: strings.TrimPrefix(known.Message, prefix+": "),
		Field: strings.TrimPrefix(strings.TrimPrefix(known.Field, prefix), ".")}
}

// lineReader cuts a stream at line ends.
type lineReader struct{ r *bufio.Reader }

// next returns a line without its end and how many bytes it took. Of a line longer
// than registry.MaxFactBytes it returns one byte more than that and skips the rest.
// A stream that breaks off gives its error and not the half line.
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
