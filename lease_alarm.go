package rin

import (
	"context"
	"sync"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Who waits for a lease leaves a note of that beside it. Who gives it back takes the note
// along, and where there was one, puts an element into a list, for which the server lets
// others wait. Whoever it wakes deletes the list before asking for the lease: one that comes
// too late to be woken asks by and by, as all do where the server can't tell.

// wakeTime is how long the list is there, if nobody is woken by it.
const wakeTime = time.Second

// wake wakes those who wait for a lease in other processes. That it fails does no harm: they
// ask again by themselves.
func (p permits) wake(ctx context.Context) {
	_ = p.handle.place.store.execOne(ctx, &backend.RPush{
		Key: p.handle.wakeKey(), Pattern: p.handle.pattern(), Values: [][]byte{{'+'}},
		MaxLen: 1, Expiry: backend.Expiry{TTL: wakeTime},
	})
}

// alarm wakes one who waits for a lease. The zero alarm, with its permits, is not set.
type alarm struct {
	permits
	cancel  context.CancelFunc
	waiting sync.WaitGroup
	rung    chan struct{} // closed when it has rung, or can't
	broken  bool          // it can't, and is not set again
}

// set has the alarm ring, by the turn of the key, when a lease is given back. It is called
// before each wait.
func (a *alarm) set(ctx context.Context) {
	if a.rung != nil {
		select {
		case <-a.rung:
			a.stop()
		default:
			return
		}
	}
	if a.broken {
		return
	}
	ctx, a.cancel = context.WithCancel(ctx)
	a.rung = make(chan struct{})
	a.waiting.Go(func() {
		defer close(a.rung)
		store, key := a.handle.place.store, a.handle.wakeKey()
		err := store.wait(ctx, key)
		if err == nil {
			err = store.execOne(ctx, &backend.Delete{Key: key, Pattern: a.handle.pattern()})
			store.turns.free(a.handle.key)
		}
		a.broken = err != nil
	})
}

// stop ends what set has begun.
func (a *alarm) stop() {
	if a.rung != nil {
		a.cancel()
		a.waiting.Wait()
		a.rung = nil
	}
}
