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
	"sync/atomic"
	"time"
)

// Group is the flights under way, at most one for each key, besides those that are
// detached. The zero Group has none, and is ready to use.
type Group[K comparable] struct {
	mu      sync.Mutex
	flying  map[K]*Flight
	all     map[*Flight]struct{}
	count   atomic.Int32 // of all
	closing bool
}

// Work is what a flight does. Its context has the values of the caller who was
// first, but ends only when nobody waits any more.
type Work func(context.Context) (any, error)

// Flight is one work and those who wait for it.
type Flight struct {
	cancel     context.CancelFunc
	waiters    int
	left       bool            // by all of them: it has been cancelled
	sealed     bool            // later callers wait, and then start another one
	landed     chan struct{}   // closed once value and err are there
	awaits     map[*Flight]int // the flights that its own work waits for
	background bool            // it goes on though nobody waits for it
	detach     func()
	seal       func()
	mark       atomic.Pointer[string]
	wish       atomic.Int64
	value      any
	err        error
}

// Of is the flight whose work has ctx, nil for any other context.
func Of(ctx context.Context) *Flight {
	f, _ := ctx.Value(underWay{}).(*Flight)
	return f
}

// Within is ctx for what belongs to the work of a flight.
func Within(ctx context.Context, f *Flight) context.Context {
	return context.WithValue(ctx, underWay{}, f)
}

// Mark is what [Flight.SetMark] has put on the flight, "" before that.
func (f *Flight) Mark() string {
	if mark := f.mark.Load(); mark != nil {
		return *mark
	}
	return ""
}

// SetMark puts a mark on the flight.
func (f *Flight) SetMark(mark string) { f.mark.Store(&mark) }

// Wish is the greatest that [Flight.SetWish] has been given, 0 before that.
func (f *Flight) Wish() int64 { return f.wish.Load() }

// SetWish leaves a wish of a caller who is going to board.
func (f *Flight) SetWish(wish int64) {
	for old := f.wish.Load(); wish > old && !f.wish.CompareAndSwap(old, wish); old = f.wish.Load() {
	}
}

// Seal keeps later callers from boarding the flight: they wait until it has landed, and then
// start another one.
func (f *Flight) Seal() { f.seal() }

// Detach keeps later callers from boarding the flight: they start another one, though it has
// not landed.
func (f *Flight) Detach() { f.detach() }

