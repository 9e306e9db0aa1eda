package git

// Recent keeps values that were used lately, in two generations: when the young one weighs
// the limit, the old one is dropped. So memory does not grow with the length of a history.
type Recent[V any] struct {
	limit, weight int
	young, old    map[string]weighed[V]
}

type weighed[V any] struct {
	value  V
	weight int
}

// NewRecent returns an empty Recent. It holds up to two times limit.
func NewRecent[V any](limit int) *Recent[V] {
	return &Recent[V]{limit: limit, young: map[string]weighed[V]{}, old: map[string]weighed[V]{}}
}

// SetLimit changes the limit. What is held stays until more is put.
func (r *Recent[V]) SetLimit(limit int) { r.limit = limit }

// Get returns a value and its weight.
func (r *Recent[V]) Get(key string) (value V, weight int, ok bool) {
	got, ok := r.young[key]
	if !ok {
		if got, ok = r.old[key]; ok {
			delete(r.old, key)
			r.Put(key, got.value, got.weight)
		}
	}
	return got.value, got.weight, ok
}

// Put keeps a value.
func (r *Recent[V]) Put(key string, value V, weight int) {
	if r.weight+weight > r.limit && len(r.young) > 0 {
		r.old, r.young, r.weight = r.young, map[string]weighed[V]{}, 0
	}
	r.young[key] = weighed[V]{value, weight}
	r.weight += weight
}

// Held returns the weight of all values that are held.
func (r *Recent[V]) Held() (n int) {
	for _, generation := range []map[string]weighed[V]{r.young, r.old} {
		for _, v := range generation {
			n += v.weight
		}
	}
	return n
}
