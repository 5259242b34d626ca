package rin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
)

// Absent is what a loader returns, bare or wrapped, where there is nothing to
// load. [Entry.Fetch] then returns [ErrNotFound], and remembers it for as long as
// [CacheAbsent] says.
var Absent = errors.New("absent") //nolint:staticcheck,revive // it is an answer, not a failure

// FetchOption is an option of [Entry.Fetch].
type FetchOption interface {
	fmt.Stringer
	validInFetch(*fetching) error
}

// fetching is how a Fetch goes about it.
type fetching struct {
	lease      time.Duration // zero: no lock
	beta       float64       // zero: no early refresh
	absentFor  time.Duration // zero: an absence is not remembered
	loadAnyway bool
}

type exclusiveOption struct{ lease time.Duration }

// Exclusive lets at most one load of a key run in the whole fleet, by a lock in a
// key beside it. Who does not get the lock waits for the value. The lease is how
// long a holder that dies keeps the lock, so it must be longer than a load takes:
// a value that comes later than that is returned, but not stored.
func Exclusive(lease time.Duration) FetchOption { return exclusiveOption{lease} }

func (o exclusiveOption) validInFetch(f *fetching) (err error) {
	f.lease, err = positive(o, o.lease)
	return err
}

func (o exclusiveOption) String() string { return fmt.Sprintf("Exclusive(%v)", o.lease) }

type refreshEarlyOption struct{ beta float64 }

// RefreshEarly loads a value anew in the background before it expires, so that a
// key that is read often never goes cold. Each read decides by chance, more
// likely the nearer the end is and the longer a load takes: optimal probabilistic
// early expiration, as by Vattani, Chierichetti and Lowenstein ("Optimal
// Probabilistic Cache Stampede Prevention", VLDB 2015). A beta of 1 suits most;
// more is earlier. Until this process has measured a load, it is taken for a
// hundredth of the TTL.
//
// A read then is GET and PTTL, in one round trip.
func RefreshEarly(beta float64) FetchOption { return refreshEarlyOption{beta} }

func (o refreshEarlyOption) validInFetch(f *fetching) error {
	if !(o.beta > 0) || math.IsInf(o.beta, 1) {
		return fmt.Errorf("%v: beta must be a positive number; 1 suits most", o)
	}
	f.beta = o.beta
	return nil
}

func (o refreshEarlyOption) String() string { return fmt.Sprintf("RefreshEarly(%v)", o.beta) }

type cacheAbsentOption struct{ ttl time.Duration }

// CacheAbsent remembers for d that the loader returned [Absent], in a key beside
// the entry's, so that Fetch does not ask again. Other readers see nothing there.
// A stored value counts more than a remembered absence; [Entry.Forget] and
// [Scope.Clear] forget it, [Entry.Delete] does not.
//
// By default an absence is not remembered.
func CacheAbsent(d time.Duration) FetchOption { return cacheAbsentOption{d} }

func (o cacheAbsentOption) validInFetch(f *fetching) (err error) {
	f.absentFor, err = positive(o, o.ttl)
	return err
}

func (o cacheAbsentOption) String() string { return fmt.Sprintf("CacheAbsent(%v)", o.ttl) }

type loadAnywayOption struct{}

// LoadAnyway loads when the store fails, instead of returning the failure, and
// returns what was loaded when it can't be stored. It keeps an application
// answering without its cache, at the price that every process then loads, again
// and again. Locks can't be had then either.
//
// By default a failure is never taken for a miss: Fetch returns it.
func LoadAnyway() FetchOption { return loadAnywayOption{} }

func (loadAnywayOption) validInFetch(f *fetching) error {
	f.loadAnyway = true
	return nil
}

func (loadAnywayOption) String() string { return "LoadAnyway()" }

func positive(o fmt.Stringer, d time.Duration) (time.Duration, error) {
	if d <= 0 {
		return 0, fmt.Errorf("%v: %w: it is not positive", o, ErrTTL)
	}
	return wholeMillis(d), nil
}

