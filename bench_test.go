package rin_test

import (
	"context"
	"fmt"
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

func BenchmarkMemstoreGet(b *testing.B) {
	root, _ := openBench(b)
	age := benchAge.At(root, 42)
	if err := age.Set(b.Context(), 30); err != nil {
		b.Fatal(err)
	}
	get := func(ctx context.Context) {
		if _, err := age.Get(ctx); err != nil {
			b.Error(err)
		}
	}
	b.Run("callers=1", func(b *testing.B) {
		ctx := b.Context()
		b.ReportAllocs()
		for b.Loop() {
			get(ctx)
		}
	})
	b.Run("callers=cores", func(b *testing.B) {
		ctx := b.Context()
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				get(ctx)
			}
		})
	})
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
