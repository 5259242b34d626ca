package servertest

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// doTimeout bounds a command sent by [Do].
const doTimeout = 10 * time.Second

// maxRedirects is how often [Do] follows a cluster from node to node.
const maxRedirects = 4

// Do sends one command to the server at addr, on a connection of its own, and
// returns its reply: a string, an int64, a []any, or nil. On a cluster it
// follows the command to the node that holds its key. An error reply fails the
// test.
func Do(t testing.TB, addr string, args ...string) any {
	t.Helper()
	reply, err := do(addr, args...)
	for range maxRedirects {
		moved, ok := movedTo(err)
		if !ok {
			break
		}
		reply, err = do(moved, args...)
	}
	if err != nil {
		t.Fatalf("servertest: %s: %v", strings.Join(args, " "), err)
	}
	return reply
}

// movedTo is the address in a reply like "MOVED 3999 127.0.0.1:6381".
func movedTo(err error) (addr string, ok bool) {
	var reply errorReply
	if !errors.As(err, &reply) {
		return "", false
	}
	words := strings.Fields(string(reply))
	if len(words) != 3 || words[0] != "MOVED" {
		return "", false
	}
	return words[2], true
}

func do(addr string, args ...string) (any, error) {
	conn, err := net.DialTimeout("tcp", addr, doTimeout)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(doTimeout)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(appendRequest(nil, args)); err != nil {
		return nil, err
	}
	reply, err := newWire(conn).read()
	if err != nil {
		return nil, err
	}
	if err, ok := reply.(errorReply); ok {
		return nil, err
	}
	return reply, nil
}

// Elapse waits until d has passed by the clock of the server at addr, and a
// millisecond more: a key lives to the end of its last millisecond.
func Elapse(t testing.TB, addr string, d time.Duration) {
	t.Helper()
	end := serverTime(t, addr).Add(d + time.Millisecond)
	for {
		left := end.Sub(serverTime(t, addr))
		if left <= 0 {
			return
		}
		time.Sleep(left)
	}
}

// serverTime is the server's own time, in microseconds.
func serverTime(t testing.TB, addr string) time.Time {
	t.Helper()
	var sec, usec int64
	reply := fmt.Sprint(Do(t, addr, "TIME"))
	if _, err := fmt.Sscanf(reply, "[%d %d]", &sec, &usec); err != nil {
		t.Fatalf("servertest: TIME answered %s: %v", reply, err)
	}
	return time.Unix(sec, usec*1000)
}

// Calls is how often the server at addr has carried out a command.
func Calls(t testing.TB, addr, command string) (calls int) {
	t.Helper()
	stats, _ := Do(t, addr, "INFO", "commandstats").(string)
	_, stat, found := strings.Cut(stats, "cmdstat_"+strings.ToLower(command)+":calls=")
	if !found {
		return 0
	}
	if _, err := fmt.Sscanf(stat, "%d", &calls); err != nil {
		t.Fatalf("servertest: INFO commandstats: %v", err)
	}
	return calls
}
