package rin

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redisimnest/rin/backend"
)

// LockNode is a declared lock. [Lock] makes it; [LockNode.At] binds it to a place in a
// store.
type LockNode struct{ node }

// Lock declares a lock, which one holder at a time can have:
//
//	var ReportLock = rin.Lock("lock:report:<day>")
//
//	err := ReportLock.At(root, day).Do(ctx, 10*time.Second, func(ctx context.Context) error { … })
//
// It is a lease: see [Lease] for what it promises, and what no lock in Redis can. No clock
// plays a part but the server's. It is one key, which is kept for a day after the last
// lease, for the sake of [Lease.Fence].
//
// Mistakes are reported by [Open], all of them together.
func Lock(pattern string, opts ...LockOption) *LockNode {
	l := &LockNode{newNode(pattern)}
	l.self = l
	l.value = &value{holds: "lock", kind: backend.KindSortedSet, permits: 1, poll: defaultPoll, bind: bindNothing}
	for _, opt := range opts {
		l.add(opt)
	}
	return l
}

// At binds the lock to a scope. It takes parameters as [KeyOf.At] does.
func (l *LockNode) At(scope *Scope, params ...any) LockEntry {
	if l == nil {
		return LockEntry{permits{handle{err: errNilNode}}}
	}
	return LockEntry{permits{at(scope, &l.node, params)}}
}

// LockEntry is a lock at its place in a store. [LockNode.At] makes it. It is a small value,
// immutable, and safe for concurrent use.
type LockEntry struct{ permits }

// Holder returns who holds the lock, and whether anybody does. It is a script: O(1).
func (l LockEntry) Holder(ctx context.Context) (Holder, bool, error) {
	all, err := l.holders().now(ctx)
	if len(all) == 0 {
		return Holder{}, false, err
	}
	return all[0], true, err
}

// bindNothing is for what holds no values of the application.
func bindNothing(*place) (any, error) { return nil, nil }

// defaultPoll is the default of [Poll].
const defaultPoll = 50 * time.Millisecond

type pollOption struct{ every time.Duration }

// PollOption is what [Poll] returns: an option of [Lock], [Semaphore] and [Once].
type PollOption interface {
	LockOption
	SemaphoreOption
	OnceOption
}

// Poll says how long a process that waits for another one lets pass at most before it asks
// the server again. Shorter is sooner, and costs the server more. It applies to [Lock],
// [Semaphore] and [Once]. By default it is 50 milliseconds.
func Poll(every time.Duration) PollOption { return pollOption{every} }

func (pollOption) validInLock()      {}
func (pollOption) validInSemaphore() {}
func (pollOption) validInOnce()      {}

func (o pollOption) declare(n *node) {
	if n.value.poll = o.every; o.every < time.Millisecond {
		n.problem("%v: less than a millisecond would only keep the server busy", o)
	}
}

func (o pollOption) String() string { return fmt.Sprintf("Poll(%v)", o.every) }

// pause is how long to wait before the server is asked again, of what can be had after
// left at the latest.
func (p permits) pause(left time.Duration) time.Duration {
	poll := p.handle.place.node.value.poll
	return min(poll/2+rand.N(poll/2+1), left+time.Millisecond)
}
