package rin_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// Callers who share reads get what they wrote themselves, or what is newer.
func TestShareRead_readsOwnWrites(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		const callers, rounds = 16, 100
		e, ctx := fetchAge.At(mustOpen(t, fetchRoot, r), 1), t.Context()
		var last atomic.Int64
		var mu sync.Mutex // so that the last to write has the greatest
		var group sync.WaitGroup
		for range callers {
			group.Go(func() {
				for i := range rounds {
					own := last.Load()
					if i%4 == 0 {
						mu.Lock()
						own = last.Add(1)
						check(t, e.Set(ctx, int(own)))
						mu.Unlock()
					} else if own == 0 {
						continue
					}
					if got, err := e.Fetch(ctx, loads(0).load, rin.ShareRead()); i%4 == 0 && got < int(own) || err != nil {
						t.Errorf("fetch: %d, %v, after a write of %d", got, err, own)
					}
				}
			})
		}
		group.Wait()
	})
}

// Callers who ask at the same time share a read, and each gets a value of its own.
func TestShareRead(t *testing.T) {
	list := rin.Key[[]int]("list", rin.TTL(time.Hour))
	for name, opts := range map[string][]rin.FetchOption{
		"the value": {rin.ShareRead()}, "with more": {rin.ShareRead(), rin.RefreshEarly(unlikely), rin.CacheAbsent(time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &spy{Backend: memstore.New()}
				s.fail = func(backend.Op) error { time.Sleep(time.Millisecond); return nil }
				e, ctx := list.At(mustOpen(t, rin.Cluster("root", rin.Child(list)), s)), t.Context()
				check(t, e.Set(ctx, []int{1, 2}))
				before := s.tripped()
				var group sync.WaitGroup
				for range 64 {
					group.Go(func() {
						got, err := e.Fetch(ctx, loads([]int(nil)).load, opts...)
						if !slices.Equal(got, []int{1, 2}) || err != nil {
							t.Errorf("fetch: %v, %v", got, err)
						}
						slices.Reverse(got)
					})
				}
				group.Wait()
				if n := s.tripped() - before; n != 2 {
					t.Errorf("64 callers sent %d reads, want that of the first and one for the others", n)
				}
				ended, cancel := context.WithCancel(ctx)
				cancel()
				if _, err := e.Fetch(ended, loads([]int(nil)).load, opts...); !errors.Is(err, context.Canceled) {
					t.Errorf("with a context that has ended: %v", err)
				}
			})
		})
	}
}
