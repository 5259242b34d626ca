package rin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redisimnest/rin/internal/flight"
)

// flightKey has the place beside the key, since that decides the type of the value.
type flightKey struct {
	place *place
	key   string
}

func (h handle) flightKey() flightKey { return flightKey{h.place, h.key} }

type loadFlight = flight.Flight[flightKey]

// readKey is a flightKey with what is read of it.
type readKey struct {
	flightKey
	ttl, absent bool
}

var (
	errCircle = errors.New("the loader would wait for itself: it fetches its own key, or one whose loader waits for this one")
	errGoexit = errors.New("the loader ended its goroutine")
	// errNothingLoaded: the flight was a refresh that came to nothing.
	errNothingLoaded = errors.New("nothing was loaded")
)

// PanicError is the panic of a loader, as everybody who waits for it gets it.
type PanicError struct {
	// Value is what the loader panicked with.
	Value any
	// Stack is where, as by debug.Stack.
	Stack []byte
}

// Error returns the value and the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("the loader panicked: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns the value if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// wait waits for the value to be loaded in this process: by a flight that this caller has
// started already, or by the one under way, or by one that it starts.
func (f *fetch[T]) wait(ctx context.Context, patient bool) (l *loaded[T], first bool, err error) {
	var patience time.Duration
	if !patient {
		patience = max(time.Until(f.start.Add(f.how.soft)), 1)
	}
	var result any
	if flights, started := &f.place.store.flights, f.flight; started != nil {
		f.flight, first = nil, true
		result, err = flights.Wait(ctx, started, patience)
	} else {
		if flying := flights.Current(f.flightKey()); flying != nil {
			flying.SetWish(int64(f.how.absentFor))
		}
		result, first, err = flights.Join(ctx, f.flightKey(), patience, f.loading().work(0, f))
	}
	var panicked *flight.PanicError
	switch {
	case err == nil:
		return result.(*loaded[T]), first, nil
	case err == ctx.Err(): //nolint:errorlint // the caller's own context, and not one that a loader used
		return nil, first, f.fail("fetch", context.Cause(ctx))
	case errors.Is(err, flight.ErrCircle):
		return nil, first, f.fail("fetch", errCircle)
	case errors.Is(err, flight.ErrClosed):
		return nil, first, f.fail("fetch", ErrClosed)
	case errors.Is(err, flight.ErrGoexit):
		return nil, first, errGoexit
	case errors.As(err, &panicked):
		return nil, first, &PanicError{panicked.Value, panicked.Stack}
	}
	return nil, first, err
}

func (f *fetch[T]) loading() *loading[T] { return &loading[T]{how: f.how, load: f.load} }

// refresh loads values anew in the background, within a time.
func (f *fetch[T]) refresh(ctx context.Context, left time.Duration, all ...*fetch[T]) {
	l := f.loading()
	l.early = true
	l.start(ctx, left, all)
}

// start starts the flights of those fetches whose keys have none, by one work. With a time
// limit they are in the background; else each fetch has to wait for its own.
func (l *loading[T]) start(ctx context.Context, limit time.Duration, all []*fetch[T]) {
	if len(all) == 0 {
		return
	}
	keys := make([]flightKey, len(all))
	for i, f := range all {
		keys[i] = f.flightKey()
	}
	flights := all[0].place.store.flights.Start(ctx, keys, limit > 0, l.work(limit, all...))
	if limit > 0 {
		return
	}
	for i, f := range all {
		f.flight = flights[i]
	}
}

// work is the load of those fetches that have flights, within a time if that isn't zero.
func (l *loading[T]) work(limit time.Duration, all ...*fetch[T]) flight.Work[flightKey] {
	return func(ctx context.Context, flights []*loadFlight) {
		var items []*item[T]
		for i, flight := range flights {
			if flight != nil {
				items = append(items, &item[T]{Entry: all[i].Entry, flight: flight})
			}
		}
		if limit > 0 {
			var end context.CancelFunc
			ctx, end = context.WithTimeout(ctx, limit)
			defer end()
		}
		l.run(ctx, items)
	}
}
