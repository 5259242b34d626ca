package rin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// flights are the loads under way in this process, at most one for each key.
type flights struct {
	mu      sync.Mutex
	flying  map[flightKey]*flight
	closing bool
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
	left    bool            // by all of them: it has been cancelled
	landed  chan struct{}   // closed once value and err are there
	awaits  map[*flight]int // the flights that its own work waits for
	refresh bool            // nobody waits for it
	value   any
	err     error
}

var (
	errGoexit = errors.New("the loader ended its goroutine")
	// errNothingLoaded: the flight was a refresh that came to nothing.
	errNothingLoaded = errors.New("nothing was loaded")
	errCircle        = errors.New("the loader would wait for itself: it fetches its own key, or one whose loader waits for this one")
)

// underWay is the key in a context of the flight whose work it is for.
type underWay struct{}

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
// up when ctx ends. A work that would so wait for itself has an error at once.
func (fs *flights) join(ctx context.Context, key flightKey, w work) (any, error) {
	own, _ := ctx.Value(underWay{}).(*flight)
	for {
		f, aboard, err := fs.board(ctx, own, key, w)
		if err != nil {
			return nil, err
		}
		select {
		case <-f.landed:
			fs.arrive(own, f)
			if aboard {
				return f.value, f.err
			}
		case <-ctx.Done():
			fs.arrive(own, f)
			if aboard {
				fs.leave(f)
			}
			return nil, ctx.Err()
		}
	}
}

// board takes the caller aboard, unless everybody has left the flight. Such a one
// must have landed before the next begins: a loader that does not heed its
// context would otherwise run twice at a time. Own is the flight whose work the
// caller is, nil for any other.
func (fs *flights) board(ctx context.Context, own *flight, key flightKey, w work) (f *flight, aboard bool, err error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f = fs.flying[key]
	switch {
	case f == nil && fs.closing:
		return nil, false, ErrClosed
	case f == nil:
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f = fs.start(ctx, cancel, key, w)
	case own != nil && f.waitsFor(own):
		return nil, false, errCircle
	}
	if own != nil {
		if own.awaits == nil {
			own.awaits = map[*flight]int{}
		}
		own.awaits[f]++
	}
	if f.left {
		return f, false, nil
	}
	f.waiters++
	return f, true, nil
}

// waitsFor says that f is the other flight, or waits for it, also through others.
func (f *flight) waitsFor(other *flight) bool {
	if f == other {
		return true
	}
	for next := range f.awaits {
		if next.waitsFor(other) {
			return true
		}
	}
	return false
}

// arrive ends what board began for own.
func (fs *flights) arrive(own, f *flight) {
	if own == nil {
		return
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if own.awaits[f]--; own.awaits[f] == 0 {
		delete(own.awaits, f)
	}
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
	if fs.flying[key] != nil || fs.closing {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	f := fs.start(ctx, cancel, key, w)
	f.waiters, f.refresh = 1, true // itself
}

// close starts no more flights, ends those that nobody waits for, and waits for
// the others. It returns how many were still under way when ctx ended.
func (fs *flights) close(ctx context.Context) (left int) {
	fs.mu.Lock()
	fs.closing = true
	flying := slices.Collect(maps.Values(fs.flying))
	for _, f := range flying {
		if f.refresh {
			f.cancel()
		}
	}
	fs.mu.Unlock()
	for _, f := range flying {
		select {
		case <-f.landed:
		case <-ctx.Done():
			left++
		}
	}
	return left
}

// start is called with the lock held.
func (fs *flights) start(ctx context.Context, cancel context.CancelFunc, key flightKey, w work) *flight {
	f := &flight{cancel: cancel, landed: make(chan struct{}), err: errGoexit}
	if fs.flying == nil {
		fs.flying = map[flightKey]*flight{}
	}
	fs.flying[key] = f
	ctx = context.WithValue(ctx, underWay{}, f)
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
