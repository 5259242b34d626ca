// Package servertest starts real Redis and Valkey servers for tests, talks to
// them past any client, and puts a faulty network in front of them.
package servertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Program is a server program that tests can start.
type Program struct {
	command string
	install string
}

// The programs that [Start] and [StartCluster] know.
var (
	Redis  = Program{"redis-server", "the Debian package redis-server"}
	Valkey = Program{"valkey-server", "the Debian package valkey-server (in Debian 12 from its backports)"}

	// The versions in which fields of hashes can expire.
	Redis8  = Program{"redis-server-8", "Redis 8 under this name, as .ci/run does"}
	Valkey9 = Program{"valkey-server-9", "Valkey 9 under this name, as .ci/run does"}
)

// sentinels are the programs of the Sentinels that watch over each.
var sentinels = map[Program]Program{
	Redis:  {"redis-sentinel", "the Debian package redis-sentinel"},
	Valkey: {"valkey-sentinel", "the Debian package valkey-sentinel (in Debian 12 from its backports)"},
}

// KnowsCommand says that the server at addr has the command.
func KnowsCommand(t testing.TB, addr, name string) bool {
	t.Helper()
	info, _ := Do(t, addr, "COMMAND", "INFO", name).([]any)
	return len(info) == 1 && info[0] != nil
}

// String is the program's name: "redis-server".
func (p Program) String() string { return p.command }

// RequiredEnv is the environment variable which, set to "required", makes a
// test fail whose server program is missing. Otherwise the test is skipped.
const RequiredEnv = "RIN_SERVERS"

const (
	// startTries is how often a start is tried, since another process may take
	// the free port before the server does.
	startTries = 5
	// firstPort is the lowest port of a server.
	firstPort = 10_000
	// busOffset is how far above its port a node of a cluster has its bus.
	busOffset = 10_000
	// startTimeout bounds a single start, and the joining of a cluster.
	startTimeout = 20 * time.Second
	// pollInterval is the pause between two looks at a server.
	pollInterval = 5 * time.Millisecond
)

// Start starts the program on a free loopback port, without persistence, waits
// until it answers, and returns its address. The server is stopped when the
// test and its subtests have ended.
//
// Settings are those of the server's command line, such as "--maxmemory", "1mb".
func Start(t testing.TB, p Program, settings ...string) string {
	t.Helper()
	return start(t, p, settings...).Addr
}

func start(t testing.TB, p Program, settings ...string) *Node {
	t.Helper()
	path := p.find(t)
	var failures []error
	for range startTries {
		addr := freeAddr(t)
		_, port, _ := net.SplitHostPort(addr)
		n := &Node{Addr: addr, path: path, dir: t.TempDir()}
		n.args = append([]string{
			"--bind", "127.0.0.1", "--port", port, "--dir", n.dir,
			"--save", "", "--appendonly", "no",
		}, settings...)
		err := n.launch()
		if err == nil {
			t.Cleanup(n.kill)
			return n
		}
		failures = append(failures, err)
	}
	t.Fatalf("servertest: %v did not start: %v", p, errors.Join(failures...))
	return nil
}

// find is the program's path; without one the test ends here.
func (p Program) find(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath(p.command)
	if err == nil {
		return path
	}
	missing := fmt.Sprintf("servertest: %s is not on PATH; install %s", p.command, p.install)
	if os.Getenv(RequiredEnv) == "required" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// awaitPing waits until the process with this pid, and not another one that
// took its port, answers on addr.
func awaitPing(addr string, pid int, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	ours := fmt.Sprintf("process_id:%d\r\n", pid)
	return poll(ctx, exited, func() error {
		if _, err := do(addr, "PING"); err != nil {
			return err
		}
		info, err := do(addr, "INFO", "server")
		if err != nil {
			return err
		}
		if text, _ := info.(string); !strings.Contains(text, ours) {
			return fmt.Errorf("another server answers on %s", addr)
		}
		return nil
	})
}

// poll calls try until it succeeds, the context ends or abort is closed, and
// then returns try's last error.
func poll(ctx context.Context, abort <-chan struct{}, try func() error) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-abort:
			return fmt.Errorf("the server exited: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready in %v: %w", startTimeout, err)
		}
	}
}

// freeAddr is a loopback address that nobody listens on at this moment, with one
// for the bus of a cluster [busOffset] above it. Both lie below the ports that
// systems give to outgoing connections and to listeners that name none, so that
// only another test's server could take one before this server does, or while
// it is down.
func freeAddr(t testing.TB) string {
	t.Helper()
	var failures []error
	for range startTries {
		port := firstPort + rand.IntN(busOffset)
		err := errors.Join(listens(port), listens(port+busOffset))
		if err == nil {
			return loopback(port)
		}
		failures = append(failures, err)
	}
	t.Fatalf("servertest: no free port: %v", errors.Join(failures...))
	return ""
}

// listens says why nobody can listen on the port.
func listens(port int) error {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return err
	}
	return l.Close()
}

func loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

func readLog(path string) string {
	log, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(log)
}
