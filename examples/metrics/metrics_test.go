package main

import (
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/backendtest"
	"github.com/redisimnest/rin/memstore"
)

// A backend that is counted is a backend, so it keeps every rule of one.
func TestConformance(t *testing.T) {
	backendtest.Run(t, backendtest.Harness{
		New:        func(testing.TB) backend.Backend { return New().Around(memstore.New()) },
		Leaf:       synctest.Test,
		Elapse:     func(_ testing.TB, d time.Duration) { time.Sleep(d) },
		NoCommands: true,
	})
}

func TestMetrics_countsErrors(t *testing.T) {
	m := New()
	b := m.Around(memstore.New())
	ctx, cancel := context.WithCancel(t.Context())
	get := func() { _ = b.Exec(ctx, &backend.Get{Key: "user:1:age", Pattern: "user:<id>:age"}) }
	get()
	cancel()
	get()
	want := Counts{Calls: 2, Errors: 1}
	if got := m.counts[Label{"user:<id>:age", "get"}]; got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// shop:*                     delete  3 calls  0 errors
	// shop:user:<user_id>:age    set     3 calls  0 errors
	// shop:user:<user_id>:email  get     3 calls  0 errors
}
