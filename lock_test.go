package rin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

var (
	jobLock = rin.Lock("lock:<job>", rin.Poll(10*time.Millisecond))
	slots   = rin.Semaphore("slots", rin.Permits(2), rin.Poll(10*time.Millisecond))
	guarded = rin.Cluster("guarded", rin.Child(jobLock, slots))
)

// lease is longer than any test takes.
const lease = time.Minute

func TestLock(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, guarded, r), t.Context()
		lock := jobLock.At(root, "report")
		first, err := lock.TryAcquire(ctx, lease)
		if err != nil {
			t.Fatal(err)
		}
		if first.Context().Err() != nil || first.Fence() <= 0 {
			t.Errorf("a lease that is held: context %v, fence %d", first.Context().Err(), first.Fence())
		}
		var locked *rin.LockedError
		if _, err = lock.TryAcquire(ctx, lease); !errors.Is(err, rin.ErrLocked) || !errors.As(err, &locked) || locked.Left <= 0 || locked.Left > lease {
			t.Errorf("TryAcquire of a lock that is held: %v", err)
		}
		if by, held, err := lock.Holder(ctx); err != nil || !held || by.Left <= 0 || by.Left > lease || by.ID == "" || !strings.Contains(by.Name, ":") {
			t.Errorf("Holder = %v, %t, %v", by, held, err)
		}
		if n, err := root.Count(ctx); n != 1 || err != nil {
			t.Errorf("a lock that is held is %d keys, %v", n, err)
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := lock.Acquire(ended, lease); !errors.Is(err, context.Canceled) {
			t.Errorf("Acquire with a context that has ended: %v", err)
		}
		if err := first.Release(ended); err != nil {
			t.Errorf("Release with a context that has ended: %v", err)
		}
		if first.Context().Err() == nil {
			t.Error("the context of a lease that was released has not ended")
		}
		if err := first.Release(ctx); err != nil {
			t.Errorf("Release once more: %v", err)
		}
		if by, held, err := lock.Holder(ctx); err != nil || held {
			t.Errorf("Holder of a lock that is free = %v, %t, %v", by, held, err)
		}
		err = lock.Do(ctx, lease, func(ctx context.Context) error {
			_, held, err := lock.Holder(ctx)
			return errors.Join(err, ensure(held, "nobody holds the lock within Do"))
		})
		if err != nil {
			t.Error(err)
		}
		second, err := lock.Acquire(ctx, lease)
		if err != nil {
			t.Fatal(err)
		}
		if second.Fence() <= first.Fence() {
			t.Errorf("fence %d after %d", second.Fence(), first.Fence())
		}
		if _, err := root.Clear(ctx); err != nil {
			t.Error(err)
		}
		r.elapse(time.Millisecond)
		third, err := lock.Acquire(ctx, lease)
		if err != nil {
			t.Fatal(err)
		}
		if third.Fence() <= second.Fence() {
			t.Errorf("after a Clear, fence %d after %d", third.Fence(), second.Fence())
		}
		second = third
		if other, err := jobLock.At(root, "other").TryAcquire(ctx, lease); err != nil {
			t.Errorf("another lock: %v", err)
		} else if err := errors.Join(other.Release(ctx), second.Release(ctx)); err != nil {
			t.Error(err)
		}
	})
}

func ensure(ok bool, problem string) error {
	if !ok {
		return errors.New(problem)
	}
	return nil
}

