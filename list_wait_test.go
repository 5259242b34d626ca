package rin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/clienttest"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

// Two lists in one slot.
var (
	jobs     = rin.List[string]("jobs", rin.TTL(time.Hour))
	taken    = rin.List[string]("taken", rin.TTL(2*time.Hour))
	worked   = rin.Cluster("work:{<id>}", rin.Child(jobs, taken))
	workRoot = rin.Cluster("root", rin.Child(worked))
)

// However many wait, and however many push, each element is taken by one of them.
func TestPopWait_takesEachOnce(t *testing.T) {
	const waiters, each = 32, 10
	onEveryBackend(t, func(t *testing.T, r rig) {
		work := worked.At(mustOpen(t, workRoot, r), 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var mu sync.Mutex
		var got []string
		moved := int64(0)
		var group sync.WaitGroup
		for i := range waiters {
			group.Go(func() {
				l := jobs.At(work)
				for {
					take := l.PopWait
					if i%3 == 1 {
						take = l.PopFrontWait
					}
					if i%3 == 2 {
						take = func(ctx context.Context) (string, error) { return l.MoveWait(ctx, taken.At(work)) }
					}
					v, err := take(ctx)
					if err != nil {
						if !errors.Is(err, context.Canceled) {
							t.Errorf("a wait ended with %v", err)
						}
						return
					}
					mu.Lock()
					if i%3 == 2 {
						moved++
					}
					if got = append(got, v); len(got) == waiters*each {
						cancel()
					}
					mu.Unlock()
				}
			})
		}
		var want []string
		var pushers sync.WaitGroup
		for i := range waiters {
			pushers.Go(func() {
				for j := range each {
					if _, err := jobs.At(work).Push(t.Context(), fmt.Sprint(i, ":", j)); err != nil {
						t.Error(err)
					}
				}
			})
			for j := range each {
				want = append(want, fmt.Sprint(i, ":", j))
			}
		}
		pushers.Wait()
		group.Wait()
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%d elements were taken, want each of %d once", len(got), len(want))
		}
		if n, err := taken.At(work).Len(t.Context()); n != moved || err != nil {
			t.Errorf("%d elements were moved, and the other list has %d, %v", moved, n, err)
		}
	})
}

// What is moved into another list gives that its TTL, in the same step.
func TestMoveWait(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		work, ctx := worked.At(mustOpen(t, workRoot, r), 1), t.Context()
		ended := make(chan string, 1)
		go func() { ended <- said(jobs.At(work).MoveWait(ctx, taken.At(work))) }()
		checkTold(t, []telling{
			{"push", said(second(jobs.At(work).Push(ctx, "a"))), "<nil>"},
			{"wait", <-ended, "a"},
			{"the other list", said(taken.At(work).All(ctx)), "[a]"},
			{"its TTL", lasting(ctx, taken.At(work)), "2h0m0s"},
			{"the list", said(jobs.At(work).Exists(ctx)), "false"},
		})
	})
}

// A wait that ends with its context has taken nothing, also of what comes later.
func TestPopWait_ends(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		l := jobs.At(worked.At(mustOpen(t, workRoot, r), 1))
		for want, make := range map[error]func() (context.Context, context.CancelFunc){
			context.DeadlineExceeded: func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(t.Context(), 50*time.Millisecond)
			},
			context.Canceled: func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(50*time.Millisecond, cancel)
				return ctx, cancel
			},
		} {
			ctx, cancel := make()
			v, err := l.PopWait(ctx)
			cancel()
			if v != "" || !errors.Is(err, want) || !strings.Contains(err.Error(), "rin: pop wait root:work:{1}:jobs: ") {
				t.Errorf("PopWait = %q, %v; want %v", v, err, want)
			}
		}
		check(t, second(l.Push(t.Context(), "later")))
		if all, err := l.All(t.Context()); !slices.Equal(all, []string{"later"}) || err != nil {
			t.Errorf("the list has %v, %v", all, err)
		}
	})
}

