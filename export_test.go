package rin

// Waiters is how many callers wait for the load of an entry that is under way.
func Waiters[T any](e Entry[T]) int {
	return e.place.store.flights.Waiters(flightKey{e.place, e.key})
}
