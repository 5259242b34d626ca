package goredis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/servertest"
)

const (
	deadline = 100 * time.Millisecond
	// grace is how much later than its deadline an op may return.
	grace = 300 * time.Millisecond
	// cancelReadTimeout is by when a cancelled op has to return.
	cancelReadTimeout = 200 * time.Millisecond
)

// faults are tried on every kind of client.
var faults = []struct {
	name     string
	settings settings
	run      func(t *testing.T, n network)
}{
	{"lost reply", settings{}, lostReply},
	{"lost reply without retries", settings{maxRetries: -1}, lostReplyWithoutRetries},
	{"lost reply in a batch", settings{}, lostReplyInBatch},
	{"lost reply in a batch of reads", settings{}, lostReplyInBatchOfReads},
	{"lost reply in a transaction", settings{}, lostReplyInTransaction},
	{"deadline", settings{}, deadlinePasses},
	{"deadline with replicas", settings{replicas: true}, deadlinePasses},
	{"cancel", settings{readTimeout: cancelReadTimeout}, cancelled},
	{"server vanishes", settings{}, serverVanishes},
	{"server vanishes during a write", settings{}, serverVanishesDuringWrite},
	{"no goroutine stays", settings{readTimeout: deadline, maxRetries: -1}, noGoroutineStays},
}

func TestFaults(t *testing.T) {
	server := servertest.Start(t, servertest.Redis)
	cluster := servertest.StartCluster(t, servertest.Redis)
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			for _, deadlines := range []bool{true, false} {
				s := fault.settings
				s.deadlines = deadlines
				t.Run(fmt.Sprintf("client=single/deadlines=%t", deadlines), func(t *testing.T) {
					fault.run(t, newNetwork(t, s, server))
				})
				t.Run(fmt.Sprintf("client=cluster/deadlines=%t", deadlines), func(t *testing.T) {
					fault.run(t, newNetwork(t, s, cluster...))
				})
			}
		})
	}
}

