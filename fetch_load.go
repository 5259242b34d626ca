package rin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/flight"
)

// loading is a load of one entry, or of several by one call of the loader. Each has a flight
// of its own.
type loading[T any] struct {
	how  fetching
	load func(ctx context.Context, items []*item[T])
	// early says that the values are there, and still good.
	early bool
}

// item is an entry that is loaded.
type item[T any] struct {
	Entry[T]
	flight *loadFlight
	token  []byte
	claim  *backend.Claim // the last one
	anew   bool           // though there is a value
	unkept bool           // what was kept can't be read
	held   time.Time      // since when another process has kept this one out
	lease  *Lease         // of an exclusive load
	lost   error          // why there is no claim, where that is forgiven

	// What the loader says.
	value T
	said  error

	// What its flight brings: one of them.
	result *loaded[T]
	err    error
}

// loaded is what a flight brings. Each of those who waited makes of it what its
// own options promise.
type loaded[T any] struct {
	value    T
	data     []byte      // what it is stored as, where it can be changed
	taken    atomic.Bool // by somebody, who may change it
	there    bool        // it was not loaded, but found by the claim
	stale    bool        // it has expired, and
	cause    error       // this is why there is no other, if it is known
	unstored error       // why it could not be stored
	noStore  bool        // it was not to be stored
	refused  bool        // the key was changed since the load began
	absent   bool        // there was nothing to load
}

// storeFailure is why a flight has loaded nothing: the store failed before.
type storeFailure struct{ error }

func (e storeFailure) Unwrap() error { return e.error }

// run loads the items, and gives each a result or an error.
func (l *loading[T]) run(ctx context.Context, items []*item[T]) {
	failure := flight.ErrGoexit
	defer func() {
		if v := recover(); v != nil {
			failure = &flight.PanicError{Value: v, Stack: debug.Stack()}
		}
		l.settle(ctx, items, failure)
	}()
	pause := backoff{first: 10 * time.Millisecond, longest: 250 * time.Millisecond}
	for todo := items; len(todo) > 0; {
		claimed, again, left := l.claim(ctx, todo)
		if len(claimed) > 0 {
			l.loadAll(ctx, claimed)
		}
		if todo = again; len(todo) == 0 || left == 0 {
			continue
		}
		store := items[0].place.store
		if err := store.sleep(ctx, min(pause.next(), left+time.Millisecond), nil); err != nil {
			failure = err
			return
		}
	}
}

// settle fails what has come to nothing, and gives back the leases that are still held.
func (l *loading[T]) settle(ctx context.Context, items []*item[T], failure error) {
	for _, it := range items {
		switch {
		case l.early && (ctx.Err() != nil || it.result == nil && it.err == nil || errors.As(it.err, new(storeFailure))):
			if errors.As(it.err, new(storeFailure)) { // which nobody else is told
				it.place.store.tell(ctx, Event{Op: "refresh", Pattern: it.pattern(), Key: it.key, Err: it.err})
			}
			it.result, it.err = nil, errNothingLoaded // the value that was there may still be good
		case it.result != nil:
		case it.err == nil && failure == ctx.Err(): //nolint:errorlint // it is that of the flight
			it.err = it.fail("fetch", failure)
		case it.err == nil:
			it.err = failure
		}
		it.flight.Bring(it.result, it.err)
		if it.token == nil {
			continue
		}
		if it.lease != nil {
			it.lease.end(context.Canceled)
		}
		_, _ = it.loads().giveBack(ctx, it.token)
	}
}

// claim asks for the loads of all items. Those whose values are there, or can't be had, are
// settled. The others are claimed, or are to be asked for again, after the time that is left
// if it is not zero.
func (l *loading[T]) claim(ctx context.Context, items []*item[T]) (claimed, again []*item[T], left time.Duration) {
	ops := make([]backend.Op, len(items))
	for i, it := range items {
		it.claim = &backend.Claim{
			Key: it.key, Pattern: it.place.pattern, Leases: it.leasesKey(), Anew: l.early || it.anew,
			TTL: it.place.caching.longest,
		}
		if it.token = []byte(backend.Shared + rand.Text()); l.how.lease > 0 {
			it.token, it.claim.TTL = newToken(), min(l.how.lease, it.claim.TTL)
		}
		if it.claim.Token = it.token; it.place.caching.staleFor > 0 && !it.unkept {
			it.claim.Kept = it.keptKey()
		}
		ops[i] = it.claim
	}
	asked := time.Now()
	_, _ = items[0].place.store.insist(ctx, ops...) // each op has its own error
	for _, it := range items {
		switch it.settleClaim(ctx, l, asked); {
		case it.result != nil || it.err != nil:
		case it.claim.Claimed || it.lost != nil:
			claimed = append(claimed, it)
		case it.claim.Found && !it.claim.Anew: // and can't be read
			it.anew, again = true, append(again, it)
		case !l.early:
			again, left = append(again, it), max(left, it.claim.Left, time.Millisecond)
		}
	}
	return claimed, again, left
}

