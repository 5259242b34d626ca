package valkeygo_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/backendtest"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/internal/servertest"
)

// grace is how long after a context's end an operation may return.
const grace = 300 * time.Millisecond

// mode is a way in which the client sends.
type mode struct {
	name  string
	setup setup
}

// modes are: on a connection that it reads itself until calls overlap, always
// through a queue, or on a connection per call.
var modes = []mode{
	{"default", func(*valkey.ClientOption) {}},
	{"pipelining", func(o *valkey.ClientOption) { o.AlwaysPipelining = true }},
	{"pool", func(o *valkey.ClientOption) { o.DisableAutoPipelining = true }},
}

// contexts are the kinds of contexts that the client treats differently.
var contexts = []struct {
	name string
	make func(context.Context) (context.Context, context.CancelFunc)
}{
	{"background", func(context.Context) (context.Context, context.CancelFunc) {
		return context.Background(), func() {}
	}},
	{"cancellable", context.WithCancel},
	{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Minute)
	}},
}

// everywhere runs f for each mode with each kind of context, behind a new proxy.
func everywhere(t *testing.T, f func(t *testing.T, ctx context.Context, p *servertest.Proxy, b *valkeygo.Backend)) {
	addr := servertest.Start(t, servertest.Redis)
	for _, mode := range modes {
		for _, kind := range contexts {
			t.Run(mode.name+"/"+kind.name, func(t *testing.T) {
				servertest.Do(t, addr, "FLUSHALL")
				proxy := servertest.NewProxy(t, addr)
				ctx, cancel := kind.make(t.Context())
				defer cancel()
				f(t, ctx, proxy, valkeygo.New(newClient(t, proxy.Addr(), mode.setup)))
			})
		}
	}
}

// writes are the ops that write.
func writes() []backendtest.Op {
	return slices.DeleteFunc(backendtest.Ops(), func(o backendtest.Op) bool { return o.Effect != backend.Write })
}

func TestExec_lostReplyOfWrite(t *testing.T) {
	everywhere(t, func(t *testing.T, ctx context.Context, p *servertest.Proxy, b *valkeygo.Backend) {
		for _, o := range writes() {
			op := o.New("k")
			command := sends(op)
			before := p.Count(command)
			p.Swallow(command)
			err := b.Exec(ctx, op)
			if !errors.Is(err, backend.ErrUnknownOutcome) {
				t.Errorf("%s: %v; want ErrUnknownOutcome, since its reply was lost", o.Name, err)
			}
			if sent := p.Count(command) - before; sent != 1 {
				t.Errorf("%s was sent %d times; a write is sent once", o.Name, sent)
			}
		}
	})
}

// sends is the name of the command that op sends.
func sends(op backend.Op) string {
	c := backend.Command(op)
	defer c.Free()
	return c.Words[0].String()
}

func TestExec_lostReplyOfRead(t *testing.T) {
	everywhere(t, func(t *testing.T, ctx context.Context, p *servertest.Proxy, b *valkeygo.Backend) {
		mustExec(t, b, &backend.Set{Key: "k", Value: []byte("v")})
		get := &backend.Get{Key: "k"}
		p.Swallow("GET")
		if err := b.Exec(ctx, get); err != nil || string(get.Value) != "v" {
			t.Errorf("Get = %q, %v; a read survives a lost connection", get.Value, err)
		}
		if sent := p.Count("GET"); sent != 2 {
			t.Errorf("GET was sent %d times; want twice", sent)
		}
	})
}

func TestExec_lostReplyInBatch(t *testing.T) {
	everywhere(t, func(t *testing.T, ctx context.Context, p *servertest.Proxy, b *valkeygo.Backend) {
		mustExec(t, b, &backend.Set{Key: "k", Value: []byte("v")})

		get, exists := &backend.Get{Key: "k"}, &backend.Exists{Key: "k"}
		p.Swallow("EXISTS")
		if err := b.Exec(ctx, get, exists); err != nil || string(get.Value) != "v" || !exists.Found {
			t.Errorf("a batch of reads = %q, %t, %v; it survives a lost connection", get.Value, exists.Found, err)
		}

		before := p.Count("GETDEL")
		take, get := &backend.Take{Key: "k"}, &backend.Get{Key: "k"}
		p.Swallow("GETDEL")
		b.Exec(ctx, take, get)
		if !errors.Is(take.Err, backend.ErrUnknownOutcome) {
			t.Errorf("Take: %v; want ErrUnknownOutcome", take.Err)
		}
		if get.Err == nil || errors.Is(get.Err, backend.ErrUnknownOutcome) {
			t.Errorf("Get behind it: %v; want an error, but of a read the outcome is never unknown", get.Err)
		}
		if sent := p.Count("GETDEL") - before; sent != 1 {
			t.Errorf("GETDEL was sent %d times; want once", sent)
		}
	})
}