func lostReply(t *testing.T, n network) {
	rows := []struct {
		name    string
		op      func() backend.Op
		command string
		sent    int
		want    error
		reason  string
	}{
		{
			"set if absent", func() backend.Op { return &backend.Set{Key: key1, Cond: backend.IfAbsent} },
			"SET", 1, backend.ErrUnknownOutcome, "sent again it would find the value that it set itself",
		},
		{
			"set if present", func() backend.Op { return &backend.Set{Key: key1, Cond: backend.IfPresent} },
			"SET", 1, backend.ErrUnknownOutcome, "somebody may have deleted the key in between",
		},
		{
			"swap", func() backend.Op { return &backend.Set{Key: key1, ReturnOld: true} },
			"SET", 1, backend.ErrUnknownOutcome, "sent again it would return the value that it set itself",
		},
		{
			"set by script", func() backend.Op { return &backend.Set{Key: key1, ReturnOld: true, Cond: backend.IfAbsent} },
			"EVAL", 1, backend.ErrUnknownOutcome, "a script is a write like any other",
		},
		{
			"compare and swap", func() backend.Op { return &backend.CompareAndSwap{Key: key1, Absent: true} },
			"EVAL", 1, backend.ErrUnknownOutcome, "sent again it would find the value that it wrote itself",
		},
		{
			"compare and delete", func() backend.Op { return &backend.CompareAndDelete{Key: key1} },
			"EVAL", 1, backend.ErrUnknownOutcome, "sent again it would answer that there was nothing",
		},
		{
			"fill", func() backend.Op { return &backend.Fill{Key: key1, Leases: backend.Sibling(key1, "leases")} },
			"EVAL", 1, backend.ErrUnknownOutcome, "sent again it would find that it has given the lease back itself",
		},
		{
			"take", func() backend.Op { return &backend.Take{Key: key1} },
			"GETDEL", 1, backend.ErrUnknownOutcome, "sent again it would answer that there was nothing",
		},
		{
			"delete", func() backend.Op { return &backend.Delete{Key: key1} },
			"UNLINK", 1, backend.ErrUnknownOutcome, "sent again it would answer that there was nothing",
		},
		{
			"persist", func() backend.Op { return &backend.Persist{Key: key1} },
			"PERSIST", 1, backend.ErrUnknownOutcome, "sent again it would answer that there was no expiry",
		},
		{
			"set", func() backend.Op { return &backend.Set{Key: key1} },
			"SET", 1, backend.ErrUnknownOutcome, "sent again it would undo what another client wrote in between",
		},
		{
			"set by script that keeps the expiry", func() backend.Op { return &backend.Set{Key: key1, KeepTTL: true, TTL: time.Hour} },
			"EVAL", 1, backend.ErrUnknownOutcome, "sent again it would undo what another client wrote in between",
		},
		{
			"expire", func() backend.Op { return &backend.Expire{Key: key1, TTL: time.Hour} },
			"PEXPIRE", 1, backend.ErrUnknownOutcome, "sent again it would undo what another client set in between",
		},
		{
			"get", func() backend.Op { return &backend.Get{Key: key1} },
			"GET", 2, nil, "a read may be sent again",
		},
		{
			"expire time", func() backend.Op { return &backend.ExpireTime{Key: key1} },
			"PEXPIRETIME", 2, nil, "a read may be sent again",
		},
		{
			"memory usage", func() backend.Op { return &backend.MemoryUsage{Key: key1} },
			"MEMORY", 2, nil, "a read may be sent again",
		},
		{
			"get and renew", func() backend.Op { return &backend.Get{Key: key1, TTL: time.Hour} },
			"GETEX", 2, nil, "a read may be sent again",
		},
	}
	for _, row := range rows {
		before := n.count(row.command)
		n.proxy.Swallow(row.command)
		err := n.Exec(timeout(t, time.Minute), row.op())
		sent := n.count(row.command) - before
		if !errors.Is(err, row.want) || (err == nil) != (row.want == nil) || sent != row.sent {
			t.Errorf("%s: %v, sent %d times; want %v, %d times: %s", row.name, err, sent, row.want, row.sent, row.reason)
		}
	}
}

func lostReplyWithoutRetries(t *testing.T, n network) {
	n.proxy.Swallow("SET")
	err := n.Exec(t.Context(), &backend.Set{Key: key1})
	if !errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Set = %v, want ErrUnknownOutcome: it was sent, and nobody knows more", err)
	}
	n.proxy.Swallow("GET")
	err = n.Exec(t.Context(), &backend.Get{Key: key1})
	if err == nil || errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Get = %v, want an error that leaves no doubt: a read changes nothing", err)
	}
}

func lostReplyInBatch(t *testing.T, n network) {
	before := &backend.Set{Key: key1, Value: []byte("v")}
	lost := &backend.Take{Key: key1}
	behind := &backend.Set{Key: key1}
	read := &backend.Get{Key: key1}
	elsewhere := &backend.Get{Key: key2}

	n.proxy.Swallow("GETDEL")
	err := n.Exec(t.Context(), before, lost, behind, read, elsewhere)

	if !errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Exec = %v, want ErrUnknownOutcome", err)
	}
	if before.Err != nil || !before.Applied {
		t.Errorf("before the loss, Set = %t, %v; want applied: its reply came", before.Applied, before.Err)
	}
	if !errors.Is(lost.Err, backend.ErrUnknownOutcome) || lost.Found {
		t.Errorf("Take = %+v, want ErrUnknownOutcome", lost)
	}
	if !errors.Is(behind.Err, backend.ErrUnknownOutcome) {
		t.Errorf("behind the loss, Set = %v, want ErrUnknownOutcome", behind.Err)
	}
	if read.Err == nil || errors.Is(read.Err, backend.ErrUnknownOutcome) {
		t.Errorf("behind the loss, Get = %v, want an error that leaves no doubt", read.Err)
	}
	if n.cluster() && elsewhere.Err != nil {
		t.Errorf("on another node, Get = %v, want its answer", elsewhere.Err)
	}
	for _, command := range []string{"SET", "GETDEL"} {
		if sent := n.count(command); sent != 1 {
			t.Errorf("%s was sent %d times, want once: the batch holds a write that may not be sent again", command, sent)
		}
	}
}

