package rin

import (
	"context"
	"errors"
	"time"

	"github.com/redisimnest/rin/backend"
)

// FetchAll is [Entry.Fetch] for many entries: it reads all of them in one round trip for each
// node of the store, has the missing ones loaded by one call of the loader, and stores these
// in one round trip. The results are in the order of the entries.
//
//	users, err := rin.FetchAll(ctx, entries, func(ctx context.Context, missing []rin.Entry[User]) (map[rin.Entry[User]]User, error) { … })
//
// The loader returns the values of those that it was asked for. An entry that it leaves out
// has nothing to load, and is [ErrNotFound]. With an error, those that it leaves out have
// that error. Other entries than it was asked for are not heeded.
//
// All that Fetch promises holds for each entry: a key that somebody else is loading is not
// loaded again, but waited for, and [Exclusive], [RefreshEarly], [CacheAbsent] and the other
// options apply. Where others keep some of the keys from being loaded, the loader is called
// again for those that they leave. An entry that stands twice is loaded once.
//
// The error is a [*BatchError] that names the entries which failed, as in [Batch.Run];
// ErrNotFound is none. The entries must be of one store, else it is [ErrOtherStore].
func FetchAll[T any](
	ctx context.Context, entries []Entry[T],
	load func(ctx context.Context, missing []Entry[T]) (map[Entry[T]]T, error),
	opts ...FetchOption,
) ([]Result[T], error) {
	results := make([]Result[T], len(entries))
	failed := BatchError{Of: len(entries)}
	store := storeOf(entries)
	w := store.watch(ctx)
	how, err := fetchingBy(opts)
	switch {
	case err == nil && load == nil:
		err = errors.New("the loader is nil")
	case err == nil && how.report != nil:
		err = errors.New("Report is for a single Fetch; the results of FetchAll say it themselves")
	}
	for i, e := range entries {
		failure := e.in(store)
		if failure == nil && err == nil {
			failure = how.check(&e.place.policy)
		}
		if failure == nil {
			failure = err
		}
		if failure != nil {
			results[i].Err = failed.add(i, e.done(ctx, "fetch", w, OutcomeMiss, failure))
		}
	}
	if failed.Failed != nil {
		for i, e := range entries {
			if results[i].Err == nil {
				results[i].Err = e.done(ctx, "fetch", w, OutcomeMiss, errNotSent)
			}
		}
		return results, &failed
	}
	ask := askFor(load)
	fetches := fetchesOf(entries, how, ask)
	looks := lookAtAll(ctx, fetches)
	l := &loading[T]{how: how, load: ask}
	l.start(ctx, 0, missing(ctx, fetches, looks))
	for i, f := range fetches {
		results[i] = f.resultOf(ctx, w, looks[i])
		if !errors.Is(results[i].Err, ErrNotFound) {
			_ = failed.add(i, results[i].Err)
		}
	}
	return results, failed.orNil()
}

func fetchesOf[T any](entries []Entry[T], how fetching, load func(context.Context, []*item[T])) []*fetch[T] {
	fetches, start := make([]*fetch[T], len(entries)), time.Now()
	for i, e := range entries {
		fetches[i] = &fetch[T]{Entry: e, how: how, load: load, start: start}
	}
	return fetches
}

// askFor asks a loader of many for the values of items.
func askFor[T any](load func(context.Context, []Entry[T]) (map[Entry[T]]T, error)) func(context.Context, []*item[T]) {
	return func(ctx context.Context, items []*item[T]) {
		missing := make([]Entry[T], len(items))
		for i, it := range items {
			missing[i] = it.Entry
		}
		values, err := load(ctx, missing)
		if err == nil {
			err = Absent
		}
		for _, it := range items {
			value, found := values[it.Entry]
			if it.value, it.said = value, nil; !found {
				it.said = err
			}
		}
	}
}

// looked is what a look at a key has found.
type looked[T any] struct {
	v    Maybe[T]
	left time.Duration
	err  error
}

// lookAtAll is look for many, in one round trip.
func lookAtAll[T any](ctx context.Context, fetches []*fetch[T]) []looked[T] {
	looks, queries := make([]looked[T], len(fetches)), make([]*query, len(fetches))
	var ops []backend.Op
	for i, f := range fetches {
		queries[i] = f.query(f.place.store.flights.Current(f.flightKey()))
		ops = append(ops, queries[i].ops...)
	}
	if len(ops) > 0 {
		_ = fetches[0].place.store.exec(ctx, ops...) // each op has its own error
	}
	for i, f := range fetches {
		err := backend.FirstErr(queries[i].ops)
		if err != nil {
			looks[i].err = f.fail("fetch", err)
			continue
		}
		looks[i].v, looks[i].left, looks[i].err = f.found(queries[i].answer())
	}
	return looks
}

// missing are those that have to be loaded. What is due is refreshed meanwhile.
func missing[T any](ctx context.Context, fetches []*fetch[T], looks []looked[T]) (missing []*fetch[T]) {
	var due []*fetch[T]
	var left time.Duration
	for i, f := range fetches {
		switch look := &looks[i]; {
		case look.err == nil && look.v.Found:
			if f.due(look.left) {
				due, left = append(due, f), max(left, look.left)
			}
		case look.err == nil || f.how.forgives(ctx, look.err):
			missing = append(missing, f)
		}
	}
	if len(due) > 0 {
		due[0].refresh(ctx, left, due...)
	}
	return missing
}

// resultOf is what has come of one of many fetches.
func (f *fetch[T]) resultOf(ctx context.Context, w watch, look looked[T]) (r Result[T]) {
	value, out, err := look.v.Value, OutcomeHit, look.err
	switch {
	case errors.Is(err, ErrNotFound):
		out = OutcomeAbsent
	case err != nil || !look.v.Found:
		value, out, err = f.miss(ctx, err)
	}
	w.end(ctx, "fetch", f.pattern(), f.key, out, err)
	return Result[T]{Value: value, Found: err == nil, Stale: out == OutcomeStale, Err: err}
}
