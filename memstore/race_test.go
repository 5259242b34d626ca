package memstore_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// TestStore_race has ops of every kind and scans meet on a few keys, some of
// which expire meanwhile. Every writer writes the key's own name, so a reader
// can tell a torn or a strange value.
func TestStore_race(t *testing.T) {
	store := memstore.New()
	var wg sync.WaitGroup
	for seed := range uint64(8) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 0))
			for range 2000 {
				step(t, store, r)
			}
		})
	}
	wg.Wait()
	checkOrder(t, store)
}

func step(t *testing.T, store *memstore.Store, r *rand.Rand) {
	key := fmt.Sprintf("user:%d", r.IntN(20))
	ttl := time.Duration(1+r.IntN(3)) * time.Millisecond
	get, take := &backend.Get{Key: key}, &backend.Take{Key: key}
	ops := []backend.Op{
		get, take,
		&backend.Get{Key: key, TTL: ttl},
		&backend.Set{Key: key, Value: []byte(key)},
		&backend.Set{Key: key, Value: []byte(key), TTL: ttl, KeepTTL: true, Cond: backend.IfAbsent},
		&backend.Delete{Key: key},
		&backend.Exists{Key: key},
		&backend.TTL{Key: key},
		&backend.Expire{Key: key, TTL: ttl},
		&backend.Persist{Key: key},
		&backend.ExpireTime{Key: key},
		&backend.MemoryUsage{Key: key},
		&backend.CompareAndSwap{Key: key, Absent: true, Value: []byte(key), TTL: ttl},
		&backend.CompareAndDelete{Key: key, Old: []byte(key)},
		&backend.Claim{Key: key, Leases: "leases", Token: []byte("token"), TTL: time.Hour},
		&backend.Fill{Key: key, Value: []byte(key), Leases: "leases", Token: []byte("token")},
	}
	r.Shuffle(len(ops), func(i, j int) { ops[i], ops[j] = ops[j], ops[i] })
	run := store.Exec
	if r.IntN(4) == 0 {
		run = store.Transact
	}
	if err := run(t.Context(), ops[:3]...); err != nil {
		t.Errorf("Exec or Transact: %v", err)
	}
	if get.Found && string(get.Value) != key || take.Found && string(take.Value) != key {
		t.Errorf("%s holds %q, and %q was taken", key, get.Value, take.Value)
	}
	if r.IntN(20) == 0 {
		checkOrder(t, store)
	}
}

// checkOrder checks that a scan yields each key once, in order, whatever others
// do.
func checkOrder(t *testing.T, store *memstore.Store) {
	last := ""
	for page, err := range store.ScanPages(t.Context(), "user:", 3) {
		if err != nil {
			t.Errorf("Scan: %v", err)
		}
		for _, key := range page {
			if key <= last {
				t.Errorf("Scan yields %q after %q", key, last)
			}
			last = key
		}
	}
}