// Fetch returns the stored value, or else loads it, stores it with the declared
// TTL, and returns it: cache-aside. Defaults play no part.
//
// In this process at most one load of a key runs at a time, and everybody who
// wants the key waits for it. It runs detached from the context of whoever was
// first, with the values of that; it is cancelled when nobody waits any more. A
// caller whose context ends stops waiting. [Exclusive] widens this to the fleet.
//
// An error of the loader is returned as it is, and nothing is stored; [Absent]
// becomes [ErrNotFound]. A panic of the loader reaches everybody as a
// [*PanicError]. A failure of the store is returned, unless [LoadAnyway] is given.
// A value that can't be decoded is an error, or a miss where [OnMismatch] says
// so.
//
// Of those who wait for one load, each gets a value of its own: nobody sees what
// another changes in a slice, a map, or behind a pointer. The first gets what the
// loader returned, the others what is read back from what was stored; only a value
// that can't be stored is shared. Each gets what its own options promise, whoever
// began the load.
//
// The loader may fetch other keys, with the context that it is given. Where it
// would so wait for itself, the inner Fetch is an error at once.
//
// A hit costs what [Entry.Get] costs.
func (e Entry[T]) Fetch(ctx context.Context, load func(context.Context) (T, error), opts ...FetchOption) (T, error) {
	w := e.watch(ctx)
	value, out, err := e.fetch(ctx, load, opts)
	w.end(ctx, "fetch", e.pattern(), e.key, out, err)
	return value, err
}

func (e Entry[T]) fetch(ctx context.Context, load func(context.Context) (T, error), opts []FetchOption) (none T, out outcome, _ error) {
	if err := e.check(); err != nil {
		return none, miss, e.fail("fetch", err)
	}
	if load == nil {
		return none, miss, e.fail("fetch", errors.New("the loader is nil"))
	}
	how, err := fetchingBy(opts)
	if err != nil {
		return none, miss, e.fail("fetch", err)
	}
	if how.beta == 0 && how.absentFor == 0 {
		v, _, err := lookAt(ctx, e.handle, lookedUp[T])
		if err == nil && v.Found {
			return v.Value, hit, nil
		}
		if err != nil {
			err = e.fail("fetch", err)
		}
		value, err := (&fetch[T]{e, how, load}).miss(ctx, err)
		return value, fetched, err
	}
	f := &fetch[T]{e, how, load}
	if err := f.checkRefresh(); err != nil {
		return none, miss, e.fail("fetch", err)
	}
	v, err := f.hitOrRefresh(ctx)
	if err == nil && v.Found {
		return v.Value, hit, nil
	}
	value, err := f.miss(ctx, err)
	return value, fetched, err
}

// checkRefresh is why the value can't be loaded before it expires, if it can't.
func (f *fetch[T]) checkRefresh() error {
	switch policy := &f.place.policy; {
	case f.how.beta == 0:
		return nil
	case policy.ttl == 0:
		return errors.New("RefreshEarly has no TTL to go by; declare one")
	case policy.renew == OnAccess:
		return errors.New("RefreshEarly would never come, since with Renew(OnAccess) each read puts off the end; choose one of them")
	}
	return nil
}

func fetchingBy(opts []FetchOption) (how fetching, err error) {
	if len(opts) == 0 {
		return how, nil
	}
	applied := new(fetching)
	for _, opt := range opts {
		if opt == nil {
			return how, errors.New("an option of the fetch is nil; leave it out")
		}
		if err := opt.validInFetch(applied); err != nil {
			return how, err
		}
	}
	return *applied, nil
}

// fetch is one call of Fetch.
type fetch[T any] struct {
	Entry[T]
	how  fetching
	load func(context.Context) (T, error)
}

// forgives reports whether a failure of the store may be passed over. What the
// key holds is no failure of the store: loading would replace it.
func (f *fetch[T]) forgives(ctx context.Context, err error) bool {
	if !f.how.loadAnyway || ctx.Err() != nil {
		return false
	}
	for _, held := range []error{ErrNotFound, ErrWrongKind, ErrWrongType, ErrForeign, ErrMalformed, ErrUnknownCodec, codec.ErrUnknownType} {
		if errors.Is(err, held) {
			return false
		}
	}
	return true
}

