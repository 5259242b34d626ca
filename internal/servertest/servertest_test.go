package servertest_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redisimnest/rin/internal/servertest"
)

func TestStart(t *testing.T) {
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey} {
		t.Run(program.String(), func(t *testing.T) {
			var addr string
			t.Run("server", func(t *testing.T) {
				addr = servertest.Start(t, program)
				servertest.Do(t, addr, "RPUSH", "list", "a", "b")
				got := servertest.Do(t, addr, "LRANGE", "list", "0", "-1")
				if want := []any{"a", "b"}; !reflect.DeepEqual(got, want) {
					t.Errorf("LRANGE = %v, want %v", got, want)
				}
				if got := servertest.Do(t, addr, "GET", "absent"); got != nil {
					t.Errorf("GET = %v, want nil", got)
				}
			})
			if _, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("after the test, Dial = %v, want a refused connection", err)
			}
		})
	}
}

// recorder is a test that says how it ended.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Skip(args ...any)  { r.end("skip", args) }
func (r *recorder) Fatal(args ...any) { r.end("fatal", args) }

func (r *recorder) end(how string, args []any) {
	r.ended = how + ": " + fmt.Sprint(args...)
	runtime.Goexit()
}

func TestStart_missingProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, row := range []struct{ setting, want string }{
		{"", "skip: servertest: redis-server is not on PATH; install the Debian package redis-server"},
		{"required", "fatal: servertest: redis-server is not on PATH; install the Debian package redis-server"},
	} {
		t.Setenv(servertest.RequiredEnv, row.setting)
		r := &recorder{TB: t}
		var test sync.WaitGroup
		test.Go(func() { servertest.Start(r, servertest.Redis) })
		test.Wait()
		if r.ended != row.want {
			t.Errorf("with %s=%q: %q, want %q", servertest.RequiredEnv, row.setting, r.ended, row.want)
		}
	}
}

func TestStartCluster(t *testing.T) {
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey} {
		t.Run(program.String(), func(t *testing.T) {
			addrs := servertest.StartCluster(t, program)
			for _, key := range []string{"a", "b", "c", "d"} {
				for _, addr := range addrs {
					servertest.Do(t, addr, "SET", key, "v")
				}
			}
			var keys int64
			for _, addr := range addrs {
				keys += servertest.Do(t, addr, "DBSIZE").(int64)
			}
			if keys != 4 {
				t.Errorf("the nodes hold %d keys, want 4", keys)
			}
		})
	}
}

func TestElapse(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	servertest.Do(t, addr, "SET", "key", "v", "PX", "20")
	servertest.Elapse(t, addr, 20*time.Millisecond)
	if got := servertest.Do(t, addr, "GET", "key"); got != nil {
		t.Errorf("GET = %v after the key's TTL, want nil", got)
	}
}

func TestProxySwallow(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	proxy := servertest.NewProxy(t, addr)
	proxy.Swallow("incr")

	got, err := exchange(t, proxy.Addr(), "HELLO 3\r\nSET n 1\r\nINCR n\r\nINCR n\r\n")
	if err != nil {
		t.Errorf("reading ended with %v, want a closed connection", err)
	}
	if !strings.HasPrefix(got, "%") || !strings.HasSuffix(got, "+OK\r\n") {
		t.Errorf("replies = %q, want those of HELLO and SET", got)
	}
	if n := proxy.Count("INCR"); n != 1 {
		t.Errorf("%d INCR were forwarded, want 1", n)
	}
	if n := servertest.Do(t, proxy.Addr(), "INCR", "n"); n != int64(3) {
		t.Errorf("the second INCR = %v, want 3: the first one was carried out", n)
	}
}

func TestProxyStall(t *testing.T) {
	proxy := servertest.NewProxy(t, servertest.Start(t, servertest.Redis))
	conn := dial(t, proxy.Addr())
	proxy.Stall()
	write(t, conn, "PING\r\n")
	conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 8)); err == nil {
		t.Errorf("read %d bytes through a stalled proxy", n)
	}
	proxy.Resume()
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	reply := make([]byte, len("+PONG\r\n"))
	if _, err := io.ReadFull(conn, reply); err != nil || string(reply) != "+PONG\r\n" {
		t.Errorf("after Resume, read %q, %v", reply, err)
	}
}

func TestProxyVanish(t *testing.T) {
	proxy := servertest.NewProxy(t, servertest.Start(t, servertest.Redis))
	conn := dial(t, proxy.Addr())
	write(t, conn, "PING\r\n")
	if _, err := conn.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	proxy.Vanish()
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Read(make([]byte, 8)); err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("Read = %v, want a connection closed by the proxy", err)
	}
	if _, err := net.Dial("tcp", proxy.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial = %v, want a refused connection", err)
	}
}

// exchange sends requests at once and reads until the connection is closed.
func exchange(t *testing.T, addr, requests string) (string, error) {
	t.Helper()
	conn := dial(t, addr)
	write(t, conn, requests)
	replies, err := io.ReadAll(conn)
	return string(replies), err
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// write sends requests, one a line, together.
func write(t *testing.T, conn net.Conn, requests string) {
	t.Helper()
	var message strings.Builder
	for line := range strings.Lines(requests) {
		words := strings.Fields(line)
		fmt.Fprintf(&message, "*%d\r\n", len(words))
		for _, word := range words {
			fmt.Fprintf(&message, "$%d\r\n%s\r\n", len(word), word)
		}
	}
	if _, err := io.WriteString(conn, message.String()); err != nil {
		t.Fatal(err)
	}
}
