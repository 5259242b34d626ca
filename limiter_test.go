package rin_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

var (
	logins  = rin.Limiter("login:<ip>", rin.Rate(5, time.Hour))
	evenly  = rin.Limiter("evenly", rin.Rate(10, time.Second), rin.Burst(1))
	windows = rin.Limiter("windows", rin.Rate(5, 10*365*24*time.Hour), rin.Window())
	limited = rin.Cluster("limited", rin.Child(logins, evenly, windows))
)

func TestLimiter(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, limited, r), t.Context()
		for name, l := range map[string]rin.LimiterEntry{"by cells": logins.At(root, "::1"), "by windows": windows.At(root)} {
			if a, err := l.Peek(ctx); err != nil || !a.OK || a.Remaining != 5 || a.ResetAfter != 0 {
				t.Errorf("%s: Peek of a new limiter = %+v, %v", name, a, err)
			}
			for i := range int64(3) {
				if a, err := l.Allow(ctx); err != nil || !a.OK || a.Remaining != 4-i || a.RetryAfter != 0 || a.ResetAfter <= 0 {
					t.Errorf("%s: Allow %d = %+v, %v", name, i, a, err)
				}
			}
			if a, err := l.AllowN(ctx, 3); err != nil || a.OK || a.Remaining != 2 || a.RetryAfter <= 0 {
				t.Errorf("%s: AllowN(3) with 2 left = %+v, %v", name, a, err)
			}
			if a, err := l.AllowN(ctx, 2); err != nil || !a.OK || a.Remaining != 0 {
				t.Errorf("%s: AllowN(2) with 2 left = %+v, %v", name, a, err)
			}
			if a, err := l.Allow(ctx); err != nil || a.OK || !strings.HasPrefix(a.String(), "refused for ") {
				t.Errorf("%s: Allow with none left = %v, %v", name, a, err)
			}
			soon, cancel := context.WithTimeout(ctx, time.Minute)
			if err := l.Wait(soon); !errors.Is(err, context.DeadlineExceeded) || soon.Err() != nil {
				t.Errorf("%s: Wait for longer than there is time: %v", name, err)
			}
			cancel()
			if did, err := l.Reset(ctx); err != nil || !did {
				t.Errorf("%s: Reset = %t, %v", name, did, err)
			}
			if a, err := l.Allow(ctx); err != nil || !a.OK {
				t.Errorf("%s: Allow after Reset = %v, %v", name, a, err)
			}
		}
	})
}

// Of what many ask for at a time, exactly the burst is allowed.
func TestLimiter_contended(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		l := logins.At(mustOpen(t, limited, r), "::1")
		var allowed atomic.Int64
		together(func(int) {
			a, err := l.Allow(t.Context())
			if err != nil {
				t.Error(err)
			}
			if a.OK {
				allowed.Add(1)
			}
		})
		if allowed.Load() != 5 {
			t.Errorf("%d of %d are allowed, want 5", allowed.Load(), crowd)
		}
	})
}

// In no span of time more are allowed than the burst and what the rate gives, and whoever
// comes when it was told to is served, so that all of it is used.
func TestLimiter_anySpan(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rate, burst := rapid.Int64Range(1, 20).Draw(rt, "rate"), rapid.Int64Range(1, 20).Draw(rt, "burst")
		per := time.Duration(rapid.Int64Range(1, 5000).Draw(rt, "per")) * time.Millisecond
		gaps := rapid.SliceOfN(rapid.Int64Range(0, 2*int64(per)/rate), 1, 100).Draw(rt, "gaps")
		now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		node := rin.Limiter("l", rin.Rate(rate, per), rin.Burst(burst))
		root, err := rin.Open(rin.Cluster("root", rin.Child(node)), memstore.New(memstore.Clock(func() time.Time { return now })))
		if err != nil {
			rt.Fatal(err)
		}
		l := node.At(root)
		var times []time.Time
		for _, gap := range gaps {
			now = now.Add(time.Duration(gap))
			a, err := l.Allow(t.Context())
			if err != nil {
				rt.Fatal(err)
			}
			if !a.OK {
				now = now.Add(a.RetryAfter)
				if a, err = l.Allow(t.Context()); err != nil || !a.OK {
					rt.Fatalf("Allow when RetryAfter has passed = %+v, %v", a, err)
				}
			}
			times = append(times, now)
		}
		for i, from := range times {
			for j, to := range times[i:] {
				most := float64(burst) + float64(to.Sub(from)+2*time.Microsecond)/float64(per)*float64(rate)
				if n := float64(j + 1); n > math.Floor(most+1e-6) {
					rt.Fatalf("%v are allowed within %v, by a rate of %d in %v and a burst of %d", n, to.Sub(from), rate, per, burst)
				}
			}
		}
	})
}

