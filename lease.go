package rin

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Lease is a lock, or a permit of a semaphore, that is held. It is renewed in the
// background at a third of its time until [Lease.Release], or until [Scope.Close].
//
// A lease that can't be renewed is lost when its time is over. The context of
// [Lease.Context] ends before that, and so before anybody else can have it: do under it
// what only the holder may do. A process that stands still meanwhile, or a server that
// fails over to a replica that knows nothing of the lease, can't be helped so; where that
// matters, give [Lease.Fence] to what is written to.
type Lease struct {
	of    permits
	token []byte
	fence int64
	time  time.Duration
	keep  time.Duration // how long the key outlives it
	limit time.Time     // until when it is renewed; zero: for as long as it is held

	ctx  context.Context
	lose context.CancelCauseFunc
	// renewal renews the lease by and by, and expiry loses it when that has not come in time.
	renewal, expiry *time.Timer

	mu       sync.Mutex
	released bool
	why      error // why it could not be renewed the last time
}

// releaseTime bounds how long a release may take: the lease ends by itself after it.
const releaseTime = 5 * time.Second

// drift is the part of a lease by which it is given up early, since the clock of this
// machine may run slower than the server's.
const drift = 100

// Context ends when the lease is lost, with a cause that is [ErrLeaseLost], and when it is
// released. It has the values of the context that the lease was acquired with, and not its
// end.
func (l *Lease) Context() context.Context { return l.ctx }

// Fence is a number that is greater than those of all leases of the same lock before,
// whoever had them, also where they expired or were broken, or the server has lost its
// data: its time in microseconds, or one more than the last number, which it keeps for a
// day. What is written to under the lock can remember the greatest that it has seen and
// turn down those that are less: writes of a holder that has lost its lease and doesn't
// know.
func (l *Lease) Fence() int64 { return l.fence }

// Release gives the lease back. It works also when ctx has ended, for up to 5 seconds. A
// lease that was lost before is [ErrLeaseLost]. Where it fails otherwise, the lease ends
// by itself, and Release can be called once more. It is ZREM: O(log n) in the permits; and
// where another process waits, then RPUSH too. Releasing twice does no harm.
func (l *Lease) Release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return nil
	}
	h := l.of.handle
	w := h.watch(ctx)
	err := context.Cause(l.ctx)
	if errors.Is(err, context.Canceled) { // by a release that has failed
		err = nil
	}
	l.end(context.Canceled)
	removed, failed := l.of.giveBack(ctx, l.token)
	l.released = failed == nil
	switch {
	case failed != nil && err == nil:
		err = failed
	case !removed && err == nil:
		err = errEnded
	}
	return h.done(ctx, "release", w, didOrNot(err == nil), err)
}

// end ends what renews the lease, and its context.
func (l *Lease) end(cause error) {
	l.renewal.Stop()
	l.expiry.Stop()
	l.lose(cause)
	l.of.handle.place.store.letsGo(l)
}

// within is ctx, which also ends when the lease is lost, with its cause.
func (l *Lease) within(ctx context.Context) (held context.Context, end func()) {
	held, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.ctx, func() { cancel(context.Cause(l.ctx)) })
	return held, func() { stop(); cancel(nil) }
}

// begin has the lease, which was asked for at a time, renewed until it ends.
func (l *Lease) begin(ctx context.Context, asked time.Time) {
	l.ctx, l.lose = context.WithCancelCause(context.WithoutCancel(ctx))
	l.expiry, l.renewal = time.AfterFunc(never, l.expire), time.AfterFunc(never, l.renew)
	if !l.of.handle.place.store.holds(l) {
		l.end(ErrClosed)
		return
	}
	l.expiry.Reset(time.Until(l.until(asked)))
	l.renewal.Reset(time.Until(asked.Add(l.time / 3)))
}

// never is when a timer fires that is not set.
const never = math.MaxInt64

// renew renews the lease, and has itself called again, until the lease is released or lost.
func (l *Lease) renew() {
	store, asked := l.of.handle.place.store, time.Now()
	if l.ctx.Err() != nil || !store.renewing() {
		return
	}
	defer store.renewals.Done()
	if !l.limit.IsZero() && asked.Add(l.time).After(l.limit) {
		return
	}
	held, err := l.prolong(asked)
	next := asked.Add(l.time / 3)
	switch {
	case err == nil && !held:
		l.end(errEnded)
		return
	case err != nil:
		next = time.Now().Add(l.time / 12)
	}
	l.renewal.Reset(time.Until(next))
}

