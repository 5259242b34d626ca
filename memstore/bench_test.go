package memstore_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

var (
	sizes = []int{1_000, 1_000_000}
	ttls  = []time.Duration{0, time.Hour}
)

// BenchmarkGet races the store against the map that is in it, read and copied by
// hand.
func BenchmarkGet(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("store=sync.Map/keys=%d/value=20", n), func(b *testing.B) {
			var m sync.Map
			keys := make([]string, n)
			for i := range keys {
				keys[i] = fmt.Sprintf("root:user:%d:name", i)
				m.Store(keys[i], make([]byte, 20))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				value, ok := m.Load(keys[i%1000])
				if !ok || len(bytes.Clone(value.([]byte))) != 20 {
					b.Fatal(value, ok)
				}
			}
		})
		for _, ttl := range ttls {
			b.Run(fmt.Sprintf("store=memstore/keys=%d/value=20/ttl=%v", n, ttl), func(b *testing.B) {
				store, keys := filled(b, n, ttl)
				get := newGetter(store)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if err := get(keys[i%1000]); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkGetParallel(b *testing.B) {
	store, keys := filled(b, 1000, 0)
	b.Run("keys=1000/value=20", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			get := newGetter(store)
			for i := 0; pb.Next(); i++ {
				if err := get(keys[i%1000]); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// newGetter is a Get that must find its key, by one op used again and again.
func newGetter(store *memstore.Store) func(key string) error {
	op, ctx := &backend.Get{}, context.Background()
	ops := []backend.Op{op}
	return func(key string) error {
		*op = backend.Get{Key: key}
		if err := store.Exec(ctx, ops...); err != nil {
			return err
		}
		if !op.Found {
			return fmt.Errorf("%s was not found", key)
		}
		return nil
	}
}

func BenchmarkSet(b *testing.B) {
	for _, n := range sizes {
		for _, ttl := range ttls {
			b.Run(fmt.Sprintf("keys=%d/value=20/ttl=%v", n, ttl), func(b *testing.B) {
				store, keys := filled(b, n, 0)
				op, value := &backend.Set{}, make([]byte, 20)
				ops, ctx := []backend.Op{op}, context.Background()
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					*op = backend.Set{Key: keys[i%1000], Value: value, TTL: ttl}
					if err := store.Exec(ctx, ops...); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkClear scans a subtree and deletes it, page by page: what clearing a
// scope does.
func BenchmarkClear(b *testing.B) {
	for _, n := range sizes {
		for _, subtree := range []int{100, 10_000} {
			b.Run(fmt.Sprintf("keys=%d/subtree=%d", n, subtree), func(b *testing.B) {
				store, _ := filled(b, n, 0)
				for b.Loop() {
					b.StopTimer()
					fill(b, store, "root:team:7:", subtree, 0)
					b.StartTimer()
					if got := clearKeys(b, store, "root:team:7:"); got != subtree {
						b.Fatalf("cleared %d keys, want %d", got, subtree)
					}
				}
			})
		}
	}
}

func BenchmarkScan(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("keys=%d/subtree=10000", n), func(b *testing.B) {
			store, _ := filled(b, n, 0)
			fill(b, store, "root:team:7:", 10_000, 0)
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range store.Scan(context.Background(), "root:team:7:") {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func filled(b *testing.B, n int, ttl time.Duration) (*memstore.Store, []string) {
	b.Helper()
	store := memstore.New()
	return store, fill(b, store, "root:user:", n, ttl)
}

// fill writes n values of 20 bytes and is their keys.
func fill(b *testing.B, store *memstore.Store, prefix string, n int, ttl time.Duration) []string {
	b.Helper()
	keys, value := make([]string, n), make([]byte, 20)
	for i := range keys {
		keys[i] = fmt.Sprintf("%s%d:name", prefix, i)
		if err := store.Exec(context.Background(), &backend.Set{Key: keys[i], Value: value, TTL: ttl}); err != nil {
			b.Fatal(err)
		}
	}
	return keys
}

func clearKeys(b *testing.B, store *memstore.Store, prefix string) (deleted int) {
	b.Helper()
	for page, err := range store.Scan(context.Background(), prefix) {
		if err != nil {
			b.Fatal(err)
		}
		ops := make([]backend.Op, len(page))
		for i, key := range page {
			ops[i] = &backend.Delete{Key: key}
		}
		if err := store.Exec(context.Background(), ops...); err != nil {
			b.Fatal(err)
		}
		deleted += len(page)
	}
	return deleted
}