// settleClaim takes the answer to the claim of an item.
func (it *item[T]) settleClaim(ctx context.Context, l *loading[T], asked time.Time) {
	c := it.claim
	if !c.Claimed && !errors.Is(c.Err, ErrUnknownOutcome) { // which may have been taken all the same
		it.token = nil
	}
	if c.Err != nil {
		if err := it.fail("fetch", c.Err); l.how.forgives(ctx, err) {
			it.lost = err
		} else {
			it.err = storeFailure{err}
		}
		return
	}
	store := it.place.store
	if held := c.Left > 0; held && it.held.IsZero() {
		it.held = asked
	} else if !held && !it.held.IsZero() {
		watch{store, it.held}.end(ctx, "wait", it.pattern(), it.key, OutcomeApplied, nil)
	}
	switch {
	case c.Nothing:
		it.result = &loaded[T]{absent: true, there: true}
	case c.Failed:
		old := it.old()
		if it.unkept = !old.Found; old.Found {
			it.result = it.found(old.Value, c.Old)
			it.result.stale, it.result.there = true, true
		}
	case c.Found && !c.Anew:
		v, err := decode[T](it.handle, c.Value, true)
		switch {
		case err != nil:
			it.err = storeFailure{it.fail("fetch", err)}
		case v.Found:
			it.result = it.found(v.Value, nil)
			it.result.there = true
		}
	case c.Claimed:
		it.flight.SetMark(string(it.token))
		if l.how.lease > 0 {
			it.lease = &Lease{
				of: it.loads(), token: it.token, time: c.TTL,
				limit: asked.Add(it.place.caching.longest),
			}
			it.lease.begin(ctx, asked)
		}
	}
}

// old is the value that is to be replaced, if there is one that can be read.
func (it *item[T]) old() Maybe[T] {
	data, found := it.claim.Value, it.claim.Found
	if !found {
		data, found = it.claim.Old, it.claim.OldFound
	}
	if !found {
		return Maybe[T]{}
	}
	value, err := it.binding().Decode(it.key, data)
	return Maybe[T]{value, err == nil}
}

// found is a value that is given to each of those who wait, by copies of what it is
// stored as where they could change it.
func (it *item[T]) found(value T, data []byte) *loaded[T] {
	r := &loaded[T]{value: value}
	if it.binding().mutable {
		if r.data = data; data == nil {
			r.data, _ = it.binding().Append(nil, it.key, value)
		}
	}
	return r
}

// loadAll calls the loader for items that are claimed, and stores what it returns.
func (l *loading[T]) loadAll(ctx context.Context, items []*item[T]) {
	said := &answer{}
	if len(items) == 1 {
		said.old = func() (any, bool) { old := items[0].old(); return old.Value, old.Found }
	}
	loader := context.WithValue(ctx, answerKey{}, said)
	if l.how.hard > 0 {
		var end context.CancelFunc
		loader, end = context.WithTimeoutCause(loader, l.how.hard, ErrLoadTimeout)
		defer end()
	}
	start := time.Now()
	l.load(loader, items)
	took := time.Since(start)

	var ops []backend.Op
	var ended []*item[T]
	for _, it := range items {
		if errors.Is(it.said, context.DeadlineExceeded) && errors.Is(context.Cause(loader), ErrLoadTimeout) {
			it.said = it.fail("fetch", fmt.Errorf("%w: %w", ErrLoadTimeout, it.said))
		}
		fill := it.fill(ctx, l, said)
		switch {
		case fill != nil:
			ops, ended = append(ops, fill), append(ended, it)
		case it.token != nil && it.result != nil:
			release := &backend.ZRem{Key: it.leasesKey(), Pattern: it.place.pattern, Members: [][]byte{it.token}}
			ops, ended = append(ops, release), append(ended, it)
		}
	}
	if len(ops) > 0 {
		// Who comes from now on may know of a change that is made after these ops.
		for _, it := range ended {
			it.flight.Seal()
		}
		_ = items[0].place.store.exec(ctx, ops...) // each op has its own error
	}
	for i, it := range ended {
		it.end(ops[i])
	}
	l.tell(ctx, items, took)
}

