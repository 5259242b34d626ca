package memstore_test

import (
	"context"
	"sync"
	"testing"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// A read that races a transaction sees what was before it, or what is after it,
// and nothing between.
func TestTransact_readersSeeNoInside(t *testing.T) {
	s, ctx := memstore.New(), context.Background()
	const rounds = 2000
	set := func(value string) *backend.Set { return &backend.Set{Key: "k", Value: []byte(value)} }
	if err := s.Exec(ctx, set("whole")); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				get := &backend.Get{Key: "k"}
				if err := s.Exec(ctx, get); err != nil || string(get.Value) != "whole" {
					t.Errorf("Get = %q, found %t, %v; want what is there before and after every transaction", get.Value, get.Found, err)
					return
				}
			}
		})
	}
	for range rounds {
		if err := s.Transact(ctx, &backend.Delete{Key: "k"}, set("half"), set("whole")); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	group.Wait()
}

func TestNew_nilOption(t *testing.T) {
	s := memstore.New(nil)
	const want = "memstore: an option of New is nil; leave it out"
	get := &backend.Get{Key: "k"}
	for name, err := range map[string]error{"Exec": s.Exec(t.Context(), get), "Transact": s.Transact(t.Context(), get), "the op": get.Err} {
		if err == nil || err.Error() != want {
			t.Errorf("%s = %v, want %s", name, err, want)
		}
	}
	for page, err := range s.Scan(t.Context(), "") {
		if page != nil || err == nil || err.Error() != want {
			t.Errorf("Scan yields %q, %v", page, err)
		}
	}
}
