package loadtest

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/clienttest"
	"github.com/redisimnest/rin/internal/servertest"
)

// loadTime is how long the callers act at least.
const loadTime = 30 * time.Second

// TestMain has all programs and clients under load at a time: they wait more than
// they work.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// onClusters runs f with both clients on clusters of both programs, all at a time.
func onClusters(t *testing.T, f func(t *testing.T, c *servertest.Cluster, b backend.Backend)) {
	onPrograms(t, func(t *testing.T, p servertest.Program, client clienttest.Client) {
		c := servertest.StartReplicated(t, p)
		f(t, c, clienttest.Cluster(c).Open(t, client))
	})
}

func onPrograms(t *testing.T, f func(t *testing.T, p servertest.Program, client clienttest.Client)) {
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey} {
		for _, client := range clienttest.Clients {
			t.Run(program.String()+"/"+string(client), func(t *testing.T) {
				t.Parallel()
				f(t, program, client)
			})
		}
	}
}

// under puts the load on while faults does its harm.
func (w *world) under(t *testing.T, faults func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	start := time.Now()
	go func() {
		defer close(done)
		w.load(t, stop)
	}()
	faults()
	time.Sleep(loadTime - time.Since(start))
	close(stop)
	<-done
}

// calm is between faults: callers are to meet a whole cluster too.
const calm = 3 * time.Second

// One primary is killed, and comes back as a replica. Another is held, so that it
// comes back late and takes itself for a primary still.
func TestFailover_cluster(t *testing.T) {
	onClusters(t, func(t *testing.T, c *servertest.Cluster, b backend.Backend) {
		w := newWorld(t, b)
		w.under(t, func() {
			time.Sleep(calm)
			w.endanger(func() { c.AwaitReplicas(t) }, 0)
			time.Sleep(calm / 10)
			c.Nodes[0].Kill(t)
			c.AwaitPrimary(t, c.Nodes[3])
			w.reassure()
			time.Sleep(calm)
			c.Nodes[0].Restart(t)
			c.AwaitReplicas(t)

			w.endanger(func() { c.AwaitReplicas(t) }, 1)
			time.Sleep(calm / 10)
			c.Nodes[1].Stop(t)
			c.AwaitPrimary(t, c.Nodes[4])
			time.Sleep(calm)
			c.Nodes[1].Continue(t)
			c.AwaitReplicas(t)
			w.reassure()
		})
		c.AwaitReplicas(t)
		w.check(t)
	})
}

// The primary behind the Sentinels is killed.
func TestFailover_sentinel(t *testing.T) {
	onPrograms(t, func(t *testing.T, p servertest.Program, client clienttest.Client) {
		s := servertest.StartSentinel(t, p)
		w := newWorld(t, clienttest.Sentinel(s).Open(t, client))
		w.under(t, func() {
			time.Sleep(calm)
			w.endanger(func() { s.AwaitReplica(t) }, 0, 1, 2)
			time.Sleep(calm / 10)
			s.Nodes[0].Kill(t)
			s.AwaitPrimary(t, s.Nodes[1])
			w.reassure()
		})
		w.check(t)
	})
}

// Slots move, a primary comes and takes some, and goes again. Nothing is lost.
func TestResharding(t *testing.T) {
	const moves = 60
	onClusters(t, func(t *testing.T, c *servertest.Cluster, b backend.Backend) {
		w := newWorld(t, b)
		w.under(t, func() {
			added := c.AddPrimary(t)
			for slot := range moves {
				c.MoveSlots(t, c.Nodes[0], added, slot)
				c.MoveSlots(t, c.Nodes[1], c.Nodes[2], 5461+slot)
			}
			for slot := range moves {
				c.MoveSlots(t, added, c.Nodes[1], slot)
			}
			c.Remove(t, added)
		})
		w.check(t)
	})
}

// A cluster that has lost a shard says so of all that lies there, serves the rest,
// and walks and clears nothing rather than a part.
func TestLostShard(t *testing.T) {
	const lost = 1
	onClusters(t, func(t *testing.T, c *servertest.Cluster, b backend.Backend) {
		w := newWorld(t, b)
		c.Nodes[lost].Kill(t)
		c.Nodes[lost+shards].Kill(t)
		all := fixeds.At(w.root)
		within := func(d time.Duration) context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			t.Cleanup(cancel)
			return ctx
		}
		batch := w.root.Batch()
		gets := map[string]*rin.Future[int]{}
		for n := range 6 {
			e := fixed.At(all, n)
			gets[e.Key()] = e.In(batch).Get()
			isLost := shardOf(e.Key()) == lost
			operations := map[string]func() error{
				"get": func() error { _, err := e.Get(within(opTime)); return err },
				"set": func() error { return e.Set(within(opTime), n) },
				"fetch": func() error {
					_, err := e.Fetch(within(opTime), func(context.Context) (int, error) { return -1, nil })
					return err
				},
			}
			for name, operation := range operations {
				if err := operation(); (err != nil) != isLost {
					t.Errorf("%s %s: %v; its shard is lost: %t", name, e.Key(), err, isLost)
				}
			}
		}
		batch.Run(within(opTime))
		for key, get := range gets {
			if _, err := get.Result(); (err != nil) != (shardOf(key) == lost) {
				t.Errorf("%s in a batch: %v; its shard is lost: %t", key, err, shardOf(key) == lost)
			}
		}
		for name, walk := range map[string]func() (int64, error){
			"count":      func() (int64, error) { return all.Count(within(4 * walkTime)) },
			"clear":      func() (int64, error) { return w.root.Clear(within(4 * walkTime)) },
			"clear, dry": func() (int64, error) { return all.Clear(within(4*walkTime), rin.DryRun()) },
		} {
			if n, err := walk(); n != 0 || err == nil || !strings.Contains(err.Error(), "not visited: slots 5461-10921") {
				t.Errorf("%s: %d, %v; want nothing done, and the slots that are lost", name, n, err)
			}
		}
	})
}
