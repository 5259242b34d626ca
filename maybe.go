package rin

// Maybe is a value and whether it was there: what [Entry.Lookup] returns as two
// results, where only one has room.
type Maybe[T any] struct {
	Value T
	Found bool
}