func lostReplyInBatchOfReads(t *testing.T, n network) {
	n.proxy.Swallow("EXISTS")
	err := n.Exec(t.Context(), &backend.TTL{Key: key1}, &backend.Exists{Key: key1}, &backend.Get{Key: key1})
	if err != nil {
		t.Errorf("Exec = %v, want success at the second try", err)
	}
}

// A transaction is sent once, whatever it holds.
func lostReplyInTransaction(t *testing.T, n network) {
	must(t, n.Transact(t.Context(), &backend.Exists{Key: key1})) // The first one asks more.
	for _, command := range []string{"MULTI", "GET", "EXEC"} {
		set, get := &backend.Set{Key: key1}, &backend.Get{Key: key1}
		before := n.count("MULTI")
		n.proxy.Swallow(command)
		err := n.Transact(timeout(t, time.Minute), set, get)
		if !errors.Is(err, backend.ErrUnknownOutcome) || !errors.Is(set.Err, backend.ErrUnknownOutcome) {
			t.Errorf("without the reply to %s, Transact = %v, Set = %v; want ErrUnknownOutcome", command, err, set.Err)
		}
		if get.Err == nil || errors.Is(get.Err, backend.ErrUnknownOutcome) {
			t.Errorf("without the reply to %s, Get = %v, want an error that leaves no doubt", command, get.Err)
		}
		if sent := n.count("MULTI") - before; sent != 1 {
			t.Errorf("without the reply to %s, it was sent %d times, want once", command, sent)
		}
	}
}

// A write that was lost is not sent again, so it undoes nothing that another
// client has written since.
func TestLostReply_undoesNothing(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	proxy := servertest.NewProxy(t, addr)
	client := newClient(t, &redis.Options{Addr: proxy.Addr()})
	b := goredis.New(client)
	if err := b.Exec(t.Context(), &backend.Get{Key: "k"}); err != nil {
		t.Fatal(err)
	}
	proxy.Swallow("SET")
	if err := b.Exec(t.Context(), &backend.Set{Key: "k", Value: []byte("mine")}); !errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Set = %v, want ErrUnknownOutcome", err)
	}
	servertest.Do(t, addr, "SET", "k", "theirs")
	get := &backend.Get{Key: "k"}
	if err := b.Exec(t.Context(), get); err != nil || string(get.Value) != "theirs" {
		t.Errorf("Get = %q, %v, want what was written last", get.Value, err)
	}
}

func deadlinePasses(t *testing.T, n network) {
	n.stall() // From the client's first connection on.
	wantEnd(t, n, &backend.Set{Key: key1, Cond: backend.IfAbsent})
	wantEnd(t, n, &backend.Get{Key: key1})
	wantEnd(t, n, &backend.Set{Key: key1}, &backend.Set{Key: key2}, &backend.Get{Key: key3})
	wantTransactEnd(t, n)
	wantScanEnd(t, n)
	n.resume()

	set := &backend.Set{Key: key1, Cond: backend.IfAbsent}
	n.warm(t)
	n.stall()
	wantEnd(t, n, set)
	if !errors.Is(set.Err, backend.ErrUnknownOutcome) {
		t.Errorf("Set = %v, want ErrUnknownOutcome: it had been sent", set.Err)
	}
	wantEnd(t, n, &backend.Get{Key: key1})
	wantEnd(t, n, &backend.Set{Key: key1}, &backend.Set{Key: key2}, &backend.Get{Key: key3})
	wantTransactEnd(t, n)
	wantScanEnd(t, n)
}

// wantEnd executes ops on a server that hangs: they have to end with their
// deadline, and reads without a doubt.
func wantEnd(t *testing.T, n network, ops ...backend.Op) {
	t.Helper()
	start := time.Now()
	err := n.Exec(timeout(t, deadline), ops...)
	checkPunctual(t, start)
	checkEnd(t, err, ops)
}