func TestLock_badInput(t *testing.T) {
	root, ctx := mustOpen(t, guarded, memstoreRig()), t.Context()
	lock := jobLock.At(root, "report")
	var none *rin.LockNode
	for _, row := range []struct {
		err  error
		is   error
		says string
	}{
		{second(lock.TryAcquire(ctx, time.Millisecond)), rin.ErrTTL, "a lease of 1ms is too short"},
		{second(lock.Acquire(ctx, -time.Second)), rin.ErrTTL, "a lease of -1s is too short"},
		{lock.Do(ctx, lease, nil), nil, "the function is nil"},
		{second(jobLock.At(root).Acquire(ctx, lease)), rin.ErrMissingParam, "job"},
		{second(jobLock.At(root).TryAcquire(ctx, lease)), rin.ErrMissingParam, "job"},
		{second(jobLock.At(root).Break(ctx)), rin.ErrMissingParam, "job"},
		{third(jobLock.At(root).Holder(ctx)), rin.ErrMissingParam, "job"},
		{second(none.At(root).Acquire(ctx, lease)), nil, "nil"},
		{second(rin.LockEntry{}.Acquire(ctx, lease)), nil, "not bound"},
		{second(rin.LockEntry{}.Break(ctx)), nil, "not bound"},
	} {
		if row.err == nil || row.is != nil && !errors.Is(row.err, row.is) || !strings.Contains(row.err.Error(), row.says) {
			t.Errorf("error %v, want one that is %v and says %q", row.err, row.is, row.says)
		}
	}
	_, err := rin.Open(rin.Cluster("x", rin.Child(
		rin.Semaphore("none"), rin.Semaphore("fewer", rin.Permits(0)), rin.Lock("busy", rin.Poll(0)),
	)), memstore.New())
	for _, says := range []string{`"none": it has no permits; say how many, as in rin.Permits(5)`, `"fewer": Permits(0): give at least one`, `"busy": Poll(0s): less than a millisecond`} {
		if err == nil || strings.Count(err.Error(), says) != 1 {
			t.Errorf("Open says %v, which lacks %q, or has it twice", err, says)
		}
	}
}