var errEnded = fmt.Errorf("%w: it was broken, or has expired on the server", ErrLeaseLost)

// prolong renews the lease from a time on, and says whether it was still held.
func (l *Lease) prolong(asked time.Time) (held bool, err error) {
	h := l.of.handle
	ctx, cancel := context.WithTimeout(l.ctx, l.time)
	defer cancel()
	w := h.watch(ctx)
	op := &backend.Prolong{Key: h.key, Pattern: h.pattern(), Token: l.token, TTL: l.time, Keep: l.keep}
	err = h.place.store.execOne(ctx, op)
	if err == nil && op.Prolonged && l.expiry.Stop() {
		l.expiry.Reset(time.Until(l.until(asked)))
	}
	l.mu.Lock()
	l.why = err
	l.mu.Unlock()
	return op.Prolonged, h.done(ctx, "renew", w, didOrNot(op.Prolonged), err)
}

// until is when a lease that was asked for, or renewed, at a time is given up.
func (l *Lease) until(asked time.Time) time.Time { return asked.Add(l.time - l.time/drift) }

// expire loses the lease, since it was not renewed in time.
func (l *Lease) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := fmt.Errorf("%w: it was not renewed within %v", ErrLeaseLost, l.time)
	if l.why != nil {
		err = fmt.Errorf("%w: %w", err, l.why)
	}
	l.end(err)
}

// permits is a lock or a semaphore at its place in a store: what the two have in common.
type permits struct{ handle handle }

// Key returns the full key, "" where none could be built.
func (p permits) Key() string { return p.handle.Key() }

// Err returns what is wrong with the handle, nil where nothing is. Every operation on it
// returns the same.
func (p permits) Err() error { return p.handle.Err() }

// String returns the key, or what is wrong with the entry.
func (p permits) String() string { return p.handle.String() }

// TryAcquire acquires a lease, or returns [ErrLocked] at once where all are held: a
// [*LockedError], which says how long that lasts at most.
//
// The lease is the time after which a holder that has died is no holder any more, ten
// seconds for instance; a holder that lives renews it. It is a script: O(n) in the
// permits that are held.
func (p permits) TryAcquire(ctx context.Context, lease time.Duration) (*Lease, error) {
	w := p.handle.watch(ctx)
	l, err := p.try(ctx, lease, 0)
	return l, p.handle.done(ctx, "try acquire", w, didOrNot(err == nil), err)
}

// Acquire waits until it has a lease, or until ctx ends. In one process, those who wait
// for the same key are served in the order in which they came, and one of them at a time
// asks the server: when a lease is released, by whatever process, when the one that is held
// would end, and else at random moments, [Poll] apart at most. Between processes chance
// decides.
//
// That another process has released a lease is known by BLMOVE, on a connection that nothing
// else uses meanwhile, as [ListEntry.PopWait] has it. Where the server can't wait, or the user
// may not, only Poll is left.
//
// The lease is as for TryAcquire.
func (p permits) Acquire(ctx context.Context, lease time.Duration) (*Lease, error) {
	w := p.handle.watch(ctx)
	l, err := p.wait(ctx, lease)
	return l, p.handle.done(ctx, "acquire", w, didOrNot(err == nil), err)
}

// Do calls f while it holds a lease, which it waits for as Acquire does. The context of f
// ends with ctx, and when the lease is lost. It returns what f returns, and [ErrLeaseLost]
// too where the lease was lost before f had returned.
func (p permits) Do(ctx context.Context, lease time.Duration, f func(ctx context.Context) error) (err error) {
	if f == nil {
		return p.handle.fail("do", errNilFunc)
	}
	l, err := p.Acquire(ctx, lease)
	if err != nil {
		return err
	}
	held, end := l.within(ctx)
	defer end()
	defer func() {
		if released := l.Release(ctx); errors.Is(released, ErrLeaseLost) {
			err = errors.Join(err, released)
		}
	}()
	return f(held)
}

// Break takes all leases away from those who hold them, and returns whether there were
// any. It is for an operator who knows that a holder is gone, and can't wait until its
// lease ends: a holder that lives learns of it only when it renews. It is ZREMRANGEBYSCORE:
// O(log n + m) with m held.
func (p permits) Break(ctx context.Context) (bool, error) {
	if p.handle.check() == nil {
		defer p.handle.place.store.turns.free(p.handle.key)
	}
	op := &backend.ZRemRangeByScore{
		Key: p.handle.key, Pattern: p.handle.pattern(),
		Min: backend.Lowest, Max: backend.Bound{Score: backend.LastLease},
	}
	return operation[bool]{handle: p.handle, name: "break", op: op, result: broke}.now(ctx)
}