// fill is what is to be stored of what the loader said, if anything is.
func (it *item[T]) fill(ctx context.Context, l *loading[T], said *answer) *backend.Fill {
	fill := &backend.Fill{Key: it.key, Pattern: it.place.pattern, Leases: it.leasesKey(), Token: it.token, Seen: it.claim.Seen()}
	switch {
	case errors.Is(it.said, Absent):
		it.result = &loaded[T]{absent: true}
		fill.Nothing = max(l.how.absentFor, time.Duration(it.flight.Wish()))
		if fill.Nothing == 0 || it.token == nil {
			return nil
		}
		return fill
	case errors.Is(it.said, Unchanged):
		old := it.old()
		if !old.Found {
			it.err = fmt.Errorf("%w, but the loader was given no old value; return a value, or rin.Absent", it.said)
			return nil
		}
		it.value = old.Value
	case errors.Is(it.said, ErrNotFound):
		it.err = fmt.Errorf("%w; a loader that finds nothing returns rin.Absent", it.said)
		return nil
	case it.said != nil:
		return it.failed(ctx, fill)
	case said.err != nil:
		it.err = it.fail("fetch", fmt.Errorf("StoreFor: %w", said.err))
		return nil
	}
	var set backend.Set
	err := it.encode(&set, it.value, nil)
	if it.result = it.found(it.value, set.Value); err != nil {
		it.result.unstored, it.result.data = it.fail("fetch", err), nil
		return nil
	}
	if it.lost != nil || said.noStore {
		it.result.unstored = it.lost
		return nil
	}
	fill.Value, fill.TTL = set.Value, set.TTL
	if said.ttl > 0 {
		fill.TTL = it.place.policy.spread(said.ttl)
	}
	if staleFor := it.place.caching.staleFor; staleFor > 0 {
		fill.Kept, fill.KeptTTL = it.keptKey(), fill.TTL+min(staleFor, math.MaxInt64-fill.TTL)
	}
	return fill
}

// failed is what is to be stored of a load that has failed: that it has, where there is an old
// value to serve meanwhile.
func (it *item[T]) failed(ctx context.Context, fill *backend.Fill) *backend.Fill {
	if it.claim.OldFound && ctx.Err() == nil {
		if old := it.old(); old.Found {
			it.result = it.found(old.Value, it.claim.Old)
			it.result.stale, it.result.cause = true, it.said
			fill.Failed = failureTime
			return fill
		}
	}
	it.err = it.said
	return nil
}

// end takes the answer to what has ended the load of an item: a Fill, or the release of its
// lease.
func (it *item[T]) end(op backend.Op) {
	err := backend.Err(op)
	if err == nil { // the lease is given back, or was lost before
		if it.lease != nil {
			it.lease.end(context.Canceled)
		}
		it.token = nil
	}
	switch op := op.(type) {
	case *backend.ZRem:
		it.result.noStore, it.result.refused = true, err == nil && op.Removed == 0
	case *backend.Fill:
		if it.result.refused = err == nil && !op.Applied; err != nil && op.Failed == 0 {
			it.result.unstored = it.fail("fetch", err)
		}
	}
}

// tell tells of a load that has ended.
func (l *loading[T]) tell(ctx context.Context, items []*item[T], took time.Duration) {
	op := "load"
	if l.early {
		op = "refresh"
	}
	for _, it := range items {
		e := Event{Op: op, Pattern: it.pattern(), Key: it.key, Took: took, Err: it.err}
		switch r := it.result; {
		case r == nil:
		case r.stale:
			e.Err = r.cause
		case r.refused:
			e.Outcome = OutcomeRefused
		case r.absent:
			e.Outcome = OutcomeAbsent
		case errors.Is(it.said, Unchanged):
			e.Outcome = OutcomeUnchanged
		case r.unstored != nil || r.noStore:
			e.Outcome = OutcomeNotStored
		default:
			e.Outcome = OutcomeStored
		}
		if it.said == nil {
			it.place.tookToLoad(took)
		}
		it.place.store.tell(ctx, e)
	}
}
