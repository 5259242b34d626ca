package memstore

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
)

func exec[O backend.Op](t testing.TB, s *Store, op O) O {
	t.Helper()
	if err := s.Exec(t.Context(), op); err != nil {
		t.Fatal(err)
	}
	return op
}

// clockAt is a store whose time is *now.
func clockAt(now *time.Time) *Store {
	return New(Clock(func() time.Time { return *now }))
}

func TestExpired_givesBackItsMemory(t *testing.T) {
	touches := map[string]backend.Op{
		"get that renews": &backend.Get{Key: "k", TTL: time.Hour},
		"set":             &backend.Set{Key: "k", Cond: backend.IfPresent},
		"take":            &backend.Take{Key: "k"},
		"delete":          &backend.Delete{Key: "k"},
		"expire":          &backend.Expire{Key: "k", TTL: time.Hour},
		"persist":         &backend.Persist{Key: "k"},
	}
	for name, touch := range touches {
		t.Run(name, func(t *testing.T) {
			s := withExpired(t)
			exec(t, s, touch)
			wantEmpty(t, s)
		})
	}
	t.Run("scan", func(t *testing.T) {
		s := withExpired(t)
		for page, err := range s.Scan(t.Context(), "") {
			t.Errorf("Scan yields %q, %v", page, err)
		}
		wantEmpty(t, s)
	})
}

// withExpired is a store that still holds a key whose time is over.
func withExpired(t *testing.T) *Store {
	now := time.Now()
	s := clockAt(&now)
	exec(t, s, &backend.Set{Key: "k", TTL: time.Millisecond})
	now = now.Add(time.Millisecond)
	if exec(t, s, &backend.Exists{Key: "k"}).Found {
		t.Fatal("the key is there when its TTL has passed to the nanosecond")
	}
	if s.keys.load("k") == nil {
		t.Fatal("a read has removed the key")
	}
	return s
}

func wantEmpty(t *testing.T, s *Store) {
	t.Helper()
	if s.keys.load("k") != nil || s.keys.order.Len() != 0 {
		t.Errorf("the key is still held, %d keys are in order", s.keys.order.Len())
	}
}

func TestExpireAt_now(t *testing.T) {
	now := time.Now()
	s := clockAt(&now)
	exec(t, s, &backend.Set{Key: "k", ExpireAt: now})
	wantEmpty(t, s)
	exec(t, s, &backend.Set{Key: "k"})
	exec(t, s, &backend.Expire{Key: "k", ExpireAt: now})
	wantEmpty(t, s)
}

func TestRead_asksNoTimeWithoutExpiry(t *testing.T) {
	calls := 0
	s := New(Clock(func() time.Time { calls++; return time.Now() }))
	exec(t, s, &backend.Set{Key: "k"})
	calls = 0
	exec(t, s, &backend.Get{Key: "k"})
	exec(t, s, &backend.Exists{Key: "k"})
	exec(t, s, &backend.TTL{Key: "k"})
	if calls != 0 {
		t.Errorf("three reads asked for the time %d times", calls)
	}
}

func TestGet_allocatesTheCopyOnly(t *testing.T) {
	s := New()
	exec(t, s, &backend.Set{Key: "root:user:1:name", Value: make([]byte, 20)})
	op := &backend.Get{Key: "root:user:1:name"}
	ops, ctx := []backend.Op{op}, t.Context()
	allocs := testing.AllocsPerRun(100, func() { _ = s.Exec(ctx, ops...) })
	if allocs > 1 {
		t.Errorf("a Get allocates %v times, want once", allocs)
	}
}

// A Fill in a transaction does not show what is half done.
func TestAsOne_nests(t *testing.T) {
	s := New()
	outer := s.asOne()
	s.asOne()()
	if s.version.Load()%2 == 0 {
		t.Error("the inner step has ended the outer one")
	}
	if outer(); s.version.Load() != 2 {
		t.Errorf("the version is %d when all is done, want another even one", s.version.Load())
	}
}

// A transaction is one moment.
func TestTransact_asksTheTimeOnce(t *testing.T) {
	calls := 0
	s := New(Clock(func() time.Time { calls++; return time.Now() }))
	err := s.Transact(t.Context(), &backend.Set{Key: "k", TTL: time.Hour}, &backend.TTL{Key: "k"}, &backend.Get{Key: "k"})
	if err != nil || calls != 1 {
		t.Errorf("Transact asked for the time %d times, %v; want once", calls, err)
	}
}

// The estimate is in the neighbourhood of what the heap grows by.
func TestMemoryUsage_isHonest(t *testing.T) {
	const keys = 20_000
	for _, length := range []int{0, 20, 1000} {
		var s *Store
		grown := heapGrowth(func() {
			s = New()
			for i := range keys {
				exec(t, s, &backend.Set{Key: fmt.Sprintf("root:user:%06d:name", i), Value: make([]byte, length)})
			}
		})
		told := keys * exec(t, s, &backend.MemoryUsage{Key: "root:user:000000:name"}).Bytes
		if told < grown/2 || told > 2*grown {
			t.Errorf("%d keys with values of %d bytes: told %d bytes a key, measured %d", keys, length, told/keys, grown/keys)
		}
	}
}

// heapGrowth is by how much what fill leaves behind makes the heap grow.
func heapGrowth(fill func()) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	fill()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

func TestCeilMillisecond(t *testing.T) {
	const longest = time.Duration(math.MaxInt64)
	for _, c := range []struct{ d, want time.Duration }{
		{1, time.Millisecond},
		{time.Millisecond - 1, time.Millisecond},
		{time.Millisecond, time.Millisecond},
		{time.Millisecond + 1, 2 * time.Millisecond},
		{longest, longest.Truncate(time.Millisecond)},
	} {
		if got := ceilMillisecond(c.d); got != c.want {
			t.Errorf("ceilMillisecond(%d) = %d, want %d", c.d, got, c.want)
		}
	}
}

func TestNow(t *testing.T) {
	now := time.Unix(1, 2)
	if got := clockAt(&now).Now(); !got.Equal(now) {
		t.Errorf("Now = %v, want the clock's %v", got, now)
	}
	before := time.Now()
	if got := New(Clock(nil)).Now(); got.Before(before) || got.After(time.Now()) {
		t.Errorf("Now = %v, want time.Now's", got)
	}
}
