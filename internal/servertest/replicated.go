package servertest

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"testing"
)

// Cluster is a cluster in which each primary has a replica.
type Cluster struct {
	// Nodes are the primaries of the beginning, and then their replicas in the
	// same order. Primaries and replicas change places when they fail.
	Nodes   []*Node
	program Program
}

// failing are the settings of nodes that soon notice a failure, go on serving the
// slots that are left, and stay what they are when they have none.
var failing = []string{
	"--cluster-node-timeout", "1500",
	"--cluster-require-full-coverage", "no",
	"--cluster-replica-validity-factor", "0",
	"--cluster-migration-barrier", "100",
	"--cluster-allow-replica-migration", "no",
	"--repl-diskless-sync-delay", "0",
	"--repl-ping-replica-period", "1",
}

// StartReplicated starts a cluster of three primaries with a replica each, as
// [Start] does, and waits until every replica has its primary's keys.
func StartReplicated(t testing.TB, p Program) *Cluster {
	t.Helper()
	c := &Cluster{program: p}
	for range 2 * primaries {
		c.Nodes = append(c.Nodes, startNode(t, p, failing...))
	}
	addrs := c.Addrs()
	join(t, addrs[:primaries], addrs)
	for _, addr := range addrs {
		awaitCluster(t, addr, fmt.Sprint("cluster_known_nodes:", len(addrs)))
	}
	for i, replica := range c.Nodes[primaries:] {
		c.replicate(t, replica, c.Nodes[i])
		await(t, replica.replicates)
	}
	return c
}

// replicate makes a node the replica of a primary, once it knows of that.
func (c *Cluster) replicate(t testing.TB, replica, primary *Node) {
	t.Helper()
	id := fmt.Sprint(Do(t, primary.Addr, "CLUSTER", "MYID"))
	await(t, func() error {
		_, err := do(replica.Addr, "CLUSTER", "REPLICATE", id)
		return err
	})
}

// Addrs are the addresses of all nodes.
func (c *Cluster) Addrs() []string { return Addrs(c.Nodes) }

// Addrs are the addresses of nodes.
func Addrs(nodes []*Node) (addrs []string) {
	for _, n := range nodes {
		addrs = append(addrs, n.Addr)
	}
	return addrs
}

// Primaries are the nodes that are primaries now.
func (c *Cluster) Primaries() []*Node {
	return slices.DeleteFunc(slices.Clone(c.Nodes), func(n *Node) bool { return !n.IsPrimary() })
}

// AwaitReplicas waits until every node that lives, and is no primary, has all that
// its primary has written.
func (c *Cluster) AwaitReplicas(t testing.TB) {
	t.Helper()
	for _, n := range c.Nodes {
		await(t, func() error {
			if _, err := do(n.Addr, "PING"); err != nil || n.IsPrimary() {
				return nil
			}
			return n.replicates()
		})
	}
}

// AwaitPrimary waits until a node is a primary, and the others say so too.
func (c *Cluster) AwaitPrimary(t testing.TB, n *Node) {
	t.Helper()
	await(t, func() error {
		if !n.IsPrimary() {
			return fmt.Errorf("%s is no primary", n.Addr)
		}
		return nil
	})
	awaitCluster(t, n.Addr)
}

// Failover hands a shard from its primary to its replica, which it waits for.
func (c *Cluster) Failover(t testing.TB, replica *Node) {
	t.Helper()
	Do(t, replica.Addr, "CLUSTER", "FAILOVER")
	c.AwaitPrimary(t, replica)
}

// AddPrimary starts a node without slots and joins it to the cluster.
func (c *Cluster) AddPrimary(t testing.TB) *Node {
	t.Helper()
	n := startNode(t, c.program, failing...)
	meet(t, c.Nodes[0].Addr, n.Addr)
	c.Nodes = append(c.Nodes, n)
	for _, node := range c.Nodes {
		awaitCluster(t, node.Addr, fmt.Sprint("cluster_known_nodes:", len(c.Nodes)))
	}
	return n
}

// Remove takes a node that has no slots any more out of the cluster, and stops it.
func (c *Cluster) Remove(t testing.TB, n *Node) {
	t.Helper()
	id := fmt.Sprint(Do(t, n.Addr, "CLUSTER", "MYID"))
	c.Nodes = slices.DeleteFunc(slices.Clone(c.Nodes), func(other *Node) bool { return other == n })
	for _, other := range c.Nodes {
		Do(t, other.Addr, "CLUSTER", "FORGET", id)
	}
	n.Kill(t)
}

// MoveSlots moves slots with their keys, one after the other, while both nodes
// serve.
func (c *Cluster) MoveSlots(t testing.TB, from, to *Node, slots ...int) {
	t.Helper()
	target := fmt.Sprint(Do(t, to.Addr, "CLUSTER", "MYID"))
	for _, slot := range slots {
		MigrateSlot(t, slot, from.Addr, to.Addr)
		moveKeys(t, slot, from, to)
		text := strconv.Itoa(slot)
		Do(t, to.Addr, "CLUSTER", "SETSLOT", text, "NODE", target)
		Do(t, from.Addr, "CLUSTER", "SETSLOT", text, "NODE", target)
		for _, n := range c.Primaries() {
			if n != from && n != to {
				Do(t, n.Addr, "CLUSTER", "SETSLOT", text, "NODE", target)
			}
		}
	}
}

// moveKeys moves the keys of a slot that is being migrated.
func moveKeys(t testing.TB, slot int, from, to *Node) {
	t.Helper()
	host, port, _ := net.SplitHostPort(to.Addr)
	for {
		keys, _ := Do(t, from.Addr, "CLUSTER", "GETKEYSINSLOT", strconv.Itoa(slot), "100").([]any)
		if len(keys) == 0 {
			return
		}
		args := []string{"MIGRATE", host, port, "", "0", "5000", "KEYS"}
		for _, key := range keys {
			args = append(args, fmt.Sprint(key))
		}
		Do(t, from.Addr, args...)
	}
}