func wantTransactEnd(t *testing.T, n network) {
	t.Helper()
	ops := []backend.Op{&backend.Set{Key: key1}, &backend.Get{Key: key1}}
	start := time.Now()
	err := n.Transact(timeout(t, deadline), ops...)
	checkPunctual(t, start)
	checkEnd(t, err, ops)
}

func checkEnd(t *testing.T, err error, ops []backend.Op) {
	t.Helper()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d ops = %v, want DeadlineExceeded", len(ops), err)
	}
	for _, op := range ops {
		err := backend.Err(op)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s = %v, want DeadlineExceeded", backend.Name(op), err)
		}
		if backend.EffectOf(op) == backend.Read && errors.Is(err, backend.ErrUnknownOutcome) {
			t.Errorf("%s = %v, want no doubt: it changes nothing", backend.Name(op), err)
		}
	}
}

func wantScanEnd(t *testing.T, n network) {
	t.Helper()
	start := time.Now()
	for page, err := range n.Scan(timeout(t, deadline), "") {
		if page != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Scan yields %q, %v; want DeadlineExceeded", page, err)
		}
	}
	checkPunctual(t, start)
}

func checkPunctual(t *testing.T, start time.Time) {
	t.Helper()
	if late := time.Since(start) - deadline; late > grace {
		t.Errorf("it returned %v after its deadline", late)
	}
}

func cancelled(t *testing.T, n network) {
	n.warm(t)
	n.stall()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(deadline, cancel)
	start := time.Now()
	set := &backend.Set{Key: key1, Cond: backend.IfAbsent}
	err := n.Exec(ctx, set)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Set = %v, want context.Canceled and ErrUnknownOutcome", err)
	}
	if took := time.Since(start); took > cancelReadTimeout+grace {
		t.Errorf("Set returned after %v, want by the read timeout, %v", took, cancelReadTimeout)
	}
}

func serverVanishes(t *testing.T, n network) {
	n.warm(t)
	n.stall()
	time.AfterFunc(deadline, n.vanish)
	err := n.Exec(context.Background(), &backend.Get{Key: key1})
	if err == nil || errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Get = %v, want an error that leaves no doubt", err)
	}
	err = n.Exec(context.Background(), &backend.Delete{Key: key1})
	if err == nil || errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Delete = %v, want an error that leaves no doubt: it could not be sent", err)
	}
}

// A write that was sent and then could not be sent again may have happened.
func serverVanishesDuringWrite(t *testing.T, n network) {
	n.warm(t)
	n.stall()
	time.AfterFunc(deadline, n.vanish)
	err := n.Exec(context.Background(), &backend.Set{Key: key1})
	if !errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Set = %v, want ErrUnknownOutcome", err)
	}
}

func TestDeadServer(t *testing.T) {
	for _, deadlines := range []bool{true, false} {
		b := goredis.New(newClient(t, &redis.Options{Addr: deadAddr(t), ContextTimeoutEnabled: deadlines}))
		start := time.Now()
		err := b.Exec(timeout(t, deadline), &backend.Get{Key: "k"})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get = %v, want DeadlineExceeded", err)
		}
		if late := time.Since(start) - deadline; late > grace {
			t.Errorf("Get returned %v after the deadline", late)
		}
		err = b.Exec(context.Background(), &backend.Set{Key: "k"})
		var dial *net.OpError
		if !errors.As(err, &dial) || errors.Is(err, backend.ErrUnknownOutcome) {
			t.Errorf("Set = %v, want the dial's error and no doubt", err)
		}
	}
}

func TestClosedClient(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: servertest.Start(t, servertest.Redis)})
	client.Close()
	err := goredis.New(client).Exec(t.Context(), &backend.Delete{Key: "k"})
	if !errors.Is(err, redis.ErrClosed) || errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Delete = %v, want redis.ErrClosed and no doubt", err)
	}
}