// Wait spreads what many want as the rate says, and ends with its context and with Close.
func TestLimiter_wait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := mustOpen(t, limited, memstore.New())
		l, start := evenly.At(root), time.Now()
		var done atomic.Int64
		together(func(int) {
			if err := l.Wait(t.Context()); err != nil {
				t.Error(err)
			}
			if n := done.Add(1); time.Since(start) < time.Duration(n-1)*100*time.Millisecond {
				t.Errorf("%d are through after %v", n, time.Since(start))
			}
		})
		if took := time.Since(start); took > 2*crowd*100*time.Millisecond {
			t.Errorf("%d waited %v", crowd, took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var err error
		waits := make(chan struct{})
		go func() { defer close(waits); _, _ = l.Allow(ctx); err = l.Wait(ctx) }()
		synctest.Wait()
		cancel()
		<-waits
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Wait whose context is cancelled: %v", err)
		}
	})
}

func TestLimiter_badInput(t *testing.T) {
	root, ctx := mustOpen(t, limited, memstoreRig()), t.Context()
	for _, row := range []struct {
		err  error
		says string
	}{
		{second(logins.At(root, "x").AllowN(ctx, 0)), "ask for at least one"},
		{second(logins.At(root, "x").AllowN(ctx, 6)), "6 are asked for, and 6 are never allowed at once: the most is 5"},
		{second(windows.At(root).AllowN(ctx, 6)), "the most is 5"},
		{second(logins.At(root).Allow(ctx)), "missing parameter"},
		{logins.At(root).Wait(ctx), "missing parameter"},
		{second(rin.LimiterEntry{}.Allow(ctx)), "not bound"},
		{second(rin.LimiterEntry{}.Reset(ctx)), "not bound"},
	} {
		if row.err == nil || !strings.Contains(row.err.Error(), row.says) {
			t.Errorf("error %v, want one that says %q", row.err, row.says)
		}
	}
	_, err := rin.Open(rin.Cluster("x", rin.Child(
		rin.Limiter("none"), rin.Limiter("zero", rin.Rate(0, time.Second)), rin.Limiter("fast", rin.Rate(1e9, time.Second)),
		rin.Limiter("slow", rin.Rate(1, 1e6*time.Hour)), rin.Limiter("two", rin.Rate(1, time.Second), rin.Burst(2), rin.Window()),
		rin.Limiter("small", rin.Rate(1, time.Second), rin.Burst(-1)), rin.Limiter("large", rin.Rate(1, time.Hour), rin.Burst(1e9)),
	)), memstore.New())
	for _, says := range []string{
		`"none": it has no rate; say how often, as in rin.Rate(5, time.Minute)`, `"zero": Rate(0, 1s): both have to be positive`,
		`"fast": Rate(1000000000, 1s): a limiter counts`, `"slow": Rate(1, 1000000h0m0s): a limiter counts to`,
		`"two": a limiter with Window has no burst`, `"small": Burst(-1): give at least one`, `"large": its burst takes more than`,
	} {
		if err == nil || strings.Count(err.Error(), says) != 1 {
			t.Errorf("Open says %v, which lacks %q, or has it twice", err, says)
		}
	}
}