// A connection that is lost while a wait is on is an error at once, and takes nothing along.
func TestPopWait_lostConnection(t *testing.T) {
	for _, program := range programs {
		for _, client := range clienttest.Clients {
			t.Run(program.String()+"/"+string(client), func(t *testing.T) {
				addr := servertest.Start(t, program.Program)
				l := jobs.At(worked.At(mustOpen(t, workRoot, clienttest.Server(addr).Open(t, client)), 1))
				ended := make(chan error, 1)
				go func() { ended <- second(l.PopWait(t.Context())) }()
				for !strings.Contains(servertest.Do(t, addr, "CLIENT", "LIST").(string), "cmd=blmove") {
				}
				servertest.Do(t, addr, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
				if err := <-ended; err == nil || errors.Is(err, rin.ErrUnknownOutcome) {
					t.Errorf("PopWait = %v, want an error that leaves no doubt", err)
				}
				l = jobs.At(worked.At(mustOpen(t, workRoot, clienttest.Server(addr).Open(t, client)), 1))
				check(t, second(l.Push(t.Context(), "a", "b")))
				if all, err := l.All(t.Context()); !slices.Equal(all, []string{"a", "b"}) || err != nil {
					t.Errorf("the list has %v, %v", all, err)
				}
			})
		}
	}
}

// Whenever a connection is cut while pops wait, and whenever the reply to a wait is lost, each
// element is returned, or is still there, or its pop says that nobody knows.
func TestPopWait_faults(t *testing.T) {
	const rounds = 25
	for _, client := range clienttest.Clients {
		for fault, strike := range map[string]func(*servertest.Proxy){
			"cut":        (*servertest.Proxy).Cut,
			"reply lost": func(p *servertest.Proxy) { p.Swallow("BLMOVE") },
		} {
			t.Run(string(client)+"/"+fault, func(t *testing.T) {
				addr := servertest.Start(t, servertest.Redis)
				proxy := servertest.NewProxy(t, addr)
				waiting := jobs.At(worked.At(mustOpen(t, workRoot, clienttest.Server(proxy.Addr()).Open(t, client)), 1))
				direct := jobs.At(worked.At(mustOpen(t, workRoot, clienttest.Server(addr).Open(t, client)), 1))
				ctx, failed := t.Context(), 0
				var got []string
				doubtful := map[string]bool{}
				for round := range rounds {
					ended := make(chan struct{})
					before := proxy.Count("BLMOVE")
					if fault == "reply lost" {
						strike(proxy)
					}
					var popped string
					var err error
					go func() {
						defer close(ended)
						popped, err = waiting.PopWait(ctx)
					}()
					for over := false; !over && proxy.Count("BLMOVE") == before; {
						select {
						case <-ended: // A connection that was cut before has kept it from waiting.
							over = true
						case <-time.After(100 * time.Microsecond):
						}
					}
					elem := fmt.Sprint("job ", round)
					if fault == "cut" && round%2 == 0 {
						strike(proxy) // before the element comes; else as it comes
					}
					check(t, second(direct.Push(ctx, elem)))
					if fault == "cut" {
						strike(proxy)
					}
					<-ended
					if err == nil {
						got = append(got, popped)
					} else {
						failed++
						doubtful[elem] = errors.Is(err, rin.ErrUnknownOutcome) // The pop itself was cut off.
					}
					left, takeErr := direct.PopMany(ctx, rounds)
					check(t, takeErr)
					got = append(got, left...)
				}
				for round := range rounds {
					elem, times := fmt.Sprint("job ", round), 0
					for _, other := range got {
						if other == elem {
							times++
						}
					}
					if times > 1 || times == 0 && !doubtful[elem] {
						t.Errorf("%s was there %d times", elem, times)
					}
				}
				if failed == 0 {
					t.Error("no wait has failed, so nothing was tested")
				}
			})
		}
	}
}

// What can't be waited for is an error, and not a wait.
func TestPopWait_badInput(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root := mustOpen(t, workRoot, r)
		l, ctx := jobs.At(worked.At(root, 1)), t.Context()
		put(t, r, l.Key(), "7")
		checkTold(t, []telling{
			{"another kind", said(l.PopWait(ctx)), "!a string, not a list"},
			{"no place", said(jobs.At(root).PopWait(ctx)), "!missing parameter"},
		})
	})
}

// A store that can't wait says so; a decorator around one that can does not keep it from
// that.
func TestPopWait_decorated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := backend.Intercept(memstore.New(), func(ctx context.Context, ops []backend.Op, next backend.Next) error { return next(ctx, ops) })
		l := jobs.At(worked.At(mustOpen(t, workRoot, seen), 1))
		go func() {
			time.Sleep(time.Minute)
			_, _ = l.Push(t.Context(), "late")
		}()
		began := time.Now()
		if v, err := l.PopWait(t.Context()); v != "late" || err != nil || time.Since(began) != time.Minute {
			t.Errorf("PopWait = %q, %v after %v; want what comes after a minute", v, err, time.Since(began))
		}
		unable := jobs.At(worked.At(mustOpen(t, workRoot, struct{ backend.Backend }{memstore.New()}), 1))
		if _, err := unable.PopWait(t.Context()); !errors.Is(err, rin.ErrUnsupported) {
			t.Errorf("PopWait of a store that can't = %v", err)
		}
	})
}
