package adapter_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/backendtest"
	"github.com/redisimnest/rin/docs/adapter"
	"github.com/redisimnest/rin/internal/servertest"
)

func TestConformance(t *testing.T) {
	for _, program := range []servertest.Program{servertest.Redis, servertest.Valkey, servertest.Redis8, servertest.Valkey9} {
		t.Run("server="+program.String(), func(t *testing.T) {
			addr := servertest.Start(t, program)
			pool := newPool(t, addr)
			backendtest.Run(t, backendtest.Harness{
				New: func(t testing.TB) backend.Backend {
					servertest.Do(t, addr, "FLUSHALL")
					return adapter.New(pool)
				},
				Elapse:  func(t testing.TB, d time.Duration) { servertest.Elapse(t, addr, d) },
				Foreign: func(t testing.TB, key string) { servertest.Do(t, addr, "RPUSH", key, "element") },
				NoWaits: true,
				Lacks: func(o backendtest.Op) bool {
					return o.FieldExpiry && !servertest.KnowsCommand(t, addr, "HPEXPIRE")
				},
			})
		})
	}
}

func newPool(t *testing.T, addr string) *redis.Pool {
	t.Helper()
	pool := &redis.Pool{
		MaxIdle: 32,
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			return redis.DialContext(ctx, "tcp", addr, redis.DialReadTimeout(10*time.Second), redis.DialWriteTimeout(10*time.Second))
		},
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

// A write whose reply is lost is sent once, and its outcome is unknown; of a read
// it never is.
func TestExec_lostReply(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	proxy := servertest.NewProxy(t, addr)
	b := adapter.New(newPool(t, proxy.Addr()))
	for _, o := range backendtest.Ops() {
		op := o.New("k")
		c := backend.Command(op)
		command := c.Words[0].String()
		c.Free()
		before := proxy.Count(command)
		proxy.Swallow(command)
		err := b.Exec(t.Context(), op)
		if sent := proxy.Count(command) - before; err == nil || sent != 1 || errors.Is(err, backend.ErrUnknownOutcome) != (o.Effect == backend.Write) {
			t.Errorf("%s: sent %d times, %v; want once, and a doubt only of a write", o.Name, sent, err)
		}
	}
}

// What came before the connection broke is answered; what comes behind is not.
func TestExec_lostReplyInBatch(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	proxy := servertest.NewProxy(t, addr)
	b := adapter.New(newPool(t, proxy.Addr()))
	set, take, get := &backend.Set{Key: "k", Value: []byte("v")}, &backend.Take{Key: "k"}, &backend.Get{Key: "k"}
	proxy.Swallow("GETDEL")
	err := b.Exec(t.Context(), set, take, get)
	if set.Err != nil || !set.Applied {
		t.Errorf("Set = %v, applied %t; want its answer", set.Err, set.Applied)
	}
	if !errors.Is(err, backend.ErrUnknownOutcome) || !errors.Is(take.Err, backend.ErrUnknownOutcome) {
		t.Errorf("Exec = %v, Take = %v; want ErrUnknownOutcome", err, take.Err)
	}
	if get.Err == nil || errors.Is(get.Err, backend.ErrUnknownOutcome) {
		t.Errorf("Get = %v; want an error that leaves no doubt", get.Err)
	}
}

// A server that refuses MULTI is sent nothing that it could carry out.
func TestTransact_withoutMulti(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	servertest.Do(t, addr, "ACL", "SETUSER", "default", "-multi")
	b := adapter.New(newPool(t, addr))
	set, take := &backend.Set{Key: "k"}, &backend.Take{Key: "k"}
	err := b.Transact(t.Context(), set, take)
	for _, err := range []error{err, set.Err, take.Err} {
		if err == nil || !strings.Contains(err.Error(), "NOPERM") || errors.Is(err, backend.ErrUnknownOutcome) {
			t.Errorf("an error of the transaction is %v, want the server's refusal of MULTI, and no doubt", err)
		}
	}
	if n := servertest.Do(t, addr, "DBSIZE"); n != int64(0) {
		t.Errorf("the server has %v keys, want none", n)
	}
}

// Where there is no server, or no pool, nothing was sent.
func TestExec_noConnection(t *testing.T) {
	nowhere := &redis.Pool{DialContext: func(context.Context) (redis.Conn, error) { return nil, errors.New("no route") }}
	for name, pool := range map[string]*redis.Pool{"no route": nowhere, "the pool is nil": nil} {
		b := adapter.New(pool)
		set := &backend.Set{Key: "k"}
		if err := b.Exec(t.Context(), set); err == nil || errors.Is(err, backend.ErrUnknownOutcome) || !strings.Contains(err.Error(), name) {
			t.Errorf("Exec = %v; want %q, and no doubt", err, name)
		}
		for page, err := range b.Scan(t.Context(), "") {
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("Scan yields %q, %v; want %q", page, err, name)
			}
		}
	}
}

// A call returns when its context ends, whatever the server does, and says so.
func TestExec_deadline(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	b := adapter.New(newPool(t, addr))
	servertest.Do(t, addr, "CLIENT", "PAUSE", "3000", "ALL")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	err := b.Exec(ctx, &backend.Delete{Key: "k"})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Exec = %v, want the deadline's error and ErrUnknownOutcome", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("Exec took %v with a deadline of 50 ms", took)
	}
}
