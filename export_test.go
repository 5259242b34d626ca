package rin

// Waiters is how many callers wait for the load of an entry that is under way.
func Waiters[T any](e Entry[T]) int {
	fs := &e.place.store.flights
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.flying[flightKey{e.place, e.key}]; f != nil {
		return f.waiters
	}
	return 0
}
