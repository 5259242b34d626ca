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
}

// take waits for the key's turn, or for the end of ctx. Who has it calls done.
func (ts *turns) take(ctx context.Context, key string) (done func(), err error) {
	t := ts.join(key)
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken; ts.leave(key, t) }, nil
	case <-ctx.Done():
		ts.leave(key, t)
		return nil, ctx.Err()
	}
}

func (ts *turns) join(key string) *turn {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := ts.keys[key]
	if t == nil {
		t = &turn{taken: make(chan struct{}, 1)}
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