var (
	// ErrCircle says that a work would wait for itself, directly or through others.
	ErrCircle = errors.New("it would wait for itself")
	// ErrClosed says that the group has been closed.
	ErrClosed = errors.New("no more work is begun")
	// ErrGoexit says that a work has ended its goroutine.
	ErrGoexit = errors.New("it ended its goroutine")
	// ErrPatience says that the caller waits no more for a flight that goes on.
	ErrPatience = errors.New("it takes long")
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

// Join waits for the flight of a key, and starts it where there is none; first says that it
// did. It gives up when ctx ends. After a while that is patience, if it isn't zero, it gives
// up with [ErrPatience], and the flight goes on. A work that would so wait for itself, which
// is found out by the context that it was given, gets [ErrCircle] at once.
func (g *Group[K]) Join(ctx context.Context, key K, patience time.Duration, work Work) (value any, first bool, err error) {
	impatient, stop := after(patience)
	defer stop()
	own := Of(ctx)
	for {
		f, aboard, first, err := g.board(ctx, own, key, work)
		if err != nil {
			return nil, false, err
		}
		value, err := g.wait(ctx, own, f, aboard, impatient)
		if aboard || err != nil {
			return value, first, err
		}
	}
}

// wait waits for a flight to land, aboard or not.
func (g *Group[K]) wait(ctx context.Context, own, f *Flight, aboard bool, impatient <-chan time.Time) (any, error) {
	var gaveUp error
	select {
	case <-f.landed:
	case <-ctx.Done():
		gaveUp = ctx.Err()
	case <-impatient:
		gaveUp = ErrPatience
	}
	g.arrive(own, f)
	switch {
	case gaveUp == nil && aboard:
		return f.value, f.err
	case gaveUp != nil && aboard:
		g.leave(f, gaveUp == ErrPatience) //nolint:errorlint // it is the one of above
	}
	return nil, gaveUp
}

// board takes the caller aboard, unless everybody has left the flight. Such a one
// must have landed before the next begins: a loader that does not heed its
// context would otherwise run twice at a time. Own is the flight whose work the
// caller is, nil for any other.
func (g *Group[K]) board(ctx context.Context, own *Flight, key K, work Work) (f *Flight, aboard, first bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f = g.flying[key]
	switch {
	case f == nil && g.closing:
		return nil, false, false, ErrClosed
	case f == nil:
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f, first = g.start(ctx, cancel, key, work), true
	case own != nil && f.waitsFor(own):
		return nil, false, false, ErrCircle
	}
	own.await(f)
	if f.left || f.sealed {
		return f, false, false, nil
	}
	f.waiters++
	return f, true, first, nil
}

// await notes that the work of f waits for another flight. The flight of no work is nil.
func (f *Flight) await(other *Flight) {
	if f == nil {
		return
	}
	if f.awaits == nil {
		f.awaits = map[*Flight]int{}
	}
	f.awaits[other]++
}

// waitsFor says that f is the other flight, or waits for it, also through others.
func (f *Flight) waitsFor(other *Flight) bool {
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
func (g *Group[K]) arrive(own, f *Flight) {
	if own == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if own.awaits[f]--; own.awaits[f] == 0 {
		delete(own.awaits, f)
	}
}

// leave takes a waiter away. The flight goes on without any if it is to.
func (g *Group[K]) leave(f *Flight, goOn bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f.background = f.background || goOn
	if f.waiters--; f.waiters == 0 && !f.background {
		f.left = true
		f.cancel()
	}
}

// Current is the flight of a key that a caller would board, nil where there is none.
func (g *Group[K]) Current(key K) *Flight {
	if g.count.Load() == 0 {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.flying[key]
}

// Start starts the flight of a key, for a caller who is going to [Group.Wait] for it, or for
// nobody. It is nil where there is one already, or no more work is begun. Its work is part of
// that of another flight, if one is given.
func (g *Group[K]) Start(ctx context.Context, key K, part *Flight, background bool, work Work) *Flight {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.flying[key] != nil || g.closing {
		return nil
	}
	own := Of(ctx)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := g.start(ctx, cancel, key, work)
	if part != nil {
		f.await(part)
	}
	if f.background = background; !background {
		f.waiters = 1
		own.await(f)
	}
	return f
}

// Wait waits for a flight that the caller has started, as [Group.Join] does.
func (g *Group[K]) Wait(ctx context.Context, f *Flight, patience time.Duration) (any, error) {
	impatient, stop := after(patience)
	defer stop()
	return g.wait(ctx, Of(ctx), f, true, impatient)
}

// after is when a caller loses patience, if ever.
func after(patience time.Duration) (impatient <-chan time.Time, stop func()) {
	if patience == 0 {
		return nil, func() {}
	}
	timer := time.NewTimer(patience)
	return timer.C, func() { timer.Stop() }
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
	flying := slices.Collect(maps.Keys(g.all))
	for _, f := range flying {
		if f.background && f.waiters == 0 {
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
func (f *Flight) lands(ctx context.Context) bool {
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
func (g *Group[K]) start(ctx context.Context, cancel context.CancelFunc, key K, work Work) *Flight {
	f := &Flight{cancel: cancel, landed: make(chan struct{}), err: ErrGoexit}
	if g.flying == nil {
		g.flying, g.all = map[K]*Flight{}, map[*Flight]struct{}{}
	}
	g.flying[key], g.all[f] = f, struct{}{}
	g.count.Add(1)
	f.seal = func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		f.sealed = true
	}
	f.detach = func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.flying[key] == f {
			delete(g.flying, key)
		}
	}
	ctx = Within(ctx, f)
	go func() {
		defer cancel()
		defer g.land(f)
		defer f.catch()
		f.value, f.err = work(ctx)
	}()
	return f
}

func (g *Group[K]) land(f *Flight) {
	f.detach()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.all, f)
	g.count.Add(-1)
	close(f.landed)
}

func (f *Flight) catch() {
	if v := recover(); v != nil {
		f.err = &PanicError{v, debug.Stack()}
	}
}
