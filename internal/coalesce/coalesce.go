// Package coalesce lets callers who ask for the same thing at the same time share one read.
//
// Other than with golang.org/x/sync/singleflight, nobody shares a read that began before they
// asked: so whoever has written before, and been told so, gets what was written or what is
// newer.
package coalesce

import (
	"context"
	"sync"
)

// Group is the reads under way, one at a time for each key. The zero Group has none, and is
// ready to use.
type Group[K comparable, V any] struct {
	mu     sync.Mutex
	queues map[K]*queue[V]
}

// queue is a read under way, and those who came after it had begun, who share the next.
type queue[V any] struct{ next *call[V] }

// call is a read that several share.
type call[V any] struct {
	waiting int
	turn    chan struct{} // given to the one of them who is to read
	done    chan struct{} // closed when value and err are there
	value   V
	err     error
}

// Do reads; or it waits until the read under way has ended, and shares the next one with all
// who do so. A caller whose context ends gets its error, and the others read without it.
func (g *Group[K, V]) Do(ctx context.Context, key K, read func(context.Context) (V, error)) (value V, err error) {
	q, c := g.enter(key)
	if c == nil {
		defer g.advance(key, q, nil)
		return read(ctx)
	}
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		g.leave(key, q, c)
		return value, ctx.Err()
	case <-c.turn:
	}
	kept := false
	defer func() {
		if kept {
			g.advance(key, q, nil)
		} else { // the context has ended, or the read has panicked
			g.advance(key, q, c)
		}
	}()
	if value, err = read(ctx); ctx.Err() == nil {
		c.value, c.err, kept = value, err, true
		close(c.done)
	}
	return value, err
}

// enter is the call to wait for, nil where there is no read under way.
func (g *Group[K, V]) enter(key K) (*queue[V], *call[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.queues[key]
	if q == nil {
		if g.queues == nil {
			g.queues = map[K]*queue[V]{}
		}
		q = new(queue[V])
		g.queues[key] = q
		return q, nil
	}
	if q.next == nil {
		q.next = &call[V]{turn: make(chan struct{}, 1), done: make(chan struct{})}
	}
	q.next.waiting++
	return q, q.next
}

// advance has the next call begin, or one again whose reader has failed it.
func (g *Group[K, V]) advance(key K, q *queue[V], again *call[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if again != nil {
		again.waiting--
	}
	g.begin(key, q, again)
}

func (g *Group[K, V]) begin(key K, q *queue[V], c *call[V]) {
	if c == nil || c.waiting == 0 {
		c, q.next = q.next, nil
	}
	if c == nil {
		delete(g.queues, key)
		return
	}
	c.turn <- struct{}{}
}

// leave takes a caller away from a call. If it was the last one, nobody else reads for it.
func (g *Group[K, V]) leave(key K, q *queue[V], c *call[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.waiting--; c.waiting > 0 {
		return
	}
	if q.next == c {
		q.next = nil
		return
	}
	select {
	case <-c.turn:
		g.begin(key, q, nil)
	default: // somebody has read
	}
}
