package rin_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// The raw clients are raced beside their adapters, in backend/goredis and
// backend/valkeygo. Here is what no client takes part in.

var (
	benchAge    = rin.Key[int]("age")
	benchUser   = rin.Cluster("user:<user_id>", rin.Child(benchAge))
	benchSchema = rin.Cluster("root", rin.Child(benchUser))
)

func openBench(b *testing.B) (*rin.Scope, *memstore.Store) {
	store := memstore.New()
	root, err := rin.Open(benchSchema, store)
	if err != nil {
		b.Fatal(err)
	}
	return root, store
}

func BenchmarkAt(b *testing.B) {
	root, _ := openBench(b)
	b.Run("param=int", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			benchAge.At(root, 42)
		}
	})
	b.Run("param=string", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			benchAge.At(root, "alice")
		}
	})
	b.Run("key=sprintf", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = fmt.Sprintf("root:user:%d:age", 42)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	root, _ := openBench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := root.Parse("root:user:42:age"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemstoreGet also shows what a hit of Fetch adds to a Get.
func BenchmarkMemstoreGet(b *testing.B) {
	root, _ := openBench(b)
	age := benchAge.At(root, 42)
	if err := age.Set(b.Context(), 30); err != nil {
		b.Fatal(err)
	}
	load := func(context.Context) (int, error) { return 0, rin.Absent }
	for _, op := range []struct {
		name string
		call func(context.Context) (int, error)
	}{
		{"get", age.Get},
		{"fetch", func(ctx context.Context) (int, error) { return age.Fetch(ctx, load) }},
	} {
		b.Run("op="+op.name+"/callers=1", func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := op.call(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("op="+op.name+"/callers=cores", func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := op.call(ctx); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkStampede lets 1,000 goroutines fetch one cold key. The loader must be
// called once each time.
func BenchmarkStampede(b *testing.B) {
	const callers = 1000
	root, _ := openBench(b)
	age := benchAge.At(root, 42)
	var loads atomic.Int64
	load := func(context.Context) (int, error) { loads.Add(1); return 30, nil }
	n := int64(0)
	for b.Loop() {
		n++
		if _, err := age.Delete(b.Context()); err != nil {
			b.Fatal(err)
		}
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				if _, err := age.Fetch(b.Context(), load); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	if loads.Load() != n {
		b.Errorf("%d loads in %d stampedes", loads.Load(), n)
	}
	b.ReportMetric(float64(loads.Load())/float64(n), "loads/op")
}

// BenchmarkMemstoreSubtree walks and clears 10,000 keys among 1,000,000.
func BenchmarkMemstoreSubtree(b *testing.B) {
	const all, subtree = 1_000_000, 10_000
	root, store := openBench(b)
	fill := func(user, from, to int) {
		for i := from; i < to; i++ {
			set := &backend.Set{Key: fmt.Sprintf("root:user:%d:%d", user, i), Value: []byte("x")}
			if err := store.Exec(b.Context(), set); err != nil {
				b.Fatal(err)
			}
		}
	}
	for user := range all / subtree {
		fill(user, 0, subtree)
	}
	scope := benchUser.At(root, 50)
	b.Run("op=subkeys", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for _, err := range scope.Subkeys(b.Context()) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
			if n != subtree {
				b.Fatalf("walked %d keys, want %d", n, subtree)
			}
		}
	})
	b.Run("op=clear", func(b *testing.B) {
		for b.Loop() {
			n, err := scope.Clear(b.Context())
			if err != nil || n != subtree {
				b.Fatalf("cleared %d keys, %v, want %d", n, err, subtree)
			}
			b.StopTimer()
			fill(50, 0, subtree)
			b.StartTimer()
		}
	})
}

// BenchmarkMemstoreStructures takes single steps, on structures of as many elements as the
// name says.
func BenchmarkMemstoreStructures(b *testing.B) {
	hits, stock := rin.Counter[int]("hits"), rin.Hash[string, int]("stock")
	events, board := rin.List[int]("events"), rin.SortedSet[int]("board")
	schema := rin.Cluster("root", rin.Child(hits, stock, events, board))
	ctx := b.Context()
	list := func(b *testing.B, root *rin.Scope, n int) rin.ListEntry[int] {
		for i := range n {
			check(b, second(events.At(root).Push(ctx, i)))
		}
		return events.At(root)
	}
	set := func(b *testing.B, root *rin.Scope, n int) rin.SortedSetEntry[int] {
		for i := range n {
			check(b, second(board.At(root).Add(ctx, i, float64(i%1000))))
		}
		return board.At(root)
	}
	run := func(name string, of int, prepare func(b *testing.B, root *rin.Scope) (step func() error)) {
		b.Run(fmt.Sprintf("op=%s/of=%d", name, of), func(b *testing.B) {
			step := prepare(b, mustOpen(b, schema, memstore.New()))
			b.ReportAllocs()
			for b.Loop() {
				if err := step(); err != nil { // check costs as much as a step
					b.Fatal(err)
				}
			}
		})
	}
	run("counter add", 1, func(_ *testing.B, root *rin.Scope) func() error {
		h := hits.At(root)
		return func() error { _, err := h.Add(ctx, 1); return err }
	})
	run("hash get", 1, func(b *testing.B, root *rin.Scope) func() error {
		h := stock.At(root)
		check(b, second(h.Set(ctx, "tea", 7)))
		return func() error { _, err := h.Get(ctx, "tea"); return err }
	})
	const million = 1_000_000
	run("list at", million, func(b *testing.B, root *rin.Scope) func() error {
		l := list(b, root, million)
		return func() error { _, _, err := l.At(ctx, million/2); return err }
	})
	run("list push", million, func(b *testing.B, root *rin.Scope) func() error {
		l := list(b, root, million)
		return func() error { _, err := l.Push(ctx, 1); return err }
	})
	for _, n := range []int{million / 10, million} {
		run("sorted set top", n, func(b *testing.B, root *rin.Scope) func() error {
			z := set(b, root, n)
			return func() error { _, err := z.Top(ctx, 10); return err }
		})
	}
	run("sorted set rank", million, func(b *testing.B, root *rin.Scope) func() error {
		z := set(b, root, million)
		return func() error { _, _, err := z.Rank(ctx, million/2); return err }
	})
	run("sorted set increment", million, func(b *testing.B, root *rin.Scope) func() error {
		z := set(b, root, million)
		return func() error { _, err := z.Increment(ctx, million/2, 1); return err }
	})
}