func TestBusyPool(t *testing.T) {
	proxy := servertest.NewProxy(t, servertest.Start(t, servertest.Redis))
	client := newClient(t, &redis.Options{Addr: proxy.Addr(), PoolSize: 1, PoolTimeout: 10 * time.Millisecond})
	b := goredis.New(client)
	client.AddHook(processHook(func(_ redis.Cmder, next func() error) error { return next() })) // Ops are given up, and not ended.
	if err := b.Exec(t.Context(), &backend.Get{Key: "k"}); err != nil {
		t.Fatal(err)
	}
	proxy.Stall()
	b.Exec(timeout(t, time.Millisecond), &backend.Get{Key: "k"}) // Keeps the only connection.
	err := b.Exec(context.Background(), &backend.Delete{Key: "k"})
	if !errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Delete = %v, want redis.ErrPoolTimeout and no doubt", err)
	}
}

// An op that was given up may still be sent, and seen by hooks, but not with
// what its caller has written into the value since.
func TestAbandonedValue(t *testing.T) {
	client := newClient(t, &redis.Options{Addr: deadAddr(t)})
	b := goredis.New(client)
	release, seen := make(chan struct{}), make(chan string, 1)
	client.AddHook(processHook(func(cmd redis.Cmder, _ func() error) error {
		<-release
		seen <- string(cmd.Args()[2].([]byte))
		return nil
	}))
	value := []byte("before")
	err := b.Exec(timeout(t, time.Millisecond), &backend.Set{Key: "k", Value: value})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, backend.ErrUnknownOutcome) {
		t.Errorf("Set = %v, want DeadlineExceeded and ErrUnknownOutcome", err)
	}
	copy(value, "after!")
	close(release)
	if got := <-seen; got != "before" {
		t.Errorf("the value on its way is %q, want the one that the op was given", got)
	}
}

// What was given up ends by the client's own timeouts, although the server goes
// on hanging.
func noGoroutineStays(t *testing.T, n network) {
	n.warm(t)
	n.stall()
	for range 10 {
		n.Exec(timeout(t, time.Millisecond), &backend.Get{Key: key1})
		n.Exec(timeout(t, time.Millisecond), &backend.Get{Key: key1}, &backend.Set{Key: key2})
	}
	for end := time.Now().Add(10 * time.Second); running("goredis.aside") > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines still run", running("goredis.aside"))
		}
	}
}

// running is how many goroutines have the function in their stacks.
func running(function string) int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), function+".")
}

func timeout(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// deadAddr is a loopback address that refuses connections.
func deadAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A shard that hangs takes only its own ops along.
func TestStalledShard(t *testing.T) {
	addrs := servertest.StartCluster(t, servertest.Redis)
	for _, deadlines := range []bool{true, false} {
		n := newNetwork(t, settings{deadlines: deadlines, maxRetries: -1}, addrs...)
		n.warm(t)
		must(t, n.Exec(t.Context(), &backend.Set{Key: key2, Value: []byte("v")}, &backend.Delete{Key: key3}))
		n.proxy.Stall()
		lost, set, get, missing := &backend.Get{Key: key1}, &backend.Set{Key: key2, Value: []byte("w")}, &backend.Get{Key: key2}, &backend.Get{Key: key3}
		err := n.Exec(timeout(t, deadline), set, lost, get, missing)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(lost.Err, context.DeadlineExceeded) {
			t.Errorf("deadlines %t: Exec = %v, of the shard that hangs %v; want the deadline", deadlines, err, lost.Err)
		}
		for _, op := range []backend.Op{set, get, missing} {
			if err := backend.Err(op); err != nil {
				t.Errorf("deadlines %t: %s of another shard = %v", deadlines, backend.Name(op), err)
			}
		}
		if !set.Applied || string(get.Value) != "w" || missing.Found {
			t.Errorf("deadlines %t: applied %t, then %q; a missing key was found: %t", deadlines, set.Applied, get.Value, missing.Found)
		}
		n.resume()
	}
}
