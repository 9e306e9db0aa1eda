package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"pedigree/registry"
	"pedigree/service/lineageout"
)

// lineagePath is where receivers take events, unless their URL has a path of its own.
const lineagePath = "/api/v1/lineage"

// EventRefused says that a receiver refused an event, and will refuse it again.
type EventRefused struct{ Status int }

// Error says with which status it was refused.
func (e *EventRefused) Error() string {
	return fmt.Sprintf("the receiver refused the event with status %d", e.Status)
}

// NewLineageSink returns what an address names: a URL, a file, or - for a writer. The address that it
// returns is that of the receiver in full. A key is sent to a URL as a bearer token.
func NewLineageSink(address, key string, stdout io.Writer) (LineageSink, string, error) {
	switch {
	case address == "-":
		return &lineWriter{w: stdout}, address, nil
	case !strings.Contains(address, "://"):
		f, err := openLines(address)
		return f, address, err
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "" {
		return nil, "", registry.Invalid("openlineage-out", "must be a URL such as https://lineage.example.com without a user or password, a file, or -")
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = lineagePath
	}
	return &lineagePoster{url: u.String(), key: key, client: newClient(Config{AllowPrivate: true, Timeout: defaultTimeout})}, u.String(), nil
}

// lineagePoster sends events to a URL, one at a time.
type lineagePoster struct {
	url, key string
	client   *http.Client
}

// Send sends events.
func (p *lineagePoster) Send(ctx context.Context, events []lineageout.LineageEvent) (taken int, err error) {
	for _, e := range events {
		if err := p.post(ctx, e.Line); err != nil {
			return taken, err
		}
		taken++
	}
	return taken, nil
}

func (p *lineagePoster) post(ctx context.Context, line []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(line))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "pedigree")
	if p.key != "" {
		r.Header.Set("Authorization", "Bearer "+p.key)
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // A connection that was read to its end is used again.
	switch {
	case resp.StatusCode/100 == 2:
		return nil
	case resp.StatusCode == http.StatusBadRequest, resp.StatusCode == http.StatusConflict, resp.StatusCode == http.StatusRequestEntityTooLarge, resp.StatusCode == http.StatusUnprocessableEntity:
		return &EventRefused{resp.StatusCode}
	}
	return fmt.Errorf("the receiver answered with status %d", resp.StatusCode)
}

// lineWriter writes events as lines.
type lineWriter struct{ w io.Writer }

// Send writes events.
func (l *lineWriter) Send(_ context.Context, events []lineageout.LineageEvent) (int, error) {
	for i, e := range events {
		if _, err := l.w.Write(append(bytes.Clone(e.Line), '\n')); err != nil {
			return i, err
		}
	}
	return len(events), nil
}

// lineFile appends events to a file. They are taken when they are on the disk.
type lineFile struct{ f *os.File }

// openLines opens a file for appending. What a server that was killed left of a line is cut off: that
// event is written again.
func openLines(name string) (*lineFile, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the file of --openlineage-out cannot be opened: %w", err)
	}
	if err := cutPartialLine(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &lineFile{f}, nil
}

// cutPartialLine cuts a file after its last line end, and goes there.
func cutPartialLine(f *os.File) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	block := make([]byte, 64<<10)
	for end > 0 {
		from := max(0, end-int64(len(block)))
		part := block[:end-from]
		if _, err := f.ReadAt(part, from); err != nil {
			return err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			end = from + int64(i) + 1
			break
		}
		end = from
	}
	if err := f.Truncate(end); err != nil {
		return err
	}
	_, err = f.Seek(end, io.SeekStart)
	return err
}

// Send appends events.
func (l *lineFile) Send(ctx context.Context, events []lineageout.LineageEvent) (int, error) {
	if _, err := (&lineWriter{l.f}).Send(ctx, events); err != nil {
		return 0, errors.Join(err, cutPartialLine(l.f)) // Some lines may be written twice.
	}
	if err := l.f.Sync(); err != nil {
		return 0, err
	}
	return len(events), nil
}

// Close closes the file.
func (l *lineFile) Close() error { return l.f.Close() }
