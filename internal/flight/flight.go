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
	flying  map[K]*Flight[K]
	all     map[*Flight[K]]struct{}
	count   atomic.Int32 // of all
	closing bool
}

// Work is what flights do that have begun together, most often one. Those of [Group.Start]
// stand where their keys stood first, and are nil for keys that had one already. It says what
// each brings, by [Flight.Bring]. Its context has the values of the caller who was first, but
// ends only when nobody waits any more for any of them.
type Work[K comparable] func(ctx context.Context, flights []*Flight[K])

// Flight is what is done for one key, and those who wait for it.
type Flight[K comparable] struct {
	group      *Group[K]
	key        K
	work       *work
	waiters    int
	left       bool // by all of them
	sealed     bool // later callers wait, and then start another one
	background bool // it goes on though nobody waits for it
	mark       atomic.Pointer[string]
	wish       atomic.Int64
	value      any
	err        error
}

// work is one call of a [Work].
type work struct {
	cancel context.CancelFunc
	flying int           // how many of its flights have not been left
	landed chan struct{} // closed once all of them have their values and errors
	awaits map[*work]int // those that it waits for
}

// graph guards what works wait for, in all groups.
var graph sync.Mutex

// await notes that a work waits for another one, until arrive. It is false where the other
// waits for it, itself or through others. What is no work is nil.
func (w *work) await(other *work) bool {
	if w == nil {
		return true
	}
	graph.Lock()
	defer graph.Unlock()
	if other.waitsFor(w) {
		return false
	}
	if w.awaits == nil {
		w.awaits = map[*work]int{}
	}
	w.awaits[other]++
	return true
}

// waitsFor says that w is the other work, or waits for it, also through others.
func (w *work) waitsFor(other *work) bool {
	if w == other {
		return true
	}
	for next := range w.awaits {
		if next.waitsFor(other) {
			return true
		}
	}
	return false
}

// arrive ends what await began.
func (w *work) arrive(other *work) {
	if w == nil {
		return
	}
	graph.Lock()
	defer graph.Unlock()
	if w.awaits[other]--; w.awaits[other] == 0 {
		delete(w.awaits, other)
	}
}

// of is the work that has ctx, nil for any other context.
func of(ctx context.Context) *work {
	w, _ := ctx.Value(underWay{}).(*work)
	return w
}

// Bring says what the flight brings. Only its work may.
func (f *Flight[K]) Bring(value any, err error) { f.value, f.err = value, err }

// Mark is what [Flight.SetMark] has put on the flight, "" before that.
func (f *Flight[K]) Mark() string {
	if mark := f.mark.Load(); mark != nil {
		return *mark
	}
	return ""
}

// SetMark puts a mark on the flight.
func (f *Flight[K]) SetMark(mark string) { f.mark.Store(&mark) }

// Wish is the greatest that [Flight.SetWish] has been given, 0 before that.
func (f *Flight[K]) Wish() int64 { return f.wish.Load() }

// SetWish leaves a wish of a caller who is going to board.
func (f *Flight[K]) SetWish(wish int64) {
	for old := f.wish.Load(); wish > old && !f.wish.CompareAndSwap(old, wish); old = f.wish.Load() {
	}
}

// Seal keeps later callers from boarding the flight: they wait until it has landed, and then
// start another one.
func (f *Flight[K]) Seal() {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	f.sealed = true
}

// Detach keeps later callers from boarding the flight: they start another one, though it has
// not landed.
func (f *Flight[K]) Detach() {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	f.detach()
}

func (f *Flight[K]) detach() {
	if f.group.flying[f.key] == f {
		delete(f.group.flying, f.key)
	}
}

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

