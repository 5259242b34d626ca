package rin

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/internal/flight"
)

// Fetch returns the stored value, or else loads it, stores it with the declared
// TTL, and returns it: cache-aside. Defaults play no part.
//
// In this process at most one load of a key runs at a time, and everybody who
// wants the key waits for it. It runs detached from the context of whoever was
// first, with the values of that; it is cancelled when nobody waits any more. A
// caller whose context ends stops waiting. [Exclusive] widens this to the fleet.
//
// What was loaded is stored only if nobody has changed the key since before the load
// began: no [Entry.Set], [Entry.Delete] or [Entry.Forget], no other write and no
// [Scope.Clear], in whatever process. Who fetches after such a change starts a load of its
// own, and does not wait for one that began before. So the value that a change was made
// for does not come back, provided that the source was changed first. Nothing can be
// promised of a loader that reads from a source which lags behind, such as a replica, nor
// of what other programs delete without rin. A load that takes longer than the declared
// TTL, if that is a minute at least, or else than an hour, is not stored.
//
// An error of the loader is returned as it is, and nothing is stored, unless the key is
// declared with [StaleIfError]; [Absent] becomes [ErrNotFound]. A panic of the loader
// reaches everybody as a [*PanicError]. A failure of the store is returned, unless
// [LoadAnyway] is given. A value that can't be decoded is an error, or a miss where
// [OnMismatch] says so. See [StoreFor], [DoNotStore] and [OldValue] for what else a loader
// can say.
//
// Of those who wait for one load, each gets a value of its own: nobody sees what
// another changes in a slice, a map, or behind a pointer. The first gets what the
// loader returned, the others what is read back from what was stored; only a value
// that can't be stored is shared. [LoadAnyway], [LoadTimeout] and [CacheAbsent] are heeded for
// each of them; [Exclusive] is up to who began the load.
//
// The loader may fetch other keys, with the context that it is given. Where it
// would so wait for itself, the inner Fetch is an error at once.
//
// A hit costs what [Entry.Get] costs. A miss is that, a script which asks for the load, and
// one that stores.
func (e Entry[T]) Fetch(ctx context.Context, load func(context.Context) (T, error), opts ...FetchOption) (T, error) {
	w := e.watch(ctx)
	value, out, err := e.fetch(ctx, load, opts)
	w.end(ctx, "fetch", e.pattern(), e.key, out, err)
	return value, err
}

func (e Entry[T]) fetch(ctx context.Context, load func(context.Context) (T, error), opts []FetchOption) (none T, out Outcome, err error) {
	if err := e.check(); err != nil {
		return none, OutcomeMiss, e.fail("fetch", err)
	}
	if load == nil {
		return none, OutcomeMiss, e.fail("fetch", errors.New("the loader is nil"))
	}
	how, err := fetchingBy(opts)
	if err == nil {
		err = how.check(&e.place.policy)
	}
	if err != nil {
		return none, OutcomeMiss, e.fail("fetch", err)
	}
	flying := e.place.store.flights.Current(e.flightKey())
	if flying == nil && how.asksForValue() {
		v, _, err := lookAt(ctx, e.handle, watch{}, lookedUp[T])
		if err == nil && v.Found {
			how.tell(OutcomeHit, nil)
			return v.Value, OutcomeHit, nil
		}
		if err != nil {
			err = e.fail("fetch", err)
		}
		return newFetch(e, how, load).miss(ctx, err)
	}
	f := newFetch(e, how, load)
	v, left, err := f.look(ctx, flying)
	switch {
	case err == nil && v.Found:
		if f.due(left) {
			f.refresh(ctx, left, f)
		}
		how.tell(OutcomeHit, nil)
		return v.Value, OutcomeHit, nil
	case errors.Is(err, ErrNotFound):
		how.tell(OutcomeAbsent, nil)
		return none, OutcomeAbsent, err
	}
	return f.miss(ctx, err)
}

// check is why a fetch of such a key can't be done, if it can't.
func (how *fetching) check(p *policy) error {
	switch {
	case how.beta == 0:
		return nil
	case p.ttl == 0:
		return errors.New("RefreshEarly has no TTL to go by; declare one")
	case p.renew == OnAccess:
		return errors.New("RefreshEarly would never come, since with Renew(OnAccess) each read puts off the end; choose one of them")
	}
	return nil
}

// asksForValue says that the value is all that has to be read of a key.
func (how *fetching) asksForValue() bool { return how.beta == 0 && how.absentFor == 0 && !how.shared }

