package servertest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// Sentinel is a primary and its replica, watched by three Sentinels.
type Sentinel struct {
	// Addrs are those of the Sentinels, and Name is what they call the primary.
	Addrs []string
	Name  string
	// Nodes are the primary of the beginning and its replica.
	Nodes [2]*Node
}

// StartSentinel starts a primary with a replica, and three Sentinels that hand
// over within seconds when the primary fails.
func StartSentinel(t testing.TB, p Program) *Sentinel {
	t.Helper()
	s := &Sentinel{Name: "primary"}
	for i := range s.Nodes {
		s.Nodes[i] = start(t, p, "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
	}
	host, port, _ := net.SplitHostPort(s.Nodes[0].Addr)
	Do(t, s.Nodes[1].Addr, "REPLICAOF", host, port)
	await(t, s.Nodes[1].replicates)
	for range 3 {
		s.Addrs = append(s.Addrs, s.startSentinel(t, sentinels[p], host, port))
	}
	for _, addr := range s.Addrs {
		await(t, func() error { return knowsAll(addr, s.Name) })
	}
	return s
}

func knowsAll(addr, name string) error {
	reply, err := do(addr, "SENTINEL", "CKQUORUM", name)
	if err != nil {
		return err
	}
	for what, want := range map[string]int{"SENTINELS": 2, "REPLICAS": 1} {
		others, err := do(addr, "SENTINEL", what, name)
		if list, _ := others.([]any); err != nil || len(list) != want {
			return fmt.Errorf("%s knows %d %s of %d: %w", addr, len(list), what, want, errors.Join(err, fmt.Errorf("%v", reply)))
		}
	}
	return nil
}

// AwaitReplica waits until the replica has all that the primary has written.
func (s *Sentinel) AwaitReplica(t testing.TB) {
	t.Helper()
	for _, n := range s.Nodes {
		if !n.IsPrimary() {
			await(t, n.replicates)
		}
	}
}

// Failover has the Sentinels hand over, and waits until the replica of the
// beginning, or the primary if it was that already, is a primary.
func (s *Sentinel) Failover(t testing.TB) {
	t.Helper()
	next := s.Nodes[1]
	if next.IsPrimary() {
		next = s.Nodes[0]
	}
	await(t, func() error {
		_, err := do(s.Addrs[0], "SENTINEL", "FAILOVER", s.Name)
		return err
	})
	s.AwaitPrimary(t, next)
}

// AwaitPrimary waits until a node is a primary, and every Sentinel says so.
func (s *Sentinel) AwaitPrimary(t testing.TB, n *Node) {
	t.Helper()
	_, port, _ := net.SplitHostPort(n.Addr)
	for _, addr := range s.Addrs {
		await(t, func() error {
			reply, err := do(addr, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.Name)
			if at, _ := reply.([]any); err != nil || len(at) != 2 || at[1] != port || !n.IsPrimary() {
				return errors.Join(err, fmt.Errorf("%s says that the primary is at %v", addr, reply))
			}
			return nil
		})
	}
}

// startSentinel starts a Sentinel that watches the primary at host and port.
func (s *Sentinel) startSentinel(t testing.TB, p Program, host, port string) string {
	t.Helper()
	path := p.find(t)
	addr := freeAddr(t)
	_, own, _ := net.SplitHostPort(addr)
	n := &Node{Addr: addr, path: path, dir: t.TempDir()}
	config := filepath.Join(n.dir, "sentinel.conf")
	text := fmt.Sprintf(`bind 127.0.0.1
port %[1]s
dir %[2]s
sentinel monitor %[3]s %[4]s %[5]s 2
sentinel down-after-milliseconds %[3]s 1000
sentinel failover-timeout %[3]s 4000
`, own, n.dir, s.Name, host, port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatalf("servertest: %v", err)
	}
	n.args = []string{config}
	if err := n.launch(); err != nil {
		t.Fatalf("servertest: %v did not start: %v", p, err)
	}
	t.Cleanup(n.kill)
	return addr
}
