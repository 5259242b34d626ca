package walk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/clienttest"
	"github.com/redisimnest/rin/internal/servertest"
)

// onClusters runs f with both clients on clusters of both programs, whose
// primaries have replicas, filled with keys.
func onClusters(t *testing.T, f func(t *testing.T, c *servertest.Cluster, b backend.Backend)) {
	t.Helper()
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey} {
		for _, client := range clienttest.Clients {
			t.Run(program.String()+"/"+string(client), func(t *testing.T) {
				t.Parallel()
				c := servertest.StartReplicated(t, program)
				b := clienttest.Cluster(c).Open(t, client)
				fill(t, b)
				c.AwaitReplicas(t)
				f(t, c, b)
			})
		}
	}
}

// many is how many keys a cluster is filled with: enough for dozens of pages.
const (
	many     = 3000
	pageSize = 50
)

func fill(t *testing.T, b backend.Backend) {
	t.Helper()
	ops := make([]backend.Op, many)
	for i := range ops {
		ops[i] = &backend.Set{Key: fmt.Sprint("k:", i)}
	}
	if err := b.Exec(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
}

// walkAll walks all keys, and calls at behind each page.
func walkAll(ctx context.Context, b backend.Backend, at func(page int)) (seen int, err error) {
	keys, pages := map[string]bool{}, 0
	for page, err := range backend.ScanPages(ctx, b, "k:", pageSize) {
		if err != nil {
			return len(keys), err
		}
		for _, key := range page {
			keys[key] = true
		}
		pages++
		at(pages)
	}
	return len(keys), nil
}

func nothing(int) {}

// A walk during which a primary dies is whole, or it is an error; the next one,
// after the failover, is whole, although nobody told the client.
func TestCluster_failover(t *testing.T) {
	onClusters(t, func(t *testing.T, c *servertest.Cluster, b backend.Backend) {
		seen, err := walkAll(t.Context(), b, func(page int) {
			if page == 10 {
				c.Nodes[1].Kill(t)
			}
		})
		if err == nil && seen < many || err != nil && !strings.Contains(err.Error(), "not visited: slots") {
			t.Errorf("during the failover: %d keys of %d, %v", seen, many, err)
		}
		c.AwaitPrimary(t, c.Nodes[4])
		if seen, err := walkAll(t.Context(), b, nothing); err != nil || seen < many {
			t.Errorf("after the failover: %d keys of %d, %v", seen, many, err)
		}
		c.Nodes[1].Restart(t)
		c.AwaitReplicas(t)
		if seen, err := walkAll(t.Context(), b, nothing); err != nil || seen < many {
			t.Errorf("with the old primary back: %d keys of %d, %v", seen, many, err)
		}
	})
}

// A primary that hangs, is replaced, and comes back late is not believed.
func TestCluster_demotedPrimaryComesBack(t *testing.T) {
	onClusters(t, func(t *testing.T, c *servertest.Cluster, b backend.Backend) {
		c.Nodes[0].Stop(t)
		c.AwaitPrimary(t, c.Nodes[3])
		servertest.Do(t, c.Nodes[3].Addr, "SET", newKey, "")
		c.Nodes[0].Continue(t)
		if seen, err := walkAll(t.Context(), b, nothing); err != nil || seen < many+1 {
			t.Errorf("%d keys of %d, %v", seen, many+1, err)
		}
	})
}

// newKey is a key of the first shard that is not among the many.
var newKey = func() string {
	for i := many; ; i++ {
		if key := fmt.Sprint("k:", i); backend.Slot(key) <= 5000 {
			return key
		}
	}
}()

// Walks while slots move, also to a server that the client has never heard of.
func TestCluster_resharding(t *testing.T) {
	onClusters(t, func(t *testing.T, c *servertest.Cluster, b backend.Backend) {
		added := c.AddPrimary(t)
		var moving sync.WaitGroup
		moving.Go(func() {
			for slot := range 150 {
				c.MoveSlots(t, c.Nodes[0], added, slot)
				c.MoveSlots(t, c.Nodes[1], c.Nodes[2], 5461+slot)
			}
		})
		done := make(chan struct{})
		go func() { moving.Wait(); close(done) }()
		whole, failed := 0, 0
		for ended := false; !ended; {
			select {
			case <-done:
				ended = true
			default:
			}
			switch seen, err := walkAll(t.Context(), b, nothing); {
			case err == nil && seen < many:
				t.Errorf("a walk without an error lacks %d keys", many-seen)
			case err == nil:
				whole++
			default:
				failed++
				t.Log(err)
			}
		}
		t.Logf("%d walks were whole, %d failed", whole, failed)
		if whole == 0 {
			t.Error("no walk was whole")
		}
	})
}

// What nobody serves is named, and nothing is deleted on the way to find it out.
// What is served goes on.
func TestCluster_lostShard(t *testing.T) {
	onClusters(t, func(t *testing.T, c *servertest.Cluster, b backend.Backend) {
		c.Nodes[1].Kill(t)
		c.Nodes[4].Kill(t)
		seen, err := walkAll(t.Context(), b, nothing)
		if seen > 0 || err == nil || !strings.Contains(err.Error(), "not visited: slots 5461-10921") {
			t.Errorf("%d keys, %v; want none, and the slots that are lost", seen, err)
		}
		ops := make([]backend.Op, 60)
		for i := range ops {
			ops[i] = &backend.Set{Key: fmt.Sprint("k:", i), Value: []byte("new")}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_ = b.Exec(ctx, ops...) // each op has its error
		for _, op := range ops {
			slot, err := backend.Slot(backend.Key(op)), backend.Err(op)
			if lost := 5461 <= slot && slot <= 10921; lost != (err != nil) || errors.Is(err, backend.ErrUnknownOutcome) {
				t.Errorf("%s in slot %d: %v; lost is %t", backend.Key(op), slot, err, lost)
			}
		}
	})
}

// Behind Sentinel a walk stays with one server.
func TestServer_sentinelFailover(t *testing.T) {
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey} {
		for _, client := range clienttest.Clients {
			t.Run(program.String()+"/"+string(client), func(t *testing.T) {
				t.Parallel()
				s := servertest.StartSentinel(t, program)
				b := clienttest.Sentinel(s).Open(t, client)
				fill(t, b)
				s.AwaitReplica(t)
				seen, err := walkAll(t.Context(), b, func(page int) {
					if page == 5 {
						s.Failover(t)
					}
				})
				if err != nil || seen < many {
					t.Errorf("handed over: %d keys of %d, %v", seen, many, err)
				}
				seen, err = walkAll(t.Context(), b, func(page int) {
					if page == 5 {
						s.Nodes[1].Kill(t)
					}
				})
				if err == nil && seen < many {
					t.Errorf("the primary died: %d keys of %d without an error", seen, many)
				}
			})
		}
	}
}