// tell reports to who has asked for that.
func (how *fetching) tell(out Outcome, loadErr error) {
	if how.report != nil {
		*how.report = FetchReport{out, loadErr}
	}
}

// forgives reports whether a failure of the store may be passed over. What the
// key holds is no failure of the store: loading would replace it.
func (how *fetching) forgives(ctx context.Context, err error) bool {
	if !how.loadAnyway || ctx.Err() != nil {
		return false
	}
	for _, held := range []error{ErrNotFound, ErrWrongKind, ErrWrongType, ErrForeign, ErrMalformed, ErrUnknownCodec, codec.ErrUnknownType} {
		if errors.Is(err, held) {
			return false
		}
	}
	return true
}

// fetch is what is fetched of one entry.
type fetch[T any] struct {
	Entry[T]
	how fetching
	// load sets what the loader says of each of the items.
	load func(ctx context.Context, items []*item[T])
	// flight is one that this fetch has started, and not yet waited for.
	flight *loadFlight
	start  time.Time // where there is a limit
}

func newFetch[T any](e Entry[T], how fetching, load func(context.Context) (T, error)) *fetch[T] {
	f := &fetch[T]{Entry: e, how: how, load: func(ctx context.Context, items []*item[T]) {
		items[0].value, items[0].said = load(ctx)
	}}
	if how.soft > 0 || how.hard > 0 {
		f.start = time.Now()
	}
	return f
}

// seen is what was read of a key.
type seen struct {
	data   []byte
	found  bool
	left   time.Duration // until it expires, if that was asked for
	absent bool          // it is known that there is nothing to load
}

// look reads the value, with all else that the fetch has to know. Where a load of it is
// flying that began before the key was changed, later callers board it no more.
func (f *fetch[T]) look(ctx context.Context, flying *loadFlight) (v Maybe[T], left time.Duration, err error) {
	var r seen
	if flying == nil && f.how.shared {
		key := readKey{f.flightKey(), f.how.beta > 0, f.how.absentFor > 0}
		r, err = f.place.store.reads.Do(ctx, key, func(ctx context.Context) (seen, error) { return f.readAll(ctx, nil) })
	} else {
		r, err = f.readAll(ctx, flying)
	}
	if err != nil {
		return v, 0, f.fail("fetch", err)
	}
	return f.found(r)
}

// found is the value that was read.
func (f *fetch[T]) found(r seen) (v Maybe[T], left time.Duration, err error) {
	if f.how.shared && f.binding().mutable {
		r.data = bytes.Clone(r.data)
	}
	v, err = decode[T](f.handle, r.data, r.found)
	if err == nil && !v.Found && r.absent {
		err = ErrNotFound
	}
	if err != nil {
		err = f.fail("fetch", err)
	}
	return v, r.left, err
}

// readAll reads in one round trip.
func (f *fetch[T]) readAll(ctx context.Context, flying *loadFlight) (r seen, err error) {
	q := f.query(flying)
	if err := f.place.store.exec(ctx, q.ops...); err != nil {
		return r, err
	}
	return q.answer(), nil
}

// query is what has to be read of a key.
type query struct {
	ops    []backend.Op
	get    backend.Get
	ttl    backend.TTL
	absent backend.ZScore
	lease  backend.ZScore
	flying *loadFlight
}

func (f *fetch[T]) query(flying *loadFlight) *query {
	q := &query{flying: flying}
	f.access(&q.get)
	q.ops = append(q.ops, &q.get)
	if f.how.beta > 0 {
		q.ttl = backend.TTL{Key: f.key, Pattern: f.place.pattern}
		q.ops = append(q.ops, &q.ttl)
	}
	if f.how.absentFor > 0 {
		q.absent = backend.ZScore{Key: f.leasesKey(), Pattern: f.place.pattern, Member: []byte(backend.Nothing)}
		q.ops = append(q.ops, &q.absent)
	}
	if flying != nil && flying.Mark() != "" {
		q.lease = backend.ZScore{Key: f.leasesKey(), Pattern: f.place.pattern, Member: []byte(flying.Mark())}
		q.ops = append(q.ops, &q.lease)
	}
	return q
}

// answer is what has come of a query that did not fail.
func (q *query) answer() seen {
	if q.lease.Key != "" && !q.lease.Found {
		q.flying.Detach()
	}
	return seen{q.get.Value, q.get.Found, q.ttl.Remaining, q.absent.Found}
}