// A transaction is sent once, whatever it holds.
func TestTransact_lostReply(t *testing.T) {
	everywhere(t, func(t *testing.T, ctx context.Context, p *servertest.Proxy, b *valkeygo.Backend) {
		mustTransact(t, b, &backend.Get{Key: "k"}) // The first one asks more.
		for _, command := range []string{"MULTI", "GET", "EXEC"} {
			wantLostTransaction(t, ctx, p, b, command)
		}
		mustExec(t, b, &backend.Get{Key: "k"}) // On a connection that is not lost.
		before := p.Count("MULTI")
		p.Swallow("EXEC")
		err := b.Transact(ctx, &backend.Get{Key: "k"}, &backend.Exists{Key: "k"})
		if sent := p.Count("MULTI") - before; sent != 1 || err == nil || errors.Is(err, backend.ErrUnknownOutcome) {
			t.Errorf("a transaction of reads: sent %d times, %v; want once, and an error that leaves no doubt", sent, err)
		}
	})
}

// wantLostTransaction checks a transaction that loses the reply to command.
func wantLostTransaction(t *testing.T, ctx context.Context, p *servertest.Proxy, b *valkeygo.Backend, command string) {
	t.Helper()
	mustExec(t, b, &backend.Get{Key: "k"}) // On a connection that is not lost.
	set, get := &backend.Set{Key: "k"}, &backend.Get{Key: "k"}
	before := p.Count("MULTI")
	p.Swallow(command)
	err := b.Transact(ctx, set, get)
	if !errors.Is(err, backend.ErrUnknownOutcome) || !errors.Is(set.Err, backend.ErrUnknownOutcome) {
		t.Errorf("without the reply to %s: Transact = %v, Set = %v; want ErrUnknownOutcome", command, err, set.Err)
	}
	if get.Err == nil || errors.Is(get.Err, backend.ErrUnknownOutcome) {
		t.Errorf("without the reply to %s: Get = %v; want an error that leaves no doubt", command, get.Err)
	}
	if sent := p.Count("MULTI") - before; sent != 1 {
		t.Errorf("without the reply to %s, it was sent %d times; want once", command, sent)
	}
}

// A client has several connections. A read survives the loss of all of them.
func TestExec_allConnectionsLost(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	b := valkeygo.New(newClient(t, addr, func(o *valkey.ClientOption) { o.PipelineMultiplex = 3 }))
	mustExec(t, b, &backend.Set{Key: "k", Value: []byte("v")})
	for range 30 {
		for range 10 { // Until most connections are in use.
			mustExec(t, b, &backend.Get{Key: "k"})
		}
		servertest.Do(t, addr, "CLIENT", "KILL", "TYPE", "normal")
		mustExec(t, b, &backend.Get{Key: "k"})
	}
}

func TestExec_vanishedServer(t *testing.T) {
	const bound = 300 * time.Millisecond
	addr := servertest.Start(t, servertest.Redis)
	for _, kind := range contexts {
		t.Run(kind.name, func(t *testing.T) {
			proxy := servertest.NewProxy(t, addr)
			client := newClient(t, proxy.Addr())
			ctx, cancel := kind.make(t.Context())
			defer cancel()
			proxy.Vanish()

			start := time.Now()
			err := valkeygo.New(client, valkeygo.RetryFor(bound)).Exec(ctx, &backend.Get{Key: "k"})
			checkPlain(t, "Get", err)
			if took := time.Since(start); took > bound+grace {
				t.Errorf("Get took %v; want %v at most", took, bound)
			}

			start = time.Now()
			once := valkeygo.New(client, valkeygo.RetryFor(0))
			checkPlain(t, "Get", once.Exec(ctx, &backend.Get{Key: "k"}))
			for _, o := range writes() {
				checkPlain(t, o.Name, once.Exec(ctx, o.New("k"))) // No connection, so nothing was sent.
			}
			if took := time.Since(start); took > grace {
				t.Errorf("without retries, %d ops took %v; want no wait", len(writes())+1, took)
			}
		})
	}
}

