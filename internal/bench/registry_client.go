package bench

import (
	"bytes"
	"fmt"
	"strconv"

	"pedigree/internal/bench/graphs"
)

// registryClient does one work on one connection. Reads ask about the model whose
// index the question names. Writes take the client's own models in turn, so that two
// clients never write to one model at once and every answer is known beforehand.
type registryClient struct {
	*httpConn
	work   registryWork
	call   registryCall
	models []*registryModel // all of them for a read, the client's own for a write
	next   int
	// prepared holds the requests of reads, which change nothing.
	prepared map[int]preparedCall
}

// preparedCall is a request, and texts that a right answer contains.
type preparedCall struct {
	uri   string
	body  []byte
	wants [][]byte
}

func (c registryCall) prepare(m *registryModel) (p preparedCall) {
	p = preparedCall{uri: c.uri(m), body: []byte(c.body(m))}
	for _, text := range c.wants(m) {
		p.wants = append(p.wants, []byte(text))
	}
	return p
}

func (c *registryClient) query(q graphs.Question) (int, int, error) {
	if c.work.change != nil {
		m := c.models[c.next%len(c.models)]
		c.next++
		return 0, 0, c.write(m)
	}
	i, err := strconv.Atoi(string(q.Of))
	if err != nil {
		return 0, 0, err
	}
	p, ok := c.prepared[i]
	if !ok {
		p = c.call.prepare(c.models[i])
		c.prepared[i] = p
	}
	return 0, 0, c.exchange(p)
}

// write changes a model on the server, and then what the bench knows of it.
func (c *registryClient) write(m *registryModel) error {
	after := *m
	c.work.change(&after)
	if err := c.exchange(c.call.prepare(&after)); err != nil {
		return err
	}
	*m = after
	return nil
}

func (c *registryClient) exchange(p preparedCall) error {
	answer, err := c.send(c.call.method, p.uri, p.body)
	if err != nil {
		return err
	}
	if bytes.Contains(answer, []byte(`"errors":[`)) {
		return fmt.Errorf("an answer with errors: %.500s", answer)
	}
	return checkInOrder(answer, p.wants)
}

// checkInOrder returns an error unless an answer contains all texts, each one after
// the one before.
func checkInOrder(answer []byte, wants [][]byte) error {
	rest := answer
	for _, text := range wants {
		i := bytes.Index(rest, text)
		if i < 0 {
			return fmt.Errorf("no %q where it belongs in the answer: %.500s", text, answer)
		}
		rest = rest[i+len(text):]
	}
	return nil
}
