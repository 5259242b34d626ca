package rin_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/internal/clienttest"
	"github.com/redisimnest/rin/internal/servertest"
)

// onProxies runs f with both clients on Redis and on Valkey. What it is given opens a store
// of its own, whose connections go through a proxy, if there is one.
func onProxies(t *testing.T, f func(t *testing.T, addr string, open func(addr string) *rin.Scope)) {
	t.Helper()
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey} {
		for _, client := range clienttest.Clients {
			t.Run(program.String()+"/"+string(client), func(t *testing.T) {
				f(t, servertest.Start(t, program), func(addr string) *rin.Scope {
					return mustOpen(t, guarded, clienttest.Server(addr).Open(t, client))
				})
			})
		}
	}
}

// While connections are cut all the time, no two have the lock, work goes on, and nothing
// stays locked.
func TestLock_cut(t *testing.T) {
	const stores, each, work = 4, 3, 3 * time.Second
	onProxies(t, func(t *testing.T, addr string, open func(string) *rin.Scope) {
		var proxies []*servertest.Proxy
		var inside, entered atomic.Int64
		var workers sync.WaitGroup
		ctx, stop := context.WithTimeout(t.Context(), work)
		defer stop()
		for range stores {
			proxy := servertest.NewProxy(t, addr)
			lock := jobLock.At(open(proxy.Addr()), "report")
			proxies = append(proxies, proxy)
			for range each {
				workers.Go(func() {
					for ctx.Err() == nil {
						held, err := lock.Acquire(ctx, 2*time.Second)
						if err != nil {
							continue // It was cut off.
						}
						if inside.Add(1) != 1 {
							t.Error("two have the lock")
						}
						entered.Add(1)
						select {
						case <-held.Context().Done():
						case <-time.After(rand.N(10 * time.Millisecond)):
						}
						inside.Add(-1)
						_ = held.Release(t.Context()) // It may be cut off, and then ends by itself.
					}
				})
			}
		}
		for ctx.Err() == nil {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			for _, proxy := range proxies {
				proxy.Cut()
			}
		}
		workers.Wait()
		if entered.Load() < 10 {
			t.Errorf("the lock was had %d times in %v", entered.Load(), work)
		}
		held, err := jobLock.At(open(addr), "report").Acquire(t.Context(), lease)
		if err != nil {
			t.Fatal(err)
		}
		if err := held.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// The context of a holder that can't reach the server has ended by the time that another one
// has the lock; what it had sent changes nothing when it arrives later.
func TestLock_stalled(t *testing.T) {
	onProxies(t, func(t *testing.T, addr string, open func(string) *rin.Scope) {
		proxy := servertest.NewProxy(t, addr)
		stalled, other := jobLock.At(open(proxy.Addr()), "report"), jobLock.At(open(addr), "report")
		held, err := stalled.Acquire(t.Context(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		proxy.Stall()
		next, err := other.Acquire(t.Context(), lease)
		if err != nil {
			t.Fatal(err)
		}
		if cause := context.Cause(held.Context()); !errors.Is(cause, rin.ErrLeaseLost) {
			t.Errorf("when another one has the lock, the cause of the context is %v", cause)
		}
		proxy.Resume()
		if err := held.Release(t.Context()); !errors.Is(err, rin.ErrLeaseLost) {
			t.Errorf("Release of a lease that was lost: %v", err)
		}
		if _, err := stalled.TryAcquire(t.Context(), lease); !errors.Is(err, rin.ErrLocked) {
			t.Errorf("the lock of the other is %v", err)
		}
		if err := next.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A lost reply is asked for again: the lock is not held by nobody, and not given back twice.
func TestLock_lostReply(t *testing.T) {
	onProxies(t, func(t *testing.T, addr string, open func(string) *rin.Scope) {
		proxy := servertest.NewProxy(t, addr)
		lock, other := jobLock.At(open(proxy.Addr()), "report"), jobLock.At(open(addr), "report")
		proxy.Swallow("EVAL")
		held, err := lock.TryAcquire(t.Context(), lease)
		if err != nil {
			t.Fatalf("TryAcquire whose first reply is lost: %v", err)
		}
		if by, _, err := other.Holder(t.Context()); err != nil || by.Left > lease {
			t.Errorf("Holder = %v, %v", by, err)
		}
		proxy.Swallow("ZREM")
		if err := held.Release(t.Context()); err != nil {
			t.Errorf("Release whose first reply is lost: %v", err)
		}
		next, err := other.TryAcquire(t.Context(), lease)
		if err != nil {
			t.Fatal(err)
		}
		if err := next.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// The clock of a client plays no part: not one that is years behind, which is that of a
// bubble.
func TestLock_clockOff(t *testing.T) {
	onProxies(t, func(t *testing.T, addr string, open func(string) *rin.Scope) {
		held, err := jobLock.At(open(addr), "report").Acquire(t.Context(), lease)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			b := clienttest.Server(addr).Open(t, clienttest.Clients[0])
			behind := jobLock.At(mustOpen(t, guarded, b), "report")
			var locked *rin.LockedError
			if _, err := behind.TryAcquire(t.Context(), lease); !errors.As(err, &locked) || locked.Left <= 0 || locked.Left > lease {
				t.Errorf("TryAcquire of a lock that is held, by a clock of %d: %v", time.Now().Year(), err)
			}
			if by, ok, err := behind.Holder(t.Context()); !ok || err != nil || by.Left <= 0 || by.Left > lease {
				t.Errorf("Holder by a clock of %d = %v, %t, %v", time.Now().Year(), by, ok, err)
			}
		})
		if err := held.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
