package backend_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"
	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/backendtest"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/internal/clienttest"
	"github.com/redisimnest/rin/internal/servertest"
)

// store is what both adapters are.
type store = clienttest.Backend

// onAdapters runs f with both clients of the server at addr, which try again for a
// short time.
func onAdapters(t *testing.T, addr string, f func(t *testing.T, b store)) {
	t.Helper()
	on := clienttest.Server(addr)
	on.Valkey.ForceSingleClient, on.Valkey.DisableCache = true, true
	for _, client := range clienttest.Clients {
		t.Run(string(client), func(t *testing.T) { f(t, on.Open(t, client, valkeygo.RetryFor(100*time.Millisecond))) })
	}
}

// onPrograms runs f with both clients on both programs.
func onPrograms(t *testing.T, f func(t *testing.T, addr string, b store), flags ...string) {
	t.Helper()
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey} {
		t.Run(program.String(), func(t *testing.T) {
			addr := servertest.Start(t, program, flags...)
			onAdapters(t, addr, func(t *testing.T, b store) { f(t, addr, b) })
		})
	}
}

// What the server takes no transaction for is refused whole: nothing is done, and
// the connections are good for what comes then.
func TestTransact_refused(t *testing.T) {
	for _, tc := range []struct {
		name, user string
		want       []string
	}{
		{"MULTI", "-multi", []string{"NOPERM", "has to allow multi, exec"}},
		{"EXEC", "-exec", []string{"NOPERM", "has to allow multi, exec"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onPrograms(t, func(t *testing.T, addr string, b store) {
				servertest.Do(t, addr, "FLUSHALL")
				servertest.Do(t, addr, "ACL", "SETUSER", "default", tc.user)
				wantNothingDone(t, addr, b, tc.want)
				servertest.Do(t, addr, "ACL", "SETUSER", "default", "+@all")
				set := &backend.Set{Key: "a", Value: []byte("v")}
				if err := b.Transact(t.Context(), set); err != nil || !set.Applied {
					t.Errorf("once it is allowed, Transact = %v, applied %t", err, set.Applied)
				}
			})
		})
	}
}

func TestTransact_renamed(t *testing.T) {
	onPrograms(t, func(t *testing.T, addr string, b store) {
		wantNothingDone(t, addr, b, []string{"does not support", "a transaction needs MULTI, which the server has renamed or switched off"})
	}, "--rename-command", "MULTI", "")
}

// wantNothingDone runs a transaction that the server does not take.
func wantNothingDone(t *testing.T, addr string, b store, want []string) {
	t.Helper()
	ops := []backend.Op{&backend.Set{Key: "a", Value: []byte("v")}, &backend.Get{Key: "a"}, &backend.Set{Key: "b"}}
	for _, err := range []error{b.Transact(t.Context(), ops...), backend.Err(ops[0]), backend.Err(ops[1]), backend.Err(ops[2])} {
		if err == nil || errors.Is(err, backend.ErrUnknownOutcome) {
			t.Errorf("an error of the transaction is %v, want one that leaves no doubt", err)
		}
		for _, text := range want {
			if err != nil && !strings.Contains(err.Error(), text) {
				t.Errorf("an error of the transaction is %v, want %q in it", err, text)
			}
		}
	}
	if got := servertest.Do(t, addr, "EXISTS", "a", "b"); got != int64(0) {
		t.Errorf("%v keys are there, want none", got)
	}
	for range 10 { // No reply is taken for that of another command.
		get, exists := &backend.Get{Key: "a"}, &backend.Exists{Key: "b"}
		if err := b.Exec(t.Context(), get, exists); err != nil || get.Found || exists.Found {
			t.Errorf("what comes then: %v, %q, %t", err, get.Value, exists.Found)
		}
	}
}

