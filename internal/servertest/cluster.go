package servertest

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
)

// Slots is the number of hash slots of every cluster. [StartCluster] gives node
// i of n those from Slots*i/n to Slots*(i+1)/n-1.
const Slots = 16384

// primaries is how many nodes [StartCluster] starts.
const primaries = 3

// StartCluster starts a cluster of three primaries without replicas, as [Start]
// does, waits until each of them sees the whole cluster, and returns their
// addresses.
func StartCluster(t testing.TB, p Program) []string {
	t.Helper()
	addrs := make([]string, primaries)
	for i := range addrs {
		addrs[i] = startNode(t, p, "--cluster-node-timeout", "5000").Addr
	}
	join(t, addrs, addrs)
	for _, addr := range addrs {
		awaitCluster(t, addr, "cluster_known_nodes:3")
	}
	return addrs
}

// join gives the primaries all slots, and has all nodes meet.
func join(t testing.TB, primaries, all []string) {
	t.Helper()
	for i, addr := range primaries {
		first, end := Slots*i/len(primaries), Slots*(i+1)/len(primaries)
		Do(t, addr, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(end-1))
		Do(t, addr, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
	}
	for _, addr := range all[1:] {
		meet(t, all[0], addr)
	}
}

// startNode starts a node of a cluster that has no other yet.
func startNode(t testing.TB, p Program, settings ...string) *Node {
	t.Helper()
	return start(t, p, append([]string{
		"--cluster-enabled", "yes",
		"--cluster-config-file", "nodes.conf",
	}, settings...)...)
}

// meet introduces the node at other to the one at addr.
func meet(t testing.TB, addr, other string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(other)
	Do(t, addr, "CLUSTER", "MEET", host, port)
}

func awaitCluster(t testing.TB, addr string, wants ...string) {
	t.Helper()
	await(t, func() error {
		info, err := do(addr, "CLUSTER", "INFO")
		if err != nil {
			return err
		}
		text, _ := info.(string)
		for _, want := range append(wants, "cluster_state:ok") {
			if !strings.Contains(text, want+"\r\n") {
				return fmt.Errorf("no %s in:\n%s", want, text)
			}
		}
		return nil
	})
}

// await waits until try succeeds.
func await(t testing.TB, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := poll(ctx, nil, try); err != nil {
		t.Fatalf("servertest: %v", err)
	}
}

// MoveSlot gives a slot that holds no keys to the node at to, which no client is
// told: the node at from answers MOVED. It moves slots only to a node that comes
// later in the cluster, whose word then counts for more with the other nodes.
func MoveSlot(t testing.TB, slot int, from, to string) {
	t.Helper()
	id := fmt.Sprint(Do(t, to, "CLUSTER", "MYID"))
	for _, addr := range []string{to, from} {
		Do(t, addr, "CLUSTER", "SETSLOT", strconv.Itoa(slot), "NODE", id)
	}
}

// MigrateSlot begins to move a slot to the node at to: for keys that it does not
// hold, the node at from answers ASK.
func MigrateSlot(t testing.TB, slot int, from, to string) {
	t.Helper()
	source, target := fmt.Sprint(Do(t, from, "CLUSTER", "MYID")), fmt.Sprint(Do(t, to, "CLUSTER", "MYID"))
	Do(t, to, "CLUSTER", "SETSLOT", strconv.Itoa(slot), "IMPORTING", source)
	Do(t, from, "CLUSTER", "SETSLOT", strconv.Itoa(slot), "MIGRATING", target)
}
