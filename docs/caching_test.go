package docs_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

var (
	Report  = rin.Key[string]("report:<name>", rin.TTL(10*time.Minute))
	Reports = rin.Cluster("reports", rin.Child(Report))
)

// process opens the reports as one of several processes that share a store.
func process(t *testing.T, store *memstore.Store) *rin.Scope {
	t.Helper()
	root, err := rin.Open(Reports, store)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// A report that is read often is made before it expires, so that no reader
// waits but the first.
func TestCaching_refreshEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loads := 0
		load := func(context.Context) (string, error) {
			loads++
			time.Sleep(10 * time.Second)
			return "ready", nil
		}
		sales := Report.At(process(t, memstore.New()), "sales")
		for start := time.Now(); time.Since(start) < time.Hour; time.Sleep(100 * time.Millisecond) {
			asked := time.Now()
			text, err := sales.Fetch(t.Context(), load, rin.RefreshEarly(1))
			if text != "ready" || err != nil {
				t.Fatalf("Fetch = %q, %v", text, err)
			}
			if waited := time.Since(asked); waited > 0 && loads > 1 {
				t.Errorf("after %v, a reader waited for %v", time.Since(start), waited)
			}
		}
		if loads < 6 || loads > 12 {
			t.Errorf("%d loads in an hour, of a value that lives for ten minutes", loads)
		}
	})
}

// A process that dies keeps the others waiting for its lease; one that is slow keeps it.
func TestCaching_lease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		slow, other := process(t, store), process(t, store)

		// The process that has died.
		dead := &backend.Claim{
			Key: "reports:report:sales", Leases: backend.Sibling("reports:report:sales", "%loads"),
			Token: []byte("dead"), TTL: 10 * time.Second,
		}
		if err := store.Exec(t.Context(), dead); err != nil || !dead.Claimed {
			t.Errorf("the lease of the dead: %v, %v", dead.Claimed, err)
		}
		var wg sync.WaitGroup
		start := time.Now()
		for _, process := range []*rin.Scope{slow, other} {
			wg.Go(func() {
				text, err := Report.At(process, "sales").Fetch(t.Context(), func(context.Context) (string, error) {
					if waited := time.Since(start); waited < 10*time.Second || waited > 11*time.Second {
						t.Errorf("it waited for %v, want the lease of the dead and a little", waited)
					}
					time.Sleep(time.Minute)
					return "the report", nil
				}, rin.Exclusive(10*time.Second))
				if text != "the report" || err != nil {
					t.Errorf("Fetch = %q, %v", text, err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took > 72*time.Second {
			t.Errorf("it took %v; a load that is longer than its lease keeps it, and the other process waits", took)
		}
	})
}

// The loader has the first caller's values, but not that caller's deadline.
func TestCaching_loaderContext(t *testing.T) {
	type who struct{}
	ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), who{}, "alice"), time.Minute)
	defer cancel()
	sales := Report.At(process(t, memstore.New()), "sales")
	text, err := sales.Fetch(ctx, func(ctx context.Context) (string, error) {
		if _, ok := ctx.Deadline(); ok {
			t.Error("the loader has a deadline that nobody gave it")
		}
		return ctx.Value(who{}).(string), nil
	})
	if text != "alice" || err != nil {
		t.Errorf("Fetch = %q, %v", text, err)
	}
}

// The keys beside a value: where they are, who sees them, and what clears them.
func TestCaching_keysBeside(t *testing.T) {
	store := memstore.New()
	reports := process(t, store)
	ctx := t.Context()
	keys := func() (all []string) {
		for page, err := range store.Scan(ctx, "") {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, page...)
		}
		return all
	}

	// While a report is being loaded, there is a lease.
	_, err := Report.At(reports, "sales").Fetch(ctx, func(context.Context) (string, error) {
		if got := keys(); len(got) != 1 || got[0] != "reports:report:sales%loads{42181}" {
			t.Errorf("the store holds %q, want the lease", got)
		}
		return "", rin.Absent
	}, rin.Exclusive(time.Minute), rin.CacheAbsent(time.Minute))
	if err == nil {
		t.Error("Fetch found a report that is absent")
	}

	if got := keys(); len(got) != 1 || got[0] != "reports:report:sales%loads{42181}" {
		t.Errorf("the store holds %q, want the absence", got)
	}
	if n, err := reports.Count(ctx); n != 0 || err != nil {
		t.Errorf("Count = %d, %v; want none", n, err)
	}
	if n, err := reports.Clear(ctx); n != 0 || err != nil {
		t.Errorf("Clear = %d, %v; want none counted", n, err)
	}
	if got := keys(); len(got) != 0 {
		t.Errorf("after Clear the store holds %q", got)
	}
}
