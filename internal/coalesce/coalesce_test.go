package coalesce_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin/internal/coalesce"
)

type group = coalesce.Group[string, int64]

// Of those who ask while a read is under way all share the next one.
func TestDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g group
		reads := int64(0)
		read := func(context.Context) (int64, error) {
			reads++
			n := reads
			time.Sleep(time.Second)
			return n, nil
		}
		ask := func(want int64) {
			if got, err := g.Do(t.Context(), "k", read); got != want || err != nil {
				t.Errorf("%d, %v; want the read %d", got, err, want)
			}
		}
		var callers sync.WaitGroup
		callers.Go(func() { ask(1) })
		synctest.Wait()
		for range 10 {
			callers.Go(func() { ask(2) })
		}
		time.Sleep(1500 * time.Millisecond) // the second one has begun
		callers.Go(func() { ask(3) })
		callers.Wait()
		ask(4)
	})
}

// Who has written gets what was written, or what is newer, however many write and read.
func TestDo_readsOwnWrites(t *testing.T) {
	var (
		g       group
		value   atomic.Int64
		callers sync.WaitGroup
	)
	read := func(context.Context) (int64, error) {
		v := value.Load()
		if rand.N(4) == 0 {
			time.Sleep(rand.N(20 * time.Microsecond))
		}
		return v, nil
	}
	for range 16 {
		callers.Go(func() {
			for range 10_000 {
				own := value.Add(1)
				if got, err := g.Do(t.Context(), "k", read); got < own || err != nil {
					t.Errorf("%d, %v; after a write of %d", got, err, own)
				}
			}
		})
	}
	callers.Wait()
}

// A caller who gives up, or whose read fails with it, keeps nobody from reading.
func TestDo_gaveUp(t *testing.T) {
	errInk := errors.New("out of ink")
	synctest.Test(t, func(t *testing.T) {
		var g group
		slow := func(ctx context.Context) (int64, error) {
			select {
			case <-time.After(time.Minute):
				return 1, errInk
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		var callers sync.WaitGroup
		for limit := range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(limit+1)*time.Second)
			defer cancel()
			callers.Go(func() {
				if _, err := g.Do(ctx, "k", slow); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v, want the caller's own deadline", err)
				}
			})
			synctest.Wait()
		}
		for range 3 {
			callers.Go(func() {
				if v, err := g.Do(t.Context(), "k", slow); v != 1 || !errors.Is(err, errInk) {
					t.Errorf("%v, %v; want %v", v, err, errInk)
				}
			})
		}
		callers.Wait()
		if v, err := g.Do(t.Context(), "k", func(context.Context) (int64, error) { return 7, nil }); v != 7 || err != nil {
			t.Errorf("the next: %v, %v", v, err)
		}
	})
}