// checkPlain checks for an error which is neither the context's, which is
// alive, nor an unknown outcome.
func checkPlain(t *testing.T, what string, err error) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s: no error", what)
	case errors.Is(err, backend.ErrUnknownOutcome):
		t.Errorf("%s: %v; but the outcome is known", what, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		t.Errorf("%s: %v; but the context has not ended", what, err)
	}
}

func TestExec_deadlineOnStalledServer(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			stalled(t, mode, context.DeadlineExceeded, manyDeletes(3000), func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, endsAfter)
			})
		})
	}
}

// Neither the mode with a connection per call notices a cancellation, nor does a
// batch which is so big that the client makes a connection for it.
func TestExec_cancelOnStalledServer(t *testing.T) {
	for _, mode := range modes[:2] {
		t.Run(mode.name, func(t *testing.T) {
			stalled(t, mode, context.Canceled, manyDeletes(1000), func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(endsAfter, cancel)
				return ctx, cancel
			})
		})
	}
}

// endsAfter is when the contexts of stalled end.
const endsAfter = 100 * time.Millisecond

// stalled checks that a call returns when the context that end makes has ended.
func stalled(t *testing.T, mode mode, want error, many []backend.Op, end func(context.Context) (context.Context, context.CancelFunc)) {
	addr := servertest.Start(t, servertest.Redis)
	cases := []struct {
		name    string
		run     func(b *valkeygo.Backend, ctx context.Context, ops ...backend.Op) error
		ops     []backend.Op
		unknown bool
	}{
		{"read", (*valkeygo.Backend).Exec, []backend.Op{&backend.Get{Key: "k"}}, false},
		{"write", (*valkeygo.Backend).Exec, []backend.Op{&backend.Delete{Key: "k"}}, true},
		{"reads", (*valkeygo.Backend).Exec, []backend.Op{&backend.Get{Key: "k"}, &backend.TTL{Key: "k"}}, false},
		{"writes", (*valkeygo.Backend).Exec, []backend.Op{&backend.Delete{Key: "k"}, &backend.Take{Key: "k"}}, true},
		{"many writes", (*valkeygo.Backend).Exec, many, true},
		{"transaction", (*valkeygo.Backend).Transact, []backend.Op{&backend.Delete{Key: "k"}, &backend.Take{Key: "k"}}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			proxy := servertest.NewProxy(t, addr)
			defer proxy.Resume()
			b := valkeygo.New(newClient(t, proxy.Addr(), mode.setup, oneConnection))
			mustTransact(t, b, &backend.Get{Key: "k"})
			proxy.Stall()
			ctx, cancel := end(t.Context())
			defer cancel()
			start := time.Now()
			c.run(b, ctx, c.ops...)
			if late := time.Since(start) - endsAfter; late > grace {
				t.Errorf("returned %v after the context ended", late)
			}
			for _, op := range c.ops {
				err := backend.Err(op)
				if !errors.Is(err, want) || errors.Is(err, backend.ErrUnknownOutcome) != c.unknown {
					t.Fatalf("%s: %v; want %v, and as an unknown outcome: %t", backend.Name(op), err, want, c.unknown)
				}
			}
		})
	}
}

// oneConnection keeps the client from making more, which takes an answer.
func oneConnection(o *valkey.ClientOption) { o.PipelineMultiplex = -1 }

func manyDeletes(n int) []backend.Op {
	ops := make([]backend.Op, n)
	for i := range ops {
		ops[i] = &backend.Delete{Key: fmt.Sprint("k", i)}
	}
	return ops
}

// A context that has a deadline and is cancelled before it is noticed at once
// by a client that always pipelines.
func TestExec_cancelBeforeDeadline(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	proxy := servertest.NewProxy(t, addr)
	defer proxy.Resume()
	b := valkeygo.New(newClient(t, proxy.Addr(), oneConnection, func(o *valkey.ClientOption) { o.AlwaysPipelining = true }))
	proxy.Stall()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	err := b.Exec(ctx, &backend.Get{Key: "k"})
	if took := time.Since(start); !errors.Is(err, context.Canceled) || took > 50*time.Millisecond+grace {
		t.Errorf("Get: %v after %v; want context.Canceled after 50ms", err, took)
	}
}

