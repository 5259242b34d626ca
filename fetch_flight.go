package rin

import (
	"context"
	"errors"
	"fmt"

	"github.com/redisimnest/rin/internal/flight"
)

// flightKey has the place beside the key, since that decides the type of the value.
type flightKey struct {
	place *place
	key   string
}

func (f *fetch[T]) flightKey() flightKey { return flightKey{f.place, f.key} }

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

// join waits for the value to be loaded in this process.
func (f *fetch[T]) join(ctx context.Context) (any, error) {
	result, err := f.place.store.flights.Join(ctx, f.flightKey(), f.loadMissing)
	var panicked *flight.PanicError
	switch {
	case err == nil:
		return result, nil
	case err == ctx.Err(): //nolint:errorlint // the caller's own context, and not one that a loader used
		return nil, f.fail("fetch", err)
	case errors.Is(err, flight.ErrCircle):
		return nil, f.fail("fetch", errCircle)
	case errors.Is(err, flight.ErrClosed):
		return nil, f.fail("fetch", ErrClosed)
	case errors.Is(err, flight.ErrGoexit):
		return nil, errGoexit
	case errors.As(err, &panicked):
		return nil, &PanicError{panicked.Value, panicked.Stack}
	}
	return nil, err
}
