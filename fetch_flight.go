package rin

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// flights are the loads under way in this process, at most one for each key.
type flights struct {
	mu     sync.Mutex
	flying map[flightKey]*flight
}

// flightKey has the place, too, since that decides the type of the value.
type flightKey struct {
	place *place
	key   string
}

// work is what a flight does. Its context has the values of the caller who was
// first, but ends only when nobody waits any more.
type work func(context.Context) (any, error)

// A flight is one load and those who wait for it.
type flight struct {
	cancel  context.CancelFunc
	waiters int
	left    bool          // by all of them: it has been cancelled
	landed  chan struct{} // closed once value and err are there
	value   any
	err     error
}

var (
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

// join waits for the flight of a key, and starts it where there is none. It gives
// up when ctx ends.
func (fs *flights) join(ctx context.Context, key flightKey, w work) (any, error) {
	for {
		f, aboard := fs.board(ctx, key, w)
		select {
		case <-f.landed:
			if aboard {
				return f.value, f.err
			}
		case <-ctx.Done():
			if aboard {
				fs.leave(f)
			}
			return nil, ctx.Err()
		}
	}
}

// board takes the caller aboard, unless everybody has left the flight. Such a one
// must have landed before the next begins: a loader that does not heed its
// context would otherwise run twice at a time.
func (fs *flights) board(ctx context.Context, key flightKey, w work) (f *flight, aboard bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f = fs.flying[key]; f == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f = fs.start(ctx, cancel, key, w)
	}
	if f.left {
		return f, false
	}
	f.waiters++
	return f, true
}

func (fs *flights) leave(f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f.waiters--; f.waiters == 0 {
		f.left = true
		f.cancel()
	}
}

// refresh starts a flight that nobody need wait for, and that ends after the
// time limit. Where one is under way, it does nothing.
func (fs *flights) refresh(ctx context.Context, limit time.Duration, key flightKey, w work) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.flying[key] != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	f := fs.start(ctx, cancel, key, w)
	f.waiters = 1 // itself
}

// start is called with the lock held.
func (fs *flights) start(ctx context.Context, cancel context.CancelFunc, key flightKey, w work) *flight {
	f := &flight{cancel: cancel, landed: make(chan struct{}), err: errGoexit}
	if fs.flying == nil {
		fs.flying = map[flightKey]*flight{}
	}
	fs.flying[key] = f
	go func() {
		defer cancel()
		defer fs.land(key, f)
		defer f.catch()
		f.value, f.err = w(ctx)
	}()
	return f
}

func (fs *flights) land(key flightKey, f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.flying, key)
	close(f.landed)
}

func (f *flight) catch() {
	if v := recover(); v != nil {
		f.err = &PanicError{v, debug.Stack()}
	}
}
