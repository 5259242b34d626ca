package rin_test

import (
	"context"
	"flag"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/clienttest"
	"github.com/redisimnest/rin/internal/minitest"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

// A rig is a backend under test, and what a test does to its store behind its
// back.
type rig struct {
	backend.Backend
	// list makes the key a list of one element.
	list func(key string)
	// elapse lets d pass by the store's clock.
	elapse func(d time.Duration)
	// fieldTTL says that fields of hashes can expire.
	fieldTTL bool
}

func (r rig) Unwrap() backend.Backend { return r.Backend }

// onEveryBackend runs f on memstore, and with both clients on miniredis, on Redis
// and on Valkey: one server, a cluster with replicas, and a primary behind
// Sentinels. Each of them is empty.
func onEveryBackend(t *testing.T, f func(t *testing.T, r rig)) {
	t.Helper()
	t.Run("memstore", func(t *testing.T) { f(t, memstoreRig()) })
	t.Run("miniredis", func(t *testing.T) {
		mini := miniredis.RunT(t)
		on := single(mini.Addr())
		on.Valkey.ForceSingleClient, on.Valkey.DisableCache = true, true
		on.run(t, func(t *testing.T, r rig) {
			r.elapse, r.fieldTTL = minitest.NewClock(mini).Pass, false
			f(t, r)
		})
	})
	onServers(t, f)
}

// onServers runs f with both clients on Redis and on Valkey, in each topology, and on the
// newer version of each. The race detector, which makes all of it five times as slow, is
// given one cluster and one server: what it looks at is the same on all.
func onServers(t *testing.T, f func(t *testing.T, r rig)) {
	t.Helper()
	if raceEnabled {
		t.Run("cluster", func(t *testing.T) { programs[0].cluster(t).run(t, f) })
		t.Run("single", func(t *testing.T) { newPrograms[1].single(t).run(t, f) })
		return
	}
	for _, program := range programs {
		for name, topology := range map[string]func(testing.TB) topology{
			"single": program.single, "cluster": program.cluster, "sentinel": program.sentinel,
		} {
			t.Run(program.String()+"/"+name, func(t *testing.T) { topology(t).run(t, f) })
		}
	}
	for _, program := range newPrograms {
		t.Run(program.String(), func(t *testing.T) { program.single(t).run(t, f) })
	}
}

// onClusters runs f with both clients on clusters of Redis and of Valkey.
func onClusters(t *testing.T, f func(t *testing.T, b backend.Backend)) {
	t.Helper()
	for _, program := range programs {
		t.Run(program.String(), func(t *testing.T) {
			program.cluster(t).run(t, func(t *testing.T, r rig) { f(t, r) })
		})
	}
}

func memstoreRig() rig {
	c := &handClock{now: time.Now().Truncate(time.Millisecond)}
	store := memstore.New(memstore.Clock(c.Now))
	return rig{Backend: store, elapse: c.elapse, fieldTTL: true, list: func(key string) {
		_ = store.Exec(context.Background(), &backend.RPush{Key: key, Values: [][]byte{[]byte("an element")}})
	}}
}

func TestMain(m *testing.M) { servertest.Main(m) }

// programs are the two programs, with servers of each that all tests share.
var programs = []program{newProgram(servertest.Redis), newProgram(servertest.Valkey)}

// newPrograms are the versions in which fields of hashes can expire.
var newPrograms = []program{newProgram(servertest.Redis8), newProgram(servertest.Valkey9)}

// program is a program of a server, in the topologies that it can run in. Each is
// started when it is first asked for.
type program struct {
	servertest.Program
	single, cluster, sentinel func(testing.TB) topology
}

func newProgram(p servertest.Program) program {
	return program{
		Program: p,
		single:  shared(func(t testing.TB) topology { return single(servertest.Start(t, p)) }),
		cluster: shared(func(t testing.TB) topology {
			c := servertest.StartReplicated(t, p)
			return topology{clienttest.Cluster(c), servertest.Addrs(c.Primaries())}
		}),
		sentinel: shared(func(t testing.TB) topology {
			s := servertest.StartSentinel(t, p)
			return topology{clienttest.Sentinel(s), servertest.Addrs(s.Nodes[:1])}
		}),
	}
}

// shared is a topology that is started once.
func shared(start func(testing.TB) topology) func(testing.TB) topology {
	var once sync.Once
	var started topology
	return func(t testing.TB) topology {
		once.Do(func() { started = start(servertest.Lasting(t)) })
		if len(started.primaries) == 0 {
			t.Fatal("the servers did not start; the first test that wanted them says why")
		}
		return started
	}
}

// topology is servers that both clients reach.
type topology struct {
	clienttest.Topology
	primaries []string
}

// single is the topology of one server.
func single(addr string) topology { return topology{clienttest.Server(addr), []string{addr}} }

// run runs f with both clients.
func (on topology) run(t *testing.T, f func(t *testing.T, r rig)) {
	t.Helper()
	for _, client := range clienttest.Clients {
		t.Run(string(client), func(t *testing.T) {
			on.empty(t)
			f(t, rig{
				Backend: on.Open(t, client),
				list:    func(key string) { servertest.Do(t, on.primaries[0], "RPUSH", key, "element") },
				elapse:  func(d time.Duration) { servertest.Elapse(t, on.primaries[0], d) },

				fieldTTL: servertest.KnowsCommand(t, on.primaries[0], "HPEXPIRE"),
			})
		})
	}
}

func (on topology) empty(t *testing.T) {
	t.Helper()
	for _, addr := range on.primaries {
		servertest.Do(t, addr, "FLUSHALL")
	}
}

// handClock is a clock that is moved by hand.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) elapse(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// pageSeq is what a scan yields.
type pageSeq = iter.Seq2[[]string, error]

// A spy is a decorator that writes down what passes it, and can answer in the
// store's place.
type spy struct {
	backend.Backend
	// fail, where it is set, gives each op its error before the store sees it.
	fail func(op backend.Op) error
	// pages, where it is set, changes the pages of a scan.
	pages func(pageSeq) pageSeq

	mu    sync.Mutex
	seen  []string
	trips int // calls of Exec and Transact
}

func (s *spy) Exec(ctx context.Context, ops ...backend.Op) error {
	if err := s.inspect(ops); err != nil {
		return err
	}
	return s.Backend.Exec(ctx, ops...)
}

func (s *spy) Transact(ctx context.Context, ops ...backend.Op) error {
	s.note("transact")
	if err := s.inspect(ops); err != nil {
		return err
	}
	return backend.Transact(ctx, s.Backend, ops...)
}

func (s *spy) inspect(ops []backend.Op) error {
	s.mu.Lock()
	s.trips++
	s.mu.Unlock()
	for _, op := range ops {
		s.note(backend.Name(op))
		if s.fail == nil {
			continue
		}
		if err := s.fail(op); err != nil {
			return backend.FailAll(ops, err)
		}
	}
	return nil
}

func (s *spy) Scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return s.ScanPages(ctx, prefix, backend.DefaultPageSize)
}