// A lease that is broken, or can't be renewed, ends with a cause before another one can be
// had, and says so again when it is released.
func TestLease_lost(t *testing.T) {
	outage := errors.New("outage")
	for name, lose := range map[string]func(rin.LockEntry, *atomic.Bool) error{
		"broken": func(l rin.LockEntry, _ *atomic.Bool) error {
			broken, err := l.Break(t.Context())
			return errors.Join(err, ensure(broken, "there was nothing to break"))
		},
		"not renewed": func(_ rin.LockEntry, down *atomic.Bool) error { down.Store(true); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var down atomic.Bool
				store := memstore.New()
				mine := mustOpen(t, guarded, backend.Intercept(store, func(ctx context.Context, ops []backend.Op, next backend.Next) error {
					if down.Load() {
						return outage
					}
					return next(ctx, ops)
				}))
				lock := jobLock.At(mine, "report")
				held, err := lock.Acquire(t.Context(), 9*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute) // It is renewed all the time.
				if err := held.Context().Err(); err != nil {
					t.Fatal(err)
				}
				if err := lose(lock, &down); err != nil {
					t.Fatal(err)
				}
				next, err := jobLock.At(mustOpen(t, guarded, store), "report").Acquire(t.Context(), 9*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				cause := context.Cause(held.Context())
				if name == "broken" { // Its holder learns of it when it renews.
					time.Sleep(3 * time.Second)
					synctest.Wait()
					cause = context.Cause(held.Context())
				}
				if !errors.Is(cause, rin.ErrLeaseLost) || name != "broken" && !errors.Is(cause, outage) {
					t.Errorf("when another one has the lock, the context's cause is %v", cause)
				}
				if next.Fence() <= held.Fence() {
					t.Errorf("fence %d after %d", next.Fence(), held.Fence())
				}
				down.Store(false)
				if err := held.Release(t.Context()); !errors.Is(err, rin.ErrLeaseLost) {
					t.Errorf("Release of a lease that was lost: %v", err)
				}
				if _, held, err := lock.Holder(t.Context()); err != nil || !held {
					t.Errorf("the release of a lease that was lost has taken another's: held %t, %v", held, err)
				}
				if err := next.Release(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// The context of Do ends with the lease, and with the caller's; a panic releases.
func TestLock_do(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lock := jobLock.At(mustOpen(t, guarded, memstore.New()), "report")
		err := lock.Do(t.Context(), 9*time.Second, func(ctx context.Context) error {
			if _, err := lock.Break(ctx); err != nil {
				return err
			}
			<-ctx.Done()
			return context.Cause(ctx)
		})
		if !errors.Is(err, rin.ErrLeaseLost) {
			t.Errorf("Do under a lease that is broken: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := lock.Do(ctx, 9*time.Second, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Do beyond its context: %v", err)
		}
		func() {
			defer func() { recover() }()
			_ = lock.Do(t.Context(), lease, func(context.Context) error { panic("no") })
		}()
		if _, held, err := lock.Holder(t.Context()); held || err != nil {
			t.Errorf("after a panic the lock is held %t, %v", held, err)
		}
	})
}

// Who waits in the process of the holder has the lock at once when it is released, in the
// order of coming; who waits elsewhere has it after a Poll at most, where the store can't tell,
// or when the lease of a holder that has died ends.
func TestLock_waiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := rin.Lock("slow", rin.Poll(10*time.Second))
		tree := rin.Cluster("guarded", rin.Child(slow))
		store := struct{ backend.Backend }{memstore.New()} // which can do no more than it has to
		here, there := slow.At(mustOpen(t, tree, store)), slow.At(mustOpen(t, tree, store))
		held, err := here.Acquire(t.Context(), lease)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []int
		var waiting sync.WaitGroup
		for i := range 5 {
			waiting.Go(func() {
				l, err := here.Acquire(t.Context(), lease)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				if err := l.Release(t.Context()); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		start := time.Now()
		if err := held.Release(t.Context()); err != nil {
			t.Error(err)
		}
		waiting.Wait()
		if took := time.Since(start); took != 0 || !slices.Equal(order, []int{0, 1, 2, 3, 4}) {
			t.Errorf("those who waited had the lock in the order %v, after %v", order, took)
		}

		held, _ = here.Acquire(t.Context(), lease)
		waiting.Go(func() {
			l, err := there.Acquire(t.Context(), lease)
			if err == nil {
				err = l.Release(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		start = time.Now()
		if err := held.Release(t.Context()); err != nil {
			t.Error(err)
		}
		waiting.Wait()
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("another process had the lock %v after its release", took)
		}
	})
}

// A release that has failed can be tried again, and frees the lock then.
func TestLease_releaseAgain(t *testing.T) {
	down := errors.New("down")
	var failing bool
	store := backend.Intercept(memstore.New(), func(ctx context.Context, ops []backend.Op, next backend.Next) error {
		if failing {
			return backend.FailAll(ops, down)
		}
		return next(ctx, ops)
	})
	lock, ctx := jobLock.At(mustOpen(t, guarded, store), "report"), t.Context()
	l, err := lock.Acquire(ctx, lease)
	check(t, err)
	failing = true
	for range 2 {
		if err := l.Release(ctx); !errors.Is(err, down) {
			t.Errorf("Release of a store that is down: %v", err)
		}
	}
	failing = false
	if err := l.Release(ctx); err != nil {
		t.Errorf("Release once more: %v", err)
	}
	if _, held, err := lock.Holder(ctx); held || err != nil {
		t.Errorf("the lock is held: %t, %v", held, err)
	}
}

// Who waits is woken when another process gives a lease back, long before it would ask again,
// and leaves nothing behind.
func TestLock_woken(t *testing.T) {
	rare := rin.Lock("rare", rin.Poll(time.Hour))
	few := rin.Semaphore("few", rin.Permits(1), rin.Poll(time.Hour))
	tree := rin.Cluster("guarded", rin.Child(rare, few))
	onEveryBackend(t, func(t *testing.T, r rig) {
		here, there, ctx := mustOpen(t, tree, r), mustOpen(t, tree, r), t.Context()
		for name, of := range map[string][2]interface {
			Acquire(context.Context, time.Duration) (*rin.Lease, error)
			Key() string
		}{"lock": {rare.At(here), rare.At(there)}, "semaphore": {few.At(here), few.At(there)}} {
			holder, waiter := of[0], of[1]
			for range 3 {
				held, err := holder.Acquire(ctx, time.Hour)
				check(t, err)
				var waiting sync.WaitGroup
				waiting.Go(func() {
					l, err := waiter.Acquire(ctx, time.Hour)
					if err == nil {
						err = l.Release(ctx)
					}
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
				})
				noted := &backend.ZScore{Key: holder.Key(), Member: []byte(backend.Waiting)}
				for !noted.Found && !t.Failed() {
					check(t, r.Exec(ctx, noted))
				}
				check(t, held.Release(ctx))
				waiting.Wait()
			}
		}
		if n, err := here.Clear(ctx); err != nil || n != 2 {
			t.Errorf("Clear = %d, %v; want the lock and the semaphore alone", n, err)
		}
	})
}

// Close ends the leases that are held, and those who wait; nobody renews them any more.
func TestLock_close(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		root := mustOpen(t, guarded, store)
		lock := jobLock.At(root, "report")
		held, err := lock.Acquire(t.Context(), 9*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var waiter error
		var waiting sync.WaitGroup
		waiting.Go(func() { waiter = second(lock.Acquire(t.Context(), lease)) })
		synctest.Wait()
		if err := root.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		waiting.Wait()
		if !errors.Is(waiter, rin.ErrClosed) || !errors.Is(context.Cause(held.Context()), rin.ErrClosed) {
			t.Errorf("after Close: who waited got %v, the lease's context ended by %v", waiter, context.Cause(held.Context()))
		}
		time.Sleep(9 * time.Second)
		next, err := jobLock.At(mustOpen(t, guarded, store), "report").TryAcquire(t.Context(), lease)
		if err != nil {
			t.Fatal(err)
		}
		if err := next.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestSemaphore(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, guarded, r), t.Context()
		s := slots.At(root)
		one, err := s.TryAcquire(ctx, lease)
		two, err2 := s.TryAcquire(ctx, lease)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if _, err := s.TryAcquire(ctx, lease); !errors.Is(err, rin.ErrLocked) || !strings.Contains(err.Error(), "all 2 permits") {
			t.Errorf("a third permit of two: %v", err)
		}
		if all, err := s.Holders(ctx); err != nil || len(all) != 2 || all[0].ID == all[1].ID {
			t.Errorf("Holders = %v, %v", all, err)
		}
		if err := one.Release(ctx); err != nil {
			t.Error(err)
		}
		three, err := s.Acquire(ctx, lease)
		if err != nil {
			t.Fatal(err)
		}
		if one.Fence() >= two.Fence() || two.Fence() >= three.Fence() {
			t.Errorf("fences %d, %d, %d", one.Fence(), two.Fence(), three.Fence())
		}
		if err := errors.Join(two.Release(ctx), three.Release(ctx)); err != nil {
			t.Error(err)
		}
		if broken, err := s.Break(ctx); broken || err != nil {
			t.Errorf("Break of what is free = %t, %v", broken, err)
		}
	})
}

// The permits of a process that has died come back when their leases end.
func TestSemaphore_crash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		dead := mustOpen(t, guarded, store)
		for range 2 {
			if _, err := slots.At(dead).Acquire(t.Context(), 10*time.Second); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if err := dead.Close(t.Context()); err != nil { // Nobody renews them, and nobody gives them back.
			t.Fatal(err)
		}
		start := time.Now()
		var waiting sync.WaitGroup
		for range 2 {
			waiting.Go(func() {
				err := slots.At(mustOpen(t, guarded, store)).Do(t.Context(), lease, func(context.Context) error { return nil })
				if err != nil {
					t.Error(err)
				}
			})
		}
		waiting.Wait()
		if took := time.Since(start); took > 10*time.Second+10*time.Millisecond {
			t.Errorf("the permits came back after %v", took)
		}
	})
}

// Of many in many stores, one at a time has the lock, and two the semaphore; each gets it in
// the end, and fences grow.
func TestLock_contended(t *testing.T) {
	const stores = 8
	onEveryBackend(t, func(t *testing.T, r rig) {
		var roots []*rin.Scope
		for range stores {
			roots = append(roots, mustOpen(t, guarded, r))
		}
		var locked, permitted, fence atomic.Int64
		together(func(i int) {
			root := roots[i%stores]
			enter := func(of interface {
				Do(context.Context, time.Duration, func(context.Context) error) error
			}, holders *atomic.Int64, most int64,
			) {
				err := of.Do(t.Context(), lease, func(context.Context) error {
					defer holders.Add(-1)
					return ensure(holders.Add(1) <= most, fmt.Sprintf("more than %d are in", most))
				})
				if err != nil {
					t.Error(err)
				}
			}
			enter(jobLock.At(root, "report"), &locked, 1)
			enter(slots.At(root), &permitted, 2)
			l, err := jobLock.At(root, "fence").Acquire(t.Context(), lease)
			if err != nil {
				t.Error(err)
				return
			}
			if last := fence.Swap(l.Fence()); last >= l.Fence() {
				t.Errorf("fence %d after %d", l.Fence(), last)
			}
			if err := l.Release(t.Context()); err != nil {
				t.Error(err)
			}
		})
	})
}