// underWay is the key in a context of the work that it is for.
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
func (g *Group[K]) Join(ctx context.Context, key K, patience time.Duration, do Work[K]) (value any, first bool, err error) {
	impatient, stop := after(patience)
	defer stop()
	own := of(ctx)
	for {
		f, aboard, first, err := g.board(ctx, own, key, do)
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
func (g *Group[K]) wait(ctx context.Context, own *work, f *Flight[K], aboard bool, impatient <-chan time.Time) (any, error) {
	var gaveUp error
	select {
	case <-f.work.landed:
	case <-ctx.Done():
		gaveUp = ctx.Err()
	case <-impatient:
		gaveUp = ErrPatience
	}
	own.arrive(f.work)
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
// context would otherwise run twice at a time. Own is the work that the caller is part of,
// nil for any other.
func (g *Group[K]) board(ctx context.Context, own *work, key K, do Work[K]) (f *Flight[K], aboard, first bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f = g.flying[key]; f == nil {
		if g.closing {
			return nil, false, false, ErrClosed
		}
		g.start(ctx, []K{key}, do)
		f, first = g.flying[key], true
	}
	if !own.await(f.work) {
		return nil, false, false, ErrCircle
	}
	if f.left || f.sealed {
		return f, false, false, nil
	}
	f.waiters++
	return f, true, first, nil
}

// leave takes a waiter away. The flight goes on without any if it is to.
func (g *Group[K]) leave(f *Flight[K], goOn bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f.background = f.background || goOn
	if f.waiters--; f.waiters == 0 && !f.background {
		f.abandon()
	}
}

// abandon is called when nobody waits any more for the flight. The last of its work cancels
// that.
func (f *Flight[K]) abandon() {
	if f.left {
		return
	}
	f.left = true
	if f.work.flying--; f.work.flying == 0 {
		f.work.cancel()
	}
}

// Current is the flight of a key that a caller would board, nil where there is none.
func (g *Group[K]) Current(key K) *Flight[K] {
	if g.count.Load() == 0 {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.flying[key]
}

// Start starts the flights of those keys that have none, by one work, for a caller who is
// going to [Group.Wait] for each of them, or in the background for nobody. The flights stand
// where their keys stand, also where a key stands a second time; they are nil for the other
// keys, and where no more work is begun.
func (g *Group[K]) Start(ctx context.Context, keys []K, background bool, do Work[K]) []*Flight[K] {
	g.mu.Lock()
	defer g.mu.Unlock()
	flights := make([]*Flight[K], len(keys))
	if g.closing {
		return flights
	}
	w, own := g.start(ctx, keys, do), of(ctx)
	for i, key := range keys {
		f := g.flying[key]
		if f.work != w {
			continue
		}
		if flights[i], f.background = f, background; !background {
			f.waiters++
			own.await(w)
		}
	}
	return flights
}

// Wait waits for a flight that the caller has started, as [Group.Join] does.
func (g *Group[K]) Wait(ctx context.Context, f *Flight[K], patience time.Duration) (any, error) {
	impatient, stop := after(patience)
	defer stop()
	return g.wait(ctx, of(ctx), f, true, impatient)
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
			f.abandon()
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
func (f *Flight[K]) lands(ctx context.Context) bool {
	select {
	case <-f.work.landed:
		return true
	case <-ctx.Done():
	}
	select {
	case <-f.work.landed: // both had come
		return true
	default:
		return false
	}
}

// start starts the flights of those keys that have none, by one work if there are any. It is
// called with the lock held.
func (g *Group[K]) start(ctx context.Context, keys []K, do Work[K]) *work {
	if g.flying == nil {
		g.flying, g.all = map[K]*Flight[K]{}, map[*Flight[K]]struct{}{}
	}
	w, flights := &work{landed: make(chan struct{})}, make([]*Flight[K], len(keys))
	for i, key := range keys {
		if g.flying[key] == nil {
			f := &Flight[K]{group: g, key: key, work: w, err: ErrGoexit}
			flights[i], g.flying[key], g.all[f] = f, f, struct{}{}
			w.flying++
		}
	}
	if w.flying == 0 {
		return w
	}
	g.count.Add(int32(w.flying))
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	ctx = context.WithValue(ctx, underWay{}, w)
	go func() {
		defer w.cancel()
		defer g.land(w, flights)
		defer catch(flights)
		do(ctx, flights)
	}()
	return w
}

func (g *Group[K]) land(w *work, flights []*Flight[K]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range flights {
		if f != nil {
			f.detach()
			delete(g.all, f)
			g.count.Add(-1)
		}
	}
	close(w.landed)
}

// catch has all flights bring the panic of their work.
func catch[K comparable](flights []*Flight[K]) {
	v := recover()
	if v == nil {
		return
	}
	err := &PanicError{v, debug.Stack()}
	for _, f := range flights {
		if f != nil {
			f.Bring(nil, err)
		}
	}
}