func (s *spy) ScanPages(ctx context.Context, prefix string, size int) iter.Seq2[[]string, error] {
	s.note("scan")
	seq := backend.ScanPages(ctx, s.Backend, prefix, size)
	if s.pages != nil {
		return s.pages(seq)
	}
	return seq
}

func (s *spy) Unwrap() backend.Backend { return s.Backend }

func (s *spy) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, what)
}

// taken returns what has passed since it was asked last.
func (s *spy) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen, s.trips = nil, 0
	return seen
}

// tripped returns how often the store has been called since taken was.
func (s *spy) tripped() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trips
}

func mustOpen(t testing.TB, root *rin.ClusterNode, b backend.Backend, opts ...rin.OpenOption) *rin.Scope {
	t.Helper()
	scope, err := rin.Open(root, b, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return scope
}

// put writes what a stranger would write: bytes, past rin.
func put(t testing.TB, b backend.Backend, key, value string) {
	t.Helper()
	if err := b.Exec(t.Context(), &backend.Set{Key: key, Value: []byte(value)}); err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
}

// stored is the bytes of a key and what it has left, as the store says.
type stored struct {
	Value string
	Found bool
	Left  time.Duration
}

func look(t testing.TB, b backend.Backend, key string) stored {
	t.Helper()
	get, ttl := &backend.Get{Key: key}, &backend.TTL{Key: key}
	if err := b.Exec(t.Context(), get, ttl); err != nil {
		t.Fatalf("look at %q: %v", key, err)
	}
	return stored{string(get.Value), get.Found, ttl.Remaining}
}

// left is how long a key has left, whatever it holds.
func left(t testing.TB, b backend.Backend, key string) time.Duration {
	t.Helper()
	ttl := &backend.TTL{Key: key}
	check(t, b.Exec(t.Context(), ttl))
	return ttl.Remaining
}

// keys are all keys of the store.
func keys(t testing.TB, b backend.Backend) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for page, err := range b.Scan(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range page {
			all[key] = true
		}
	}
	return all
}

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// golden compares text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); -update rewrites it:\n%s", path, diff)
	}
}
