package servertest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Node is a server process that a test can do harm to.
type Node struct {
	Addr string

	path   string
	args   []string
	dir    string
	cmd    *exec.Cmd
	exited chan struct{}
}

// launch runs the process and waits until it answers.
func (n *Node) launch() error {
	log, err := os.Create(filepath.Join(n.dir, "server.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	n.cmd = exec.Command(n.path, n.args...)
	n.cmd.Stdout, n.cmd.Stderr = log, log
	if err := n.cmd.Start(); err != nil {
		return err
	}
	cmd, exited := n.cmd, make(chan struct{})
	n.exited = exited
	go func() {
		defer close(exited)
		cmd.Wait() // Killed in the end, so its error says nothing.
	}()
	if err := awaitPing(n.Addr, n.cmd.Process.Pid, exited); err != nil {
		n.kill()
		return fmt.Errorf("%w; its log:\n%s", err, readLog(log.Name()))
	}
	return nil
}

func (n *Node) kill() {
	n.cmd.Process.Kill()
	<-n.exited
}

// Kill ends the process at once, and its connections with it.
func (n *Node) Kill(t testing.TB) {
	t.Helper()
	n.kill()
}

// Restart starts a process that was killed anew, at the same address, without its
// data, but with what it knows of its cluster.
func (n *Node) Restart(t testing.TB) {
	t.Helper()
	if err := n.launch(); err != nil {
		t.Fatalf("servertest: restarting %s: %v", n.Addr, err)
	}
}

// Stop holds the process: its connections stay, and nothing answers.
func (n *Node) Stop(t testing.TB) { n.signal(t, syscall.SIGSTOP) }

// Continue lets a stopped process go on where it was.
func (n *Node) Continue(t testing.TB) { n.signal(t, syscall.SIGCONT) }

func (n *Node) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		t.Fatalf("servertest: %v to %s: %v", s, n.Addr, err)
	}
}

// IsPrimary says that the server takes itself for a primary.
func (n *Node) IsPrimary() bool {
	reply, err := do(n.Addr, "ROLE")
	role, _ := reply.([]any)
	return err == nil && len(role) > 0 && role[0] == "master"
}

// replicates is an error unless the server is a replica that has all that its
// primary has written.
func (n *Node) replicates() error {
	own, err := n.replication()
	if err != nil {
		return err
	}
	if own["role"] != "slave" || own["master_link_status"] != "up" {
		return fmt.Errorf("%s is %s, its link to its primary %s", n.Addr, own["role"], own["master_link_status"])
	}
	primary := &Node{Addr: net.JoinHostPort(own["master_host"], own["master_port"])}
	theirs, err := primary.replication()
	if err == nil && own["slave_repl_offset"] != theirs["master_repl_offset"] {
		err = fmt.Errorf("%s is at %s, its primary at %s", n.Addr, own["slave_repl_offset"], theirs["master_repl_offset"])
	}
	return err
}

// replication is what INFO says of it.
func (n *Node) replication() (map[string]string, error) {
	reply, err := do(n.Addr, "INFO", "replication")
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(fmt.Sprint(reply)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = value
	}
	return fields, nil
}
