package blobs

import "sync"

// turns says for each upload which request may write to it: the last one. One whose client is gone
// may still wait for bytes, and finds out when it would write.
type turns struct {
	mu sync.Mutex
	of map[string]*turn
}

// turn is the right to write to one upload, and which request has it: the last number.
type turn struct {
	mu    sync.Mutex
	last  int
	users int
}

// take gives the turn to a new request, and returns its number. It waits for a write that goes on.
func (t *turns) take(name string) (*turn, int) {
	t.mu.Lock()
	if t.of == nil {
		t.of = map[string]*turn{}
	}
	one := t.of[name]
	if one == nil {
		one = &turn{}
		t.of[name] = one
	}
	one.users++
	t.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	one.last++
	return one, one.last
}

// during calls do while nobody else can take the turn. It returns false, without a call, when somebody
// has.
func (t *turn) during(number int, do func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last != number {
		return false
	}
	do()
	return true
}

// drop ends the request of a turn.
func (t *turns) drop(name string, one *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one.users--; one.users == 0 {
		delete(t.of, name)
	}
}
