package rin

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/redisimnest/rin/backend"
)

// OnceNode is a declared piece of work that is done once. [Once] makes it; [OnceNode.At]
// binds it to a place in a store.
type OnceNode[R any] struct{ node }

// Once declares a piece of work that is done once for each key, and whose result everybody
// else gets: a payment by its idempotency key, a message by its number.
//
//	var Payments = rin.Once[Receipt]("payment:<key>", rin.TTL(24*time.Hour))
//
//	receipt, replayed, err := Payments.At(root, key).Do(ctx, func(ctx context.Context) (Receipt, error) { … })
//
// The result is one key, for the declared [TTL], which should be longer than anybody tries
// again. While the work runs there is a second one, with a lease as that of a [Lock].
//
// Work that fails is done again by the next, and so is work whose process has died, when its
// lease ends: nobody can know how far that one came. So what is done is done at least once,
// and its result is stored once. Where the two must not differ, hand the key on, to what the
// work calls.
//
// Mistakes are reported by [Open], all of them together.
func Once[R any](pattern string, opts ...OnceOption) *OnceNode[R] {
	o := &OnceNode[R]{newNode(pattern)}
	o.self = o
	name := goName(reflect.TypeFor[R]())
	o.value = &value{
		holds: "once[" + name + "]", goType: reflect.TypeFor[R](), kind: backend.KindString,
		poll: defaultPoll, lease: defaultRunLease, bind: bindTo[R],
	}
	for _, opt := range opts {
		o.add(opt)
	}
	return o
}

// At binds the work to a scope. It takes parameters as [KeyOf.At] does.
func (o *OnceNode[R]) At(scope *Scope, params ...any) OnceEntry[R] {
	if o == nil {
		return OnceEntry[R]{Entry[R]{handle{err: errNilNode}}}
	}
	return OnceEntry[R]{Entry[R]{at(scope, &o.node, params)}}
}

// defaultRunLease is the default of [RunLease].
const defaultRunLease = 10 * time.Second

type runLeaseOption struct{ lease time.Duration }

// RunLease says how long the others wait at most for a process that has died while it did the
// work of a [Once]; one that lives renews its lease. By default it is 10 seconds.
func RunLease(lease time.Duration) OnceOption { return runLeaseOption{lease} }

func (runLeaseOption) validInOnce() {}

func (o runLeaseOption) declare(n *node) {
	var err error
	if n.value.lease, err = checkLease(o.lease); err != nil {
		n.problem("%v: %v", o, err)
	}
}

func (o runLeaseOption) String() string { return fmt.Sprintf("RunLease(%v)", o.lease) }

// OnceEntry is a piece of work at its place in a store. [OnceNode.At] makes it. It is a small
// value, immutable, and safe for concurrent use.
type OnceEntry[R any] struct{ entry Entry[R] }

// Key returns the full key, "" where none could be built.
func (o OnceEntry[R]) Key() string { return o.entry.Key() }

// Err returns what is wrong with the entry, nil where nothing is. Every operation on it
// returns the same.
func (o OnceEntry[R]) Err() error { return o.entry.Err() }

// String returns the key, or what is wrong with the entry.
func (o OnceEntry[R]) String() string { return o.entry.String() }

// Do returns the result of the work, and whether it was there already: replayed. Else it
// calls work, and stores the result. While another one does the work, in whatever process,
// Do waits for its result until ctx ends; [Poll] says how often it asks.
//
// The context of work ends with ctx, and when the lease is lost. An error of work is returned
// as it is, and nothing is stored.
//
// Where work was done and its result could not be stored, Do returns it with the error:
// [ErrLeaseLost] where the lease had ended or [OnceEntry.Forget] took it away, so that another
// may do the work again; or [ErrUnknownOutcome] where nobody knows whether it is stored.
//
// A replay is a script: O(1). The first time it is that and another one that stores.
func (o OnceEntry[R]) Do(ctx context.Context, work func(ctx context.Context) (R, error)) (result R, replayed bool, err error) {
	e := o.entry
	w := e.watch(ctx)
	if err = e.check(); err == nil && work == nil {
		err = errNilFunc
	}
	if err != nil {
		return result, false, e.done(ctx, "do", w, OutcomeNotApplied, err)
	}
	_, done, err := e.place.store.turns.take(ctx, e.key)
	if err != nil {
		return result, false, e.done(ctx, "do", w, OutcomeNotApplied, err)
	}
	defer done()
	v, lease, seen, err := o.claim(ctx)
	switch {
	case err != nil:
		return result, false, e.done(ctx, "do", w, OutcomeNotApplied, err)
	case v.Found:
		return v.Value, true, e.done(ctx, "do", w, OutcomeHit, nil)
	}
	result, err = o.run(ctx, lease, seen, work)
	w.end(ctx, "do", e.pattern(), e.key, OutcomeApplied, err)
	return result, false, err
}

