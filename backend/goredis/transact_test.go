package goredis_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/servertest"
)

// Transactions and plain commands that meet on one connection keep apart.
func TestTransact_onOneConnection(t *testing.T) {
	b := goredis.New(newClient(t, &redis.Options{
		Addr: servertest.Start(t, servertest.Redis), PoolSize: 1, PipelinePoolSize: 1, ContextTimeoutEnabled: true,
	}))
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 50 {
				hammer(t, b, fmt.Sprintf("%d-%d", i, j), i%2 == 0)
			}
		})
	}
	wg.Wait()
}

// hammer writes two keys and reads them back, as a transaction on keys that all
// share or as a batch on keys of its own.
func hammer(t *testing.T, b *goredis.Backend, value string, shared bool) {
	a, z, run := value+"a", value+"z", b.Exec
	if shared {
		a, z, run = "a", "z", b.Transact
	}
	one, two := &backend.Get{Key: a}, &backend.Get{Key: z}
	err := run(t.Context(), &backend.Set{Key: a, Value: []byte(value)}, one, &backend.Set{Key: z, Value: []byte(value)}, two)
	if err != nil || string(one.Value) != value || string(two.Value) != value {
		t.Errorf("wrote %s twice, read %q and %q, %v", value, one.Value, two.Value, err)
	}
}

// A slot that has moved, or is moving, takes the whole transaction with it.
func TestTransact_movingSlot(t *testing.T) {
	for name, move := range map[string]func(t testing.TB, slot int, from, to string){
		"MOVED": servertest.MoveSlot, "ASK": servertest.MigrateSlot,
	} {
		t.Run(name, func(t *testing.T) {
			addrs := servertest.StartCluster(t, servertest.Redis)
			b := goredis.New(newCluster(t, &redis.ClusterOptions{Addrs: addrs}))
			must(t, b.Transact(t.Context(), &backend.Get{Key: key1})) // The first one asks more.
			move(t, backend.Slot(key1), addrs[0], addrs[1])

			swap, get := &backend.CompareAndSwap{Key: key1, Absent: true, Value: []byte("v")}, &backend.Get{Key: key1}
			if err := b.Transact(t.Context(), swap, get); err != nil || !swap.Applied || string(get.Value) != "v" {
				t.Errorf("Transact = %v: applied %t, then %q", err, swap.Applied, get.Value)
			}
			if calls := servertest.Calls(t, addrs[1], "EXEC"); calls != 1 {
				t.Errorf("the node that has the slot now carried out %d transactions, want 1", calls)
			}
		})
	}
}

// What the server refuses before EXEC keeps the others from running, and they
// say why.
func TestTransact_refusedOp(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	servertest.Do(t, addr, "ACL", "SETUSER", "default", "-getdel")
	b := goredis.New(newClient(t, &redis.Options{Addr: addr}))
	set, take := &backend.Set{Key: "k"}, &backend.Take{Key: "k"}
	err := b.Transact(t.Context(), set, take)
	for _, err := range []error{err, set.Err, take.Err} {
		if !mentions(err, "NOPERM") || !mentions(err, "'getdel'") || errors.Is(err, backend.ErrUnknownOutcome) {
			t.Errorf("an error of the transaction is %v, want NOPERM for GETDEL and no doubt", err)
		}
	}
	if got := servertest.Do(t, addr, "EXISTS", "k"); got != int64(0) {
		t.Errorf("EXISTS = %v, want 0", got)
	}
}
