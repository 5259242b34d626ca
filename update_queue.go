package rin

import (
	"context"
	"sync"
)

// turns lets the goroutines of this process take turns at a key. It spares
// updates of one key the conflicts with each other; those with other processes
// are the store's to find.
type turns struct {
	mu   sync.Mutex
	keys map[string]*turn
}

// turn is free while its channel is empty.
type turn struct {
	taken   chan struct{}
	waiters int
	freed   chan struct{} // by free; of one message
}

// take waits for the key's turn, or for the end of ctx. Who has it calls done.
func (ts *turns) take(ctx context.Context, key string) (t *turn, done func(), err error) {
	t = ts.join(key)
	select {
	case t.taken <- struct{}{}:
		return t, func() { <-t.taken; ts.leave(key, t) }, nil
	case <-ctx.Done():
		ts.leave(key, t)
		return nil, nil, ctx.Err()
	}
}

// free tells who has the key's turn that what it waits for may be there.
func (ts *turns) free(key string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t := ts.keys[key]; t != nil {
		select {
		case t.freed <- struct{}{}:
		default:
		}
	}
}

func (ts *turns) join(key string) *turn {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := ts.keys[key]
	if t == nil {
		t = &turn{taken: make(chan struct{}, 1), freed: make(chan struct{}, 1)}
		if ts.keys == nil {
			ts.keys = map[string]*turn{}
		}
		ts.keys[key] = t
	}
	t.waiters++
	return t
}

func (ts *turns) leave(key string, t *turn) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t.waiters--; t.waiters == 0 {
		delete(ts.keys, key)
	}
}