// claim is the result, or a lease to do the work, with what the key held then.
func (o OnceEntry[R]) claim(ctx context.Context) (v Maybe[R], lease *Lease, seen backend.Seen, err error) {
	e := o.entry
	store := e.place.store
	leases, anew := e.loads(), false
	lease = &Lease{of: leases, token: newToken(), time: e.place.node.value.lease}
	for {
		claim := &backend.Claim{
			Key: e.key, Pattern: e.place.pattern, Leases: leases.handle.key, Token: lease.token, TTL: lease.time, Anew: anew,
		}
		asked := time.Now()
		_, err := store.insist(ctx, claim)
		switch {
		case errors.Is(err, ErrUnknownOutcome): // It may be held all the same.
			_, _ = leases.giveBack(ctx, lease.token)
			return v, nil, seen, err
		case err != nil:
			return v, nil, seen, err
		case claim.Found:
			v, err = decode[R](e.handle, claim.Value, true)
			if err != nil || v.Found {
				return v, nil, seen, err
			}
			anew = true // It is of another type, which is to be taken for nothing.
		case claim.Claimed:
			lease.begin(ctx, asked)
			return v, lease, claim.Seen(), nil
		}
		if claim.Left > 0 {
			if err := store.sleep(ctx, leases.pause(claim.Left), nil); err != nil {
				return v, nil, seen, err
			}
		}
	}
}

// run does the work under a lease, and stores its result.
func (o OnceEntry[R]) run(ctx context.Context, lease *Lease, seen backend.Seen, work func(ctx context.Context) (R, error)) (result R, err error) {
	e := o.entry
	stored := false
	defer func() {
		if lease.end(context.Canceled); !stored {
			_, _ = lease.of.giveBack(ctx, lease.token)
		}
	}()
	held, end := lease.within(ctx)
	defer end()
	if result, err = work(held); err != nil {
		return result, err
	}
	var set backend.Set
	if err := e.encode(&set, result, nil); err != nil {
		return result, e.fail("do", err)
	}
	fill := &backend.Fill{
		Key: e.key, Pattern: e.place.pattern, Leases: e.leasesKey(), Token: lease.token, Seen: seen,
		Value: set.Value, TTL: set.TTL,
	}
	// The work is done: its result is stored, though the caller may have left.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	again, err := e.place.store.insist(ctx, fill)
	switch {
	case err != nil:
		return result, e.fail("do", fmt.Errorf("the work was done, and its result may not be stored: %w", err))
	case fill.Applied:
		stored = true
		return result, nil
	case again:
		// The first one may have been carried out, and has left no lease for the second.
		get := &backend.Get{Key: e.key, Pattern: e.place.pattern}
		if err := e.place.store.exec(ctx, get); err == nil && get.Found && string(get.Value) == string(set.Value) {
			stored = true
			return result, nil
		}
	}
	return result, e.fail("do", fmt.Errorf("the work was done, but its result is not stored, since %w; another may do it again", errEnded))
}

// Result returns the result of the work, and whether it was done. It is GET: O(1).
func (o OnceEntry[R]) Result(ctx context.Context) (R, bool, error) {
	w := o.entry.watch(ctx)
	v, out, err := lookAt(ctx, o.entry.handle, w, lookedUp[R])
	return v.Value, v.Found, o.entry.done(ctx, "result", w, out, err)
}

// Forget deletes the result, so that the work is done again, and returns whether there was
// one. Work that is being done loses its lease, and its result is not stored. It is UNLINK,
// twice in one round trip: O(1).
func (o OnceEntry[R]) Forget(ctx context.Context) (bool, error) { return o.entry.Forget(ctx) }