// due decides by chance whether a value that has so long left is loaded anew.
func (f *fetch[T]) due(left time.Duration) bool {
	if f.how.beta == 0 || left == 0 { // it does not expire
		return false
	}
	took := float64(f.place.loadTime.Load())
	if took == 0 {
		took = float64(cmp.Or(f.place.policy.ttl, left)) / 100
	}
	return took*f.how.beta*-math.Log(1-rand.Float64()) >= float64(left)
}

// tookToLoad keeps a moving average.
func (p *place) tookToLoad(d time.Duration) {
	old := p.loadTime.Load()
	if old == 0 {
		old = int64(d)
	}
	p.loadTime.Store(max(1, old+(int64(d)-old)/4))
}

// miss waits for the value to be loaded. The error is that of the look at the
// store before, nil where there was nothing.
func (f *fetch[T]) miss(ctx context.Context, err error) (value T, out Outcome, _ error) {
	if err != nil && !f.how.forgives(ctx, err) {
		return value, OutcomeMiss, err
	}
	caller := ctx
	if f.how.hard > 0 {
		var end context.CancelFunc
		ctx, end = context.WithDeadlineCause(ctx, f.start.Add(f.how.hard), ErrLoadTimeout)
		defer end()
	}
	patient := f.place.caching.staleFor == 0 || f.how.soft == 0
	for {
		l, first, err := f.wait(ctx, patient)
		var failed storeFailure
		switch {
		case errors.Is(err, flight.ErrPatience), errors.Is(err, ErrLoadTimeout) && caller.Err() == nil:
			if v, found := f.kept(caller); found {
				f.how.tell(OutcomeStale, err)
				return v, OutcomeStale, nil
			}
			if patient = true; errors.Is(err, flight.ErrPatience) {
				continue
			}
		case errors.Is(err, errNothingLoaded):
			continue // a refresh was under way that came to nothing
		case errors.As(err, &failed):
			if f.how.forgives(ctx, failed.error) {
				continue // it was not forgiven by the one who led the flight
			}
			err = failed.error
		case err == nil && l.refused && !first:
			continue // it may have begun before a change that this caller knows of
		case err == nil && l.there && !first:
			// It may have been found before a change that this caller knows of.
			if value, out, done, err := f.lookAgain(caller); done {
				return value, out, err
			}
			continue
		case err == nil:
			return f.take(ctx, l, first)
		}
		return value, OutcomeMiss, err
	}
}

// lookAgain reads all that may be there in place of a load.
func (f *fetch[T]) lookAgain(ctx context.Context) (value T, out Outcome, done bool, _ error) {
	again := *f
	again.how.absentFor, again.how.shared = 1, false
	v, _, err := again.look(ctx, nil)
	switch {
	case errors.Is(err, ErrNotFound):
		out = OutcomeAbsent
	case err != nil:
		return value, OutcomeMiss, !f.how.forgives(ctx, err), err
	case v.Found:
		out = OutcomeJoined
	default:
		return value, OutcomeMiss, false, nil
	}
	f.how.tell(out, nil)
	return v.Value, out, true, err
}

// kept is the value that has expired, if there is one.
func (f *fetch[T]) kept(ctx context.Context) (value T, found bool) {
	if f.place.caching.staleFor == 0 {
		return value, false
	}
	get := &backend.Get{Key: f.keptKey(), Pattern: f.place.pattern}
	if f.place.store.exec(ctx, get) != nil {
		return value, false
	}
	v, err := decode[T](f.handle, get.Value, get.Found)
	return v.Value, err == nil && v.Found
}

// take is what this caller makes of what a flight has brought.
func (f *fetch[T]) take(ctx context.Context, l *loaded[T], first bool) (none T, out Outcome, _ error) {
	switch {
	case l.unstored != nil && !f.how.forgives(ctx, l.unstored):
		return none, OutcomeMiss, l.unstored
	case l.absent:
		f.how.tell(OutcomeAbsent, nil)
		return none, OutcomeAbsent, f.fail("fetch", ErrNotFound)
	case l.stale:
		out = OutcomeStale
	case first && !l.there:
		out = OutcomeLoaded
	default:
		out = OutcomeJoined
	}
	f.how.tell(out, l.cause)
	if l.data != nil && l.taken.Swap(true) {
		v, err := f.binding().Decode(f.key, l.data)
		if err != nil {
			err = f.fail("fetch", err)
		}
		return v, out, err
	}
	return l.value, out, nil
}
