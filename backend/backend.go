// Package backend is the seam between rin and a store: what a Redis client, an
// in-memory store or a decorator around one has to do, and no more.
//
// It is written for whoever implements a backend. Users of rin only hand one to
// rin.Open: memstore.New(), goredis.New(client) or valkeygo.New(client).
//
// # The contract
//
// A [Backend] is safe for concurrent use. It has one way in for every command,
// [Backend.Exec], and one for walking keys, [Backend.Scan]. An [Op] is one
// command: a small struct with its arguments, its result and its error. Every
// op touches exactly one key, so a batch may span the slots of a cluster.
//
// The core hands over checked ops only: keys are not empty, and a TTL is none
// (zero) or a positive whole number of milliseconds. The results and Err of an
// op are zero when Exec receives it.
//
// Package backendtest holds these rules as a conformance suite that runs
// against any implementation.
package backend

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// Backend is a store of keys.
type Backend interface {
	// Exec runs ops in order, in one round trip where the store can pipeline,
	// and fills in each op's results and Err. It returns the first op's error
	// that is not nil. An op's failure does not keep later ops from running.
	//
	// Ops on one key take effect in their order; between ops on different keys
	// nothing is promised. Each op is atomic on its own.
	//
	// A missing key is not an error: the op's results say so. Everything else
	// that keeps an op from giving its answer is one:
	//   - [ErrWrongKind] where the key holds another kind of Redis value,
	//   - [ErrUnsupported] where the store does not know the op,
	//   - [ErrUnknownOutcome] where a write was sent and its reply did not come.
	//     It is never sent twice.
	//   - the context's error where the context ended first: then
	//     errors.Is(err, context.DeadlineExceeded) or context.Canceled holds,
	//     besides ErrUnknownOutcome for a write that had been sent. With a
	//     context that has ended before the call, nothing is sent.
	//
	// What Exec puts into an op belongs to the caller: it shares no memory with
	// the store. What the op carries in belongs to the caller too: Exec reads
	// it before it returns, and keeps a copy of what it needs for longer.
	//
	// Exec without ops does nothing and returns nil.
	Exec(ctx context.Context, ops ...Op) error

	// Scan yields pages of the keys that begin with prefix, which is taken
	// literally: no byte of it is a wildcard. An empty prefix is every key. On
	// a cluster it covers every primary. A key may come twice; a key that is
	// there from the first page to the last comes at least once. Pages are
	// never empty and belong to the caller.
	//
	// After an error, which comes with a nil page, the sequence ends. Keys may
	// be deleted while the sequence is being consumed.
	Scan(ctx context.Context, prefix string) iter.Seq2[[]string, error]
}

// DefaultPageSize is how many keys a page of a scan holds, more or less, where
// nobody says otherwise.
const DefaultPageSize = 1000

// Pager is what a Backend implements if the size of its pages can be chosen.
type Pager interface {
	// ScanPages is [Backend.Scan] with about size keys looked at per page;
	// size is positive.
	ScanPages(ctx context.Context, prefix string, size int) iter.Seq2[[]string, error]
}

// ScanPages scans b in pages of about size keys where b is a [Pager], and in
// b's own pages where it is not.
func ScanPages(ctx context.Context, b Backend, prefix string, size int) iter.Seq2[[]string, error] {
	if p, ok := able[Pager](b); ok {
		return p.ScanPages(ctx, prefix, size)
	}
	return b.Scan(ctx, prefix)
}

// Transactor is what a Backend implements if it can run several ops as one.
type Transactor interface {
	// Transact runs ops in order as one transaction: MULTI and EXEC. Nothing
	// that others do comes between them, and others see the effects of all of
	// them or of none. It fills in the ops as [Backend.Exec] does. As in Redis,
	// an op that fails, on a key of another kind, does not undo the others; one
	// that the store does not know keeps all of them from running.
	//
	// A transaction is never sent twice: where its reply is lost, every write in
	// it has [ErrUnknownOutcome]. Where the ops' keys do not share a slot of a
	// cluster, it sends nothing, and fails every op with [ErrCrossSlot]: see
	// [CheckSlot].
	Transact(ctx context.Context, ops ...Op) error
}

// Transact runs ops as one transaction where b is a [Transactor], and fails them
// with [ErrUnsupported] where it is not.
func Transact(ctx context.Context, b Backend, ops ...Op) error {
	if t, ok := able[Transactor](b); ok {
		return t.Transact(ctx, ops...)
	}
	return FailAll(ops, fmt.Errorf("%w: transactions", ErrUnsupported))
}

// Waiter is what a Backend implements that can wait for a list to have an element.
type Waiter interface {
	// Wait returns nil once the list at key has an element, and takes none: another may
	// have taken it by then. It may also return nil for no reason. Where the key holds
	// another kind of value it fails with [ErrWrongKind], and where ctx ends with its
	// error, within 100 ms. A server is waited for on a connection that nothing else uses
	// meanwhile; where that is lost, it fails at once.
	Wait(ctx context.Context, key string) error
}

// Wait waits where b is a [Waiter], and fails with [ErrUnsupported] where it is not.
func Wait(ctx context.Context, b Backend, key string) error {
	if w, ok := able[Waiter](b); ok {
		return w.Wait(ctx, key)
	}
	return fmt.Errorf("%w: waiting", ErrUnsupported)
}

// Clock is what a Backend implements whose time is not time.Now, such as an
// in-memory store with a clock of its own.
type Clock interface {
	Now() time.Time
}

// Now is the time by b's clock.
func Now(b Backend) time.Time {
	if c, ok := able[Clock](b); ok {
		return c.Now()
	}
	return time.Now()
}

// able finds what only some backends can do: in b, or in the backend that b is
// around, if it has a method Unwrap that says so. So a decorator loses none of it,
// also of what it has never heard of. One that has a part in an ability has the
// method itself, and is found first.
func able[A any](b Backend) (able A, ok bool) {
	for b != nil {
		if able, ok = b.(A); ok {
			return able, true
		}
		around, is := b.(interface{ Unwrap() Backend })
		if !is {
			break
		}
		b = around.Unwrap()
	}
	return able, false
}
