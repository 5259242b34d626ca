package rin

import (
	"context"
	"fmt"

	"github.com/redisimnest/rin/backend"
)

// SemaphoreNode is a declared semaphore. [Semaphore] makes it; [SemaphoreNode.At] binds it
// to a place in a store.
type SemaphoreNode struct{ node }

// Semaphore declares a number of permits, which as many holders can have at a time:
//
//	var Exports = rin.Semaphore("exports", rin.Permits(5))
//
// Each permit is a lease of its own, so that one whose holder has died comes back: see
// [Lease]. How many there are is what the declaration says, and is not stored.
//
// Mistakes are reported by [Open], all of them together.
func Semaphore(pattern string, opts ...SemaphoreOption) *SemaphoreNode {
	s := &SemaphoreNode{newNode(pattern)}
	s.self = s
	s.value = &value{holds: "semaphore", kind: backend.KindSortedSet, poll: defaultPoll, bind: bindNothing}
	for _, opt := range opts {
		s.add(opt)
	}
	if s.value.permits == 0 {
		s.problem("it has no permits; say how many, as in rin.Permits(5)")
	}
	return s
}

// At binds the semaphore to a scope. It takes parameters as [KeyOf.At] does.
func (s *SemaphoreNode) At(scope *Scope, params ...any) SemaphoreEntry {
	if s == nil {
		return SemaphoreEntry{permits{handle{err: errNilNode}}}
	}
	return SemaphoreEntry{permits{at(scope, &s.node, params)}}
}

// SemaphoreEntry is a semaphore at its place in a store. [SemaphoreNode.At] makes it. It is
// a small value, immutable, and safe for concurrent use.
type SemaphoreEntry struct{ permits }

// Holders returns who holds a permit, the one that ends first in front. It is a script:
// O(log n + m) with m held.
func (s SemaphoreEntry) Holders(ctx context.Context) ([]Holder, error) { return s.holders().now(ctx) }

type permitsOption struct{ n int64 }

// Permits says how many leases of a semaphore can be held at a time. It applies to
// [Semaphore], which needs it. Programs that declare different numbers each keep to their
// own.
func Permits(n int64) SemaphoreOption { return permitsOption{n} }

func (permitsOption) validInSemaphore() {}

func (o permitsOption) declare(n *node) {
	if n.value.permits = o.n; o.n <= 0 {
		n.value.permits = 1 // Else it would be said twice.
		n.problem("%v: give at least one", o)
	}
}

func (o permitsOption) String() string { return fmt.Sprintf("Permits(%d)", o.n) }