// hitOrRefresh reads the value together with its TTL, and with what is remembered
// of its absence, and starts a load in the background if it is time.
func (f *fetch[T]) hitOrRefresh(ctx context.Context) (Maybe[T], error) {
	var get backend.Get
	f.access(&get)
	v, left, err := f.readWith(ctx, &get, f.how.absentFor > 0)
	if err == nil && v.Found && f.how.beta > 0 && f.due(left) {
		f.place.store.flights.Refresh(ctx, left, f.flightKey(), f.refresh)
	}
	return v, err
}

// readWith reads by get, and in the same round trip how long the value has left, if
// that decides on a refresh, and whether its absence is remembered, which is
// [ErrNotFound].
func (f *fetch[T]) readWith(ctx context.Context, get *backend.Get, absence bool) (v Maybe[T], left time.Duration, err error) {
	ops := []backend.Op{get}
	ttl := &backend.TTL{Key: f.key, Pattern: f.place.pattern}
	if f.how.beta > 0 {
		ops = append(ops, ttl)
	}
	absent := &backend.Exists{Key: f.absentKey(), Pattern: f.place.pattern}
	if absence {
		ops = append(ops, absent)
	}
	if err := f.exec(ctx, ops...); err != nil {
		return v, 0, err
	}
	v, err = decode[T](f.handle, get.Value, get.Found)
	if err == nil && !v.Found && absent.Found {
		err = ErrNotFound
	}
	if err != nil {
		err = f.fail("fetch", err)
	}
	return v, ttl.Remaining, err
}

// due decides by chance whether a value that has so long left is loaded anew.
func (f *fetch[T]) due(left time.Duration) bool {
	if left == 0 {
		return false // it does not expire
	}
	took := float64(f.place.loadTime.Load())
	if took == 0 {
		took = float64(cmp.Or(f.place.policy.ttl, left)) / 100
	}
	return took*f.how.beta*-math.Log(1-rand.Float64()) >= float64(left)
}

// miss waits for the value to be loaded. The error is that of the look at the
// store before, nil where there was nothing.
func (f *fetch[T]) miss(ctx context.Context, err error) (none T, _ error) {
	if err != nil && !f.forgives(ctx, err) {
		return none, err
	}
	for {
		result, err := f.join(ctx)
		var failed storeFailure
		switch {
		case err == nil:
			return f.take(ctx, result.(*loaded))
		case errors.Is(err, errNothingLoaded):
			continue // a refresh was under way that came to nothing
		case errors.As(err, &failed) && f.forgives(ctx, failed.error):
			continue // it was not forgiven by the one who led the flight
		case errors.As(err, &failed):
			return none, failed.error
		}
		return none, err
	}
}

// loaded is what a flight brings. Each of those who waited makes of it what its
// own options promise.
type loaded struct {
	value      any
	data       []byte      // what it is stored as, where it can be changed
	taken      atomic.Bool // by somebody, who may change it
	unstored   error       // why it could not be stored
	absent     bool        // there was nothing to load
	remembered bool        // and that is stored
}

// storeFailure is why a flight has loaded nothing: the store failed before.
type storeFailure struct{ error }

func (e storeFailure) Unwrap() error { return e.error }

// take is what this caller makes of what a flight has brought.
func (f *fetch[T]) take(ctx context.Context, l *loaded) (none T, _ error) {
	switch {
	case l.absent && !l.remembered:
		if err := f.remember(ctx); err != nil {
			return none, err
		}
		fallthrough
	case l.absent:
		return none, f.fail("fetch", ErrNotFound)
	case l.unstored != nil && !f.forgives(ctx, l.unstored):
		return none, l.unstored
	}
	if l.data != nil && l.taken.Swap(true) {
		v, err := f.binding().Decode(f.key, l.data)
		if err != nil {
			err = f.fail("fetch", err)
		}
		return v, err
	}
	v, _ := l.value.(T) // nil is no T where that is an interface
	return v, nil
}

