// Package flight runs a piece of work at most once at a time for each key, and lets
// everybody who asks meanwhile wait for it.
//
// It is golang.org/x/sync/singleflight with what a cache needs besides: the work
// is cancelled when nobody waits any more, one that would wait for itself is an
// error, and all of it can be ended.
package flight

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

// Group is the flights under way, at most one for each key. The zero Group has
// none, and is ready to use.
type Group[K comparable] struct {
	mu      sync.Mutex
	flying  map[K]*flight
	closing bool
}

// Work is what a flight does. Its context has the values of the caller who was
// first, but ends only when nobody waits any more.
type Work func(context.Context) (any, error)

// A flight is one work and those who wait for it.
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
	// ErrCircle says that a work would wait for itself, directly or through others.
	ErrCircle = errors.New("it would wait for itself")
	// ErrClosed says that the group has been closed.
	ErrClosed = errors.New("no more work is begun")
	// ErrGoexit says that a work has ended its goroutine.
	ErrGoexit = errors.New("it ended its goroutine")
)

// underWay is the key in a context of the flight whose work it is for.
type underWay struct{}

// PanicError is the panic of a work.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns the value.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Join waits for the flight of a key, and starts it where there is none. It gives
// up when ctx ends. A work that would so wait for itself, which is found out by
// the context that it was given, gets [ErrCircle] at once.
func (g *Group[K]) Join(ctx context.Context, key K, work Work) (any, error) {
	own, _ := ctx.Value(underWay{}).(*flight)
	for {
		f, aboard, err := g.board(ctx, own, key, work)
		if err != nil {
			return nil, err
		}
		select {
		case <-f.landed:
			g.arrive(own, f)
			if aboard {
				return f.value, f.err
			}
		case <-ctx.Done():
			g.arrive(own, f)
			if aboard {
				g.leave(f)
			}
			return nil, ctx.Err()
		}
	}
}

// board takes the caller aboard, unless everybody has left the flight. Such a one
// must have landed before the next begins: a loader that does not heed its
// context would otherwise run twice at a time. Own is the flight whose work the
// caller is, nil for any other.
func (g *Group[K]) board(ctx context.Context, own *flight, key K, work Work) (f *flight, aboard bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f = g.flying[key]
	switch {
	case f == nil && g.closing:
		return nil, false, ErrClosed
	case f == nil:
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f = g.start(ctx, cancel, key, work)
	case own != nil && f.waitsFor(own):
		return nil, false, ErrCircle
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
func (g *Group[K]) arrive(own, f *flight) {
	if own == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if own.awaits[f]--; own.awaits[f] == 0 {
		delete(own.awaits, f)
	}
}

func (g *Group[K]) leave(f *flight) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f.waiters--; f.waiters == 0 {
		f.left = true
		f.cancel()
	}
}

// Refresh starts a flight that nobody need wait for, and that ends after the time
// limit. Where one is under way, it does nothing.
func (g *Group[K]) Refresh(ctx context.Context, limit time.Duration, key K, work Work) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.flying[key] != nil || g.closing {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	f := g.start(ctx, cancel, key, work)
	f.waiters, f.refresh = 1, true // itself
}

// Waiters is how many wait for the flight of a key.
func (g *Group[K]) Waiters(key K) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.flying[key]; f != nil {
		return f.waiters
	}
	return 0
}

// Close starts no more flights, ends those that nobody waits for, and waits for
// the others. It returns how many were still under way when ctx ended.
func (g *Group[K]) Close(ctx context.Context) (left int) {
	g.mu.Lock()
	g.closing = true
	flying := slices.Collect(maps.Values(g.flying))
	for _, f := range flying {
		if f.refresh {
			f.cancel()
		}
	}
	g.mu.Unlock()
	for _, f := range flying {
		if !f.lands(ctx) {
			left++
		}
	}
	return left
}

// lands waits for the flight to land. It is false where ctx ends before.
func (f *flight) lands(ctx context.Context) bool {
	select {
	case <-f.landed:
		return true
	case <-ctx.Done():
	}
	select {
	case <-f.landed: // both had come
		return true
	default:
		return false
	}
}

// start is called with the lock held.
func (g *Group[K]) start(ctx context.Context, cancel context.CancelFunc, key K, work Work) *flight {
	f := &flight{cancel: cancel, landed: make(chan struct{}), err: ErrGoexit}
	if g.flying == nil {
		g.flying = map[K]*flight{}
	}
	g.flying[key] = f
	ctx = context.WithValue(ctx, underWay{}, f)
	go func() {
		defer cancel()
		defer g.land(key, f)
		defer f.catch()
		f.value, f.err = work(ctx)
	}()
	return f
}

func (g *Group[K]) land(key K, f *flight) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.flying, key)
	close(f.landed)
}

func (f *flight) catch() {
	if v := recover(); v != nil {
		f.err = &PanicError{v, debug.Stack()}
	}
}