// Without a deadline, ConnWriteTimeout ends what a silent server doesn't answer,
// or Dialer.Timeout if there was no connection.
func TestExec_stalledServerWithoutDeadline(t *testing.T) {
	const silence = 200 * time.Millisecond
	everywhere(t, func(t *testing.T, ctx context.Context, p *servertest.Proxy, _ *valkeygo.Backend) {
		defer p.Resume()
		b := valkeygo.New(newClient(t, p.Addr(), oneConnection, func(o *valkey.ClientOption) {
			o.ConnWriteTimeout = silence
			o.Dialer.Timeout = silence
			o.Dialer.KeepAlive = silence / 10
		}), valkeygo.RetryFor(silence))
		p.Stall()
		start := time.Now()
		checkPlain(t, "Get", b.Exec(ctx, &backend.Get{Key: "k"}))
		if took, bound := time.Since(start), 4*silence; took > bound {
			t.Errorf("Get took %v; want %v at most", took, bound)
		}
	})
}

// The end of the context of the call that makes the connection is not the end
// of another call that waits for it.
func TestExec_contextOfAnotherCall(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	proxy := servertest.NewProxy(t, addr)
	dialing := make(chan struct{}, 1)
	client := newClient(t, addr, func(o *valkey.ClientOption) {
		o.PipelineMultiplex = -1
		o.ForceSingleClient = true
		redirected := false
		o.DialCtxFn = func(ctx context.Context, dst string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			if redirected { // All but the first connection stall.
				dst = proxy.Addr()
				dialing <- struct{}{}
			}
			redirected = true
			return d.DialContext(ctx, "tcp", dst)
		}
	})
	b := valkeygo.New(client, valkeygo.RetryFor(0))
	proxy.Stall()
	servertest.Do(t, addr, "CLIENT", "KILL", "TYPE", "normal")
	b.Exec(t.Context(), &backend.Get{Key: "k"}) // Notices the loss.

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	go b.Exec(ctx, &backend.Get{Key: "k"})
	<-dialing
	errs := make(chan error, 1)
	go func() { errs <- b.Exec(t.Context(), &backend.Delete{Key: "k"}) }()
	checkPlain(t, "Delete", <-errs)
}

func mustExec(t *testing.T, b *valkeygo.Backend, ops ...backend.Op) {
	t.Helper()
	if err := b.Exec(t.Context(), ops...); err != nil {
		t.Fatalf("Exec: %v", err)
	}
}

// A caller with little time, who is making the connection for all, takes nobody
// along when that runs out.
func TestExec_anothersDeadline(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	for _, op := range []backend.Op{&backend.Set{Key: "k", Value: []byte("v")}, &backend.Get{Key: "k"}} {
		dialling, dial := make(chan struct{}, 2), make(chan struct{})
		var slow atomic.Bool
		client := newClient(t, addr, oneConnection, func(o *valkey.ClientOption) {
			o.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, _ *tls.Config) (net.Conn, error) {
				if slow.Load() {
					dialling <- struct{}{}
					select {
					case <-dial:
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				return dialer.DialContext(ctx, "tcp", addr)
			}
		})
		b, impatient := valkeygo.New(client), valkeygo.New(client, valkeygo.RetryFor(0))
		slow.Store(true)
		servertest.Do(t, addr, "CLIENT", "KILL", "TYPE", "normal")

		little, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			for backend.ContextErr(little) == nil { // until the client knows that it has no connection
				impatient.Exec(little, &backend.Get{Key: "k"})
			}
		})
		<-dialling // It is at it.
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := b.Exec(ctx, op); err != nil {
				t.Errorf("%s of the caller with time: %v, want none of the other's end", backend.Name(op), err)
			}
		})
		awaitWaiting(2)
		cancel()
		close(dial)
		group.Wait()
	}
}

// awaitWaiting waits until n calls wait for the client.
func awaitWaiting(n int) {
	stacks := make([]byte, 1<<20)
	for waiting := 0; waiting != n; {
		waiting = 0
		for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			state, _, _ := strings.Cut(stack, ":")
			if strings.Contains(stack, "valkeygo.(*Backend).send(") && !strings.Contains(state, "[run") {
				waiting++
			}
		}
	}
}

func mustTransact(t *testing.T, b *valkeygo.Backend, ops ...backend.Op) {
	t.Helper()
	if err := b.Transact(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
}