// loadMissing is the flight of a miss: it looks once more, since somebody may
// have stored the value meanwhile, and loads.
func (f *fetch[T]) loadMissing(ctx context.Context) (any, error) {
	l, v, err := f.acquire(ctx)
	if err == nil && !v.Found {
		defer l.release(ctx)
		v, err = f.look(ctx)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return &loaded{absent: true, remembered: true}, nil
	case err != nil:
		return nil, storeFailure{err}
	case v.Found:
		return f.found(v.Value), nil
	}
	return f.loadAndStore(ctx, l)
}

// refresh is the flight of an early load.
func (f *fetch[T]) refresh(ctx context.Context) (any, error) {
	l, err := f.tryAcquire(ctx)
	if err != nil || l == nil && f.how.lease > 0 {
		return nil, errNothingLoaded // the value that is there is still good
	}
	defer l.release(ctx)
	value, err := f.loadAndStore(ctx, l)
	if ctx.Err() != nil {
		return nil, errNothingLoaded
	}
	return value, err
}

// look reads the value without renewing it, and whether its absence is remembered.
func (f *fetch[T]) look(ctx context.Context) (Maybe[T], error) {
	v, _, err := f.readWith(ctx, &backend.Get{Key: f.key, Pattern: f.place.pattern}, true)
	if err != nil && f.forgives(ctx, err) {
		return Maybe[T]{}, nil
	}
	return v, err
}

// loadAndStore returns what was loaded. It is not stored where the lock was lost
// meanwhile: somebody else has loaded what is newer.
func (f *fetch[T]) loadAndStore(ctx context.Context, l *lock) (any, error) {
	start := time.Now()
	value, err := f.load(ctx)
	switch {
	case errors.Is(err, Absent):
		err := f.remember(ctx)
		return &loaded{absent: true, remembered: err == nil && f.how.absentFor > 0}, err
	case errors.Is(err, ErrNotFound):
		return nil, fmt.Errorf("%w; a loader that finds nothing returns rin.Absent", err)
	case err != nil:
		return nil, err
	}
	f.place.tookToLoad(time.Since(start))
	result := f.found(value)
	if err := f.store(ctx, value, l); err != nil {
		result.unstored = f.fail("fetch", err)
	}
	return result, nil
}

// found is a value that is given to each of those who wait, by copies of what it is
// stored as where they could change it.
func (f *fetch[T]) found(value T) *loaded {
	l := &loaded{value: value}
	if f.binding().mutable {
		if data, err := f.binding().Append(nil, f.key, value); err == nil {
			l.data = data
		}
	}
	return l
}

// tookToLoad keeps a moving average.
func (p *place) tookToLoad(d time.Duration) {
	old := p.loadTime.Load()
	if old == 0 {
		old = int64(d)
	}
	p.loadTime.Store(max(1, old+(int64(d)-old)/4))
}

// store writes the value, with its TTL from now, whatever Renew says.
func (f *fetch[T]) store(ctx context.Context, value T, l *lock) error {
	var set backend.Set
	if err := f.encode(&set, value, nil); err != nil {
		return err
	}
	if l != nil {
		return l.write(ctx, set)
	}
	set.KeepTTL = false
	return f.place.store.exec(ctx, &set)
}

func (f *fetch[T]) remember(ctx context.Context) error {
	if f.how.absentFor == 0 {
		return nil
	}
	set := backend.Set{Key: f.absentKey(), Pattern: f.place.pattern, Value: []byte{'~'}, TTL: f.how.absentFor}
	if err := f.exec(ctx, &set); err != nil && !f.forgives(ctx, err) {
		return err
	}
	return nil
}

func (f *fetch[T]) exec(ctx context.Context, ops ...backend.Op) error {
	if err := f.place.store.exec(ctx, ops...); err != nil {
		return f.fail("fetch", err)
	}
	return nil
}