func broke(_ handle, op backend.Op) (bool, error) {
	return op.(*backend.ZRemRangeByScore).Removed > 0, nil
}

// Holder is who holds a lease.
type Holder struct {
	// Name is the host and the process that acquired it: "web-3:4711".
	Name string
	// ID tells the lease from all others.
	ID string
	// Left is how long the lease has left, if it is not renewed.
	Left time.Duration
}

// String returns the holder as it prints.
func (h Holder) String() string { return fmt.Sprintf("%s (%s), for %v", h.Name, h.ID, h.Left) }

func (p permits) holders() operation[[]Holder] {
	return operation[[]Holder]{
		handle: p.handle, name: "holders", op: &backend.Leases{Key: p.handle.key, Pattern: p.handle.pattern()},
		result: func(_ handle, op backend.Op) (all []Holder, _ error) {
			for _, lease := range op.(*backend.Leases).Held {
				name, id := lease.Token, []byte(nil)
				if at := bytes.LastIndexByte(lease.Token, ':'); at >= 0 {
					name, id = lease.Token[:at], lease.Token[at+1:]
				}
				all = append(all, Holder{string(name), string(id), lease.Left})
			}
			return all, nil
		},
	}
}

// newToken is a token that nobody guesses, and that says whose it is.
func newToken() []byte { return []byte(process() + rand.Text()) }

// process is what the tokens of this process begin with.
var process = sync.OnceValue(func() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s:%d:", host, os.Getpid())
})

// try is a lease, or a [*LockedError]. That it is waited for is noted for so long, if it is
// not zero.
func (p permits) try(ctx context.Context, lease, wait time.Duration) (*Lease, error) {
	if err := p.handle.check(); err != nil {
		return nil, err
	}
	lease, err := checkLease(lease)
	if err != nil {
		return nil, err
	}
	l := &Lease{of: p, token: newToken(), time: lease, keep: backend.NumberTime}
	op := &backend.Acquire{
		Key: p.handle.key, Pattern: p.handle.pattern(), Token: l.token, TTL: lease,
		Permits: p.handle.place.node.value.permits, Wait: wholeMillis(wait),
	}
	store := p.handle.place.store
	asked := time.Now()
	_, err = store.insist(ctx, op)
	switch {
	case errors.Is(err, ErrUnknownOutcome): // It may be held all the same.
		_, _ = p.giveBack(ctx, l.token)
		return nil, err
	case err != nil:
		return nil, err
	case !op.Acquired:
		return nil, &LockedError{Left: op.Left, Permits: op.Permits}
	}
	l.fence = op.Number
	l.begin(ctx, asked)
	return l, nil
}

// wait is a lease that may have been waited for.
func (p permits) wait(ctx context.Context, lease time.Duration) (*Lease, error) {
	if err := p.handle.check(); err != nil {
		return nil, err
	}
	store := p.handle.place.store
	turn, done, err := store.turns.take(ctx, p.handle.key)
	if err != nil {
		return nil, err
	}
	defer done()
	alarm := alarm{permits: p}
	defer alarm.stop()
	for {
		l, err := p.try(ctx, lease, 2*p.handle.place.node.value.poll)
		var locked *LockedError
		if !errors.As(err, &locked) {
			return l, err
		}
		alarm.set(ctx)
		if ended := store.sleep(ctx, p.pause(locked.Left), turn.freed); ended != nil {
			return nil, fmt.Errorf("%w; %w", ended, locked)
		}
	}
}

// giveBack removes a token, though ctx may have ended, and wakes who waits for it.
func (p permits) giveBack(ctx context.Context, token []byte) (removed bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	op := &backend.ZRem{Key: p.handle.key, Pattern: p.handle.pattern(), Members: [][]byte{token, []byte(backend.Waiting)}}
	again, err := p.handle.place.store.insist(ctx, op)
	if again || op.Removed > 1 {
		p.wake(ctx)
	}
	p.handle.place.store.turns.free(p.handle.key)
	return err == nil && (again || op.Removed > 0), err
}

// checkLease turns down a lease that can't be kept.
func checkLease(lease time.Duration) (time.Duration, error) {
	if lease < minLease {
		return 0, fmt.Errorf("%w: a lease of %v is too short to be renewed in time; give %v or more", ErrTTL, lease, minLease)
	}
	return wholeMillis(lease), nil
}

// minLease is the shortest lease: a third of it has to be enough for a round trip.
const minLease = 10 * time.Millisecond
