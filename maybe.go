package rin

import "fmt"

// Maybe is a value and whether it was there: what [Entry.Lookup] returns as two
// results, where only one has room.
type Maybe[T any] struct {
	Value T
	Found bool
}

// String returns the value as it prints, or that there is none.
func (m Maybe[T]) String() string {
	if !m.Found {
		return "not found"
	}
	return fmt.Sprint(m.Value)
}