// A right that is taken back later leaves a doubt once, since the ops were carried
// out one by one, and never again.
func TestTransact_refusedLater(t *testing.T) {
	onPrograms(t, func(t *testing.T, addr string, b store) {
		servertest.Do(t, addr, "ACL", "SETUSER", "default", "+@all")
		if err := b.Transact(t.Context(), &backend.Delete{Key: "a"}, &backend.Delete{Key: "b"}); err != nil {
			t.Fatal(err)
		}
		servertest.Do(t, addr, "ACL", "SETUSER", "default", "-multi")
		set, get := &backend.Set{Key: "a", Value: []byte("v")}, &backend.Get{Key: "a"}
		err := b.Transact(t.Context(), set, get)
		if err == nil || !strings.Contains(err.Error(), "NOPERM") || !errors.Is(set.Err, backend.ErrUnknownOutcome) {
			t.Errorf("Transact = %v, Set = %v; want NOPERM, and an unknown outcome of the write", err, set.Err)
		}
		if get.Err == nil || errors.Is(get.Err, backend.ErrUnknownOutcome) {
			t.Errorf("Get = %v, want an error that leaves no doubt", get.Err)
		}
		servertest.Do(t, addr, "DEL", "a", "b")
		wantNothingDone(t, addr, b, []string{"has to allow multi, exec"})
		servertest.Do(t, addr, "ACL", "SETUSER", "default", "+@all")
	})
}

// What a server refuses each time was not done: nobody has to wonder.
func TestRefused_leavesNoDoubt(t *testing.T) {
	onPrograms(t, func(t *testing.T, addr string, b store) {
		for _, row := range []struct {
			refusal    string
			set, unset []string
		}{
			{"READONLY", []string{"REPLICAOF", "127.0.0.1", "1"}, []string{"REPLICAOF", "NO", "ONE"}},
			{"NOREPLICAS", []string{"CONFIG", "SET", "min-replicas-to-write", "1"}, []string{"CONFIG", "SET", "min-replicas-to-write", "0"}},
			{"OOM", []string{"CONFIG", "SET", "maxmemory", "1"}, []string{"CONFIG", "SET", "maxmemory", "0"}},
		} {
			servertest.Do(t, addr, row.set...)
			wantRefused(t, b, row.refusal)
			servertest.Do(t, addr, row.unset...)
			if got := servertest.Do(t, addr, "EXISTS", "k"); got != int64(0) {
				t.Errorf("%s: EXISTS = %v, want 0", row.refusal, got)
			}
		}
	})
}

// wantRefused runs writes, together and as a transaction, that the server refuses
// each time.
func wantRefused(t *testing.T, b store, refusal string) {
	t.Helper()
	for name, exec := range map[string]func(context.Context, ...backend.Op) error{"Exec": b.Exec, "Transact": b.Transact} {
		ops := []backend.Op{&backend.Set{Key: "k"}, &backend.Set{Key: "k", KeepTTL: true, TTL: time.Hour}}
		err := exec(t.Context(), ops...)
		for _, err := range []error{err, backend.Err(ops[0]), backend.Err(ops[1])} {
			if err == nil || errors.Is(err, backend.ErrUnknownOutcome) || !strings.Contains(err.Error(), refusal) {
				t.Errorf("%s = %v, want %s and no doubt", name, err, refusal)
			}
		}
	}
}

// passing are the refusals that may be over in a moment, as servers word them.
var passing = []string{
	"LOADING Redis is loading the dataset in memory",
	"READONLY You can't write against a read only replica.",
	"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
	"NOREPLICAS Not enough good replicas to write.",
	"CLUSTERDOWN The cluster is down",
	"TRYAGAIN Multiple keys request during rehashing of slot",
	"NOSCRIPT No matching script.",
	"ERR max number of clients reached",
}

// refusing is a miniredis that answers the next writes with a refusal.
type refusing struct {
	*miniredis.Miniredis
	refusal string
	next    atomic.Int32 // how many
	seen    atomic.Int32 // how many writes came
}

func newRefusing(t *testing.T, refusal string) *refusing {
	r := &refusing{Miniredis: miniredis.RunT(t), refusal: refusal}
	r.Server().SetPreHook(func(c *server.Peer, cmd string, _ ...string) bool {
		if writing := cmd == "SET" || cmd == "UNLINK" || cmd == "EVAL"; !writing {
			return false
		}
		r.seen.Add(1)
		if r.next.Add(-1) < 0 {
			return false
		}
		c.WriteError(r.refusal)
		return true
	})
	return r
}

// What is refused for a moment only is sent again, writes too, whose refusals have
// changed nothing; and if it lasts, that is the error.
func TestRefused_forAMoment(t *testing.T) {
	for _, refusal := range passing {
		code, _, _ := strings.Cut(strings.TrimPrefix(refusal, "ERR "), " ")
		t.Run(code, func(t *testing.T) {
			server := newRefusing(t, refusal)
			onAdapters(t, server.Addr(), func(t *testing.T, b store) {
				server.next.Store(2)
				set := &backend.Set{Key: "k", Value: []byte("v")}
				if err := b.Exec(t.Context(), set); err != nil || !set.Applied {
					t.Errorf("Set = %v, applied %t; want it done at the third try", err, set.Applied)
				}
				server.next.Store(1 << 20)
				err := b.Exec(t.Context(), &backend.Set{Key: "k", Value: []byte("w")}, &backend.Delete{Key: "other"})
				if err == nil || !strings.Contains(err.Error(), code) || errors.Is(err, backend.ErrUnknownOutcome) {
					t.Errorf("Exec = %v, want %s and no doubt", err, code)
				}
				server.next.Store(0)
				get := &backend.Get{Key: "k"}
				if err := b.Exec(t.Context(), get); err != nil || string(get.Value) != "v" {
					t.Errorf("the key holds %q, %v; want v, as before what was refused", get.Value, err)
				}
			})
		})
	}
}

// A write is not sent again before what has been answered behind it.
func TestRefused_inOrder(t *testing.T) {
	server := newRefusing(t, passing[0])
	onAdapters(t, server.Addr(), func(t *testing.T, b store) {
		server.FlushAll()
		set := func(key string) *backend.Set { return &backend.Set{Key: key, Value: []byte("v")} }
		refused, behind, other := set("k"), &backend.Get{Key: "k"}, set("other")
		server.next.Store(2) // both
		err := b.Exec(t.Context(), refused, behind, other)
		if refused.Err == nil || !errors.Is(err, refused.Err) || behind.Err != nil || behind.Found {
			t.Errorf("Set = %v, Get = %q, %v; want it refused: what is behind it has been answered", refused.Err, behind.Value, behind.Err)
		}
		if other.Err != nil || !other.Applied {
			t.Errorf("Set of another key = %v, want it done at the second try", other.Err)
		}
	})
}

// dialler connects to a server, unless it is to fail.
type dialler struct{ failures atomic.Int32 }

func (d *dialler) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if d.failures.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// What could not be sent, since nobody could be connected to, was not done: it is
// sent when somebody can, a write too.
func TestUnsent_isSentLater(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis8)
	var d dialler
	// After PoolSize failures the pool would wait for a second before it dials again.
	connected := redis.NewClient(&redis.Options{Addr: addr, DialerRetries: 1, Dialer: d.dial, PoolSize: 1000})
	defer connected.Close()
	multiplexed, err := valkey.NewClient(valkey.ClientOption{
		InitAddress:       []string{addr},
		PipelineMultiplex: -1, // one connection
		DialCtxFn: func(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.dial(ctx, "tcp", addr)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer multiplexed.Close()
	impatient := valkeygo.New(multiplexed, valkeygo.RetryFor(0))
	for name, b := range map[string]store{"goredis": goredis.New(connected), "valkeygo": valkeygo.New(multiplexed)} {
		for _, o := range backendtest.Ops() {
			if o.Effect != backend.Write {
				continue
			}
			for way, exec := range map[string]func(context.Context, ...backend.Op) error{"Exec": b.Exec, "Transact": b.Transact} {
				d.failures.Store(1 << 30)
				servertest.Do(t, addr, "CLIENT", "KILL", "TYPE", "normal")
				for err = nil; err == nil || !strings.Contains(err.Error(), "refused"); {
					err = impatient.Exec(t.Context(), &backend.Get{Key: "k"}) // until the client knows
				}
				d.failures.Store(2)
				if err := exec(t.Context(), o.New(o.Name), &backend.Get{Key: "other"}); err != nil {
					t.Errorf("%s: %s of %s = %v, want it sent at the third try", name, way, o.Name, err)
				}
			}
		}
	}
}
