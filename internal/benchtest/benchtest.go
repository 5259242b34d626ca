// Package benchtest races rin against the raw client under it, doing the same
// work in the same run.
//
// Machines are noisy, so the two take turns: every figure of the one has a
// figure of the other from the same moment beside it. What is reported is the
// median of each, in nanoseconds, and their ratio.
package benchtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/servertest"
)

// Raw is a client used without rin. Its functions fail the benchmark
// themselves.
type Raw struct {
	// Get is GET.
	Get func(ctx context.Context, key string) string
	// GetAll is one pipeline of a GET for each key.
	GetAll func(ctx context.Context, keys []string) []string
	// Set is SET with PX.
	Set func(ctx context.Context, key, value string, ttl time.Duration)
	// Scan is one SCAN with MATCH and COUNT 1000, which returns the next
	// cursor.
	Scan func(ctx context.Context, cursor uint64, match string) ([]string, uint64)
	// Unlink is one pipeline of an UNLINK for each key.
	Unlink func(ctx context.Context, keys []string)
}

// Profile is a struct of about a kilobyte as JSON.
type Profile struct {
	Name, Email, Bio string
	Tags             []string
	Scores           map[string]float64
}

// NewProfile makes the Profile that the benchmarks store.
func NewProfile() Profile {
	return Profile{
		Name:   "Ren Amamiya",
		Email:  "ren@example.com",
		Bio:    strings.Repeat("lorem ipsum ", 50),
		Tags:   []string{"admin", "beta", "newsletter", "early adopter"},
		Scores: map[string]float64{"chess": 1812.5, "go": 1544.25, "shogi": 1200, "darts": 88.125},
	}
}

// TTL is how long the values of the benchmarks live.
const TTL = time.Hour

var (
	age     = rin.Key[int]("age")
	name    = rin.Key[string]("name")
	profile = rin.Key[Profile]("profile")
	user    = rin.Cluster("user:<user_id>", rin.TTL(TTL), rin.Child(age, name, profile))
	schema  = rin.Cluster("bench", rin.Child(user))
)

// Open opens the schema of the benchmarks.
func Open(b *testing.B, store backend.Backend) *rin.Scope {
	root, err := rin.Open(schema, store)
	if err != nil {
		b.Fatal(err)
	}
	return root
}

// Calls is one piece of work, done by rin and by the raw client.
type Calls struct {
	Name     string
	Rin, Raw func(ctx context.Context)
}

// Values is Get and Set of an int, a string and a struct.
func Values(b *testing.B, store backend.Backend, raw Raw) []Calls {
	u := user.At(Open(b, store), 42)
	return slices.Concat(
		values(b, raw, "int", age.At(u), 30, strconv.Itoa, strconv.Atoi),
		values(b, raw, "string", name.At(u), "Ren Amamiya", same, func(s string) (string, error) { return s, nil }),
		values(b, raw, "struct", profile.At(u), NewProfile(), encode, decode),
	)
}

// Batches is 100 reads in one round trip: mixed ones by a batch, and ints by
// GetAll.
func Batches(b *testing.B, store backend.Backend, raw Raw) []Calls {
	const size = 100
	root := Open(b, store)
	var ages []rin.Entry[int]
	var names []rin.Entry[string]
	var profiles []rin.Entry[Profile]
	var rawAges, rawMixed []string
	text := encode(NewProfile())
	for id := range size {
		u := user.At(root, id)
		ages, names, profiles = append(ages, age.At(u)), append(names, name.At(u)), append(profiles, profile.At(u))
		check(b, ages[id].Set(b.Context(), 30))
		check(b, names[id].Set(b.Context(), "Ren Amamiya"))
		check(b, profiles[id].Set(b.Context(), NewProfile()))
		rawAges = append(rawAges, fmt.Sprint("raw:age:", id))
		raw.Set(b.Context(), rawAges[id], "30", TTL)
		rawMixed = append(rawMixed, fmt.Sprint("raw:mixed:", id))
		raw.Set(b.Context(), rawMixed[id], [...]string{"30", "Ren Amamiya", text}[id%3], TTL)
	}
	return []Calls{{
		"op=batch/reads=100",
		func(ctx context.Context) {
			batch := root.Batch()
			ints, texts, structs := make([]*rin.Future[int], 0, size), make([]*rin.Future[string], 0, size), make([]*rin.Future[Profile], 0, size)
			for id := range size {
				switch id % 3 {
				case 0:
					ints = append(ints, ages[id].In(batch).Get())
				case 1:
					texts = append(texts, names[id].In(batch).Get())
				case 2:
					structs = append(structs, profiles[id].In(batch).Get())
				}
			}
			check(b, batch.Run(ctx))
			results(b, ints)
			results(b, texts)
			results(b, structs)
		},
		func(ctx context.Context) {
			for id, value := range raw.GetAll(ctx, rawMixed) {
				var err error
				switch id % 3 {
				case 0:
					_, err = strconv.Atoi(value)
				case 2:
					_, err = decode(value)
				}
				check(b, err)
			}
		},
	}, {
		"op=getall/reads=100",
		func(ctx context.Context) { _, err := rin.GetAll(ctx, ages...); check(b, err) },
		func(ctx context.Context) {
			for _, value := range raw.GetAll(ctx, rawAges) {
				_, err := strconv.Atoi(value)
				check(b, err)
			}
		},
	}}
}

func results[T any](b *testing.B, futures []*rin.Future[T]) {
	for _, f := range futures {
		_, err := f.Result()
		check(b, err)
	}
}

func same(s string) string { return s }

func encode(p Profile) string {
	data, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func decode(s string) (p Profile, err error) { return p, json.Unmarshal([]byte(s), &p) }

func values[T any](b *testing.B, raw Raw, kind string, e rin.Entry[T], value T, format func(T) string, parse func(string) (T, error)) []Calls {
	rawKey := "raw:" + kind
	raw.Set(b.Context(), rawKey, format(value), TTL)
	check(b, e.Set(b.Context(), value))
	return []Calls{
		{
			"op=get/value=" + kind,
			func(ctx context.Context) { _, err := e.Get(ctx); check(b, err) },
			func(ctx context.Context) { _, err := parse(raw.Get(ctx, rawKey)); check(b, err) },
		},
		{
			"op=set/value=" + kind,
			func(ctx context.Context) { check(b, e.Set(ctx, value)) },
			func(ctx context.Context) { raw.Set(ctx, rawKey, format(value), TTL) },
		},
	}
}

func check(b *testing.B, err error) {
	if err != nil && !b.Failed() { // once is enough to read
		b.Error(err)
	}
}

// Race lets rin and the raw client take turns at all calls, from one goroutine
// and from 64. Of one it also says how many more allocations rin makes.
func Race(b *testing.B, calls []Calls) {
	for _, c := range calls {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/callers=%d", c.Name, callers), func(b *testing.B) {
				var t turns
				var wg sync.WaitGroup
				b.ResetTimer()
				for range callers {
					wg.Go(func() { t.take(b.Context(), c, b.N/callers+1) })
				}
				wg.Wait()
				t.report(b)
				if b.StopTimer(); callers == 1 {
					b.ReportMetric(allocations(c.Rin)-allocations(c.Raw), "more-allocs")
				}
			})
		}
	}
}

// allocations is how many a call makes.
func allocations(call func(context.Context)) float64 {
	return testing.AllocsPerRun(100, func() { call(context.Background()) })
}

// Cost shows what one call costs the processor and the heap: it is for clients
// on an in-process connection, where nothing else can be seen.
func Cost(b *testing.B, calls []Calls) {
	for _, c := range calls {
		b.Run(c.Name+"/client=raw", func(b *testing.B) { cost(b, c.Raw) })
		b.Run(c.Name+"/client=rin", func(b *testing.B) { cost(b, c.Rin) })
	}
}

func cost(b *testing.B, call func(context.Context)) {
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		call(ctx)
	}
}

// turns gathers how long the calls of both took.
type turns struct {
	mu       sync.Mutex
	rin, raw []time.Duration
}

func (t *turns) take(ctx context.Context, c Calls, n int) {
	ours, theirs := make([]time.Duration, n), make([]time.Duration, n)
	for i := range n {
		// Who goes first changes, so that neither always finds the caches warm.
		if i%2 == 0 {
			theirs[i], ours[i] = timed(ctx, c.Raw), timed(ctx, c.Rin)
		} else {
			ours[i], theirs[i] = timed(ctx, c.Rin), timed(ctx, c.Raw)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rin, t.raw = append(t.rin, ours...), append(t.raw, theirs...)
}

func timed(ctx context.Context, call func(context.Context)) time.Duration {
	start := time.Now()
	call(ctx)
	return time.Since(start)
}

func (t *turns) report(b *testing.B) {
	ours, theirs := median(t.rin), median(t.raw)
	b.ReportMetric(0, "ns/op") // a turn of both says nothing
	b.ReportMetric(float64(ours), "rin-ns")
	b.ReportMetric(float64(theirs), "raw-ns")
	b.ReportMetric(float64(ours)/float64(theirs), "rin/raw")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// Clear races the Clear of a subtree of 10,000 keys, among the others that are
// there, against SCAN with COUNT 1000 and pipelined UNLINK.
func Clear(b *testing.B, store backend.Backend, raw Raw) {
	const keys = 10_000
	u := user.At(Open(b, store), 42)
	fill := func() {
		ops := make([]backend.Op, keys)
		for i := range ops {
			ops[i] = &backend.Set{Key: u.Prefix() + ":" + strconv.Itoa(i), Value: []byte("x")}
		}
		check(b, store.Exec(b.Context(), ops...))
	}
	c := Calls{
		Rin: func(ctx context.Context) {
			n, err := u.Clear(ctx)
			if check(b, err); n != keys {
				b.Errorf("cleared %d keys, want %d", n, keys)
			}
		},
		Raw: func(ctx context.Context) {
			for cursor, first := uint64(0), true; first || cursor != 0; first = false {
				var page []string
				if page, cursor = raw.Scan(ctx, cursor, u.Prefix()+":*"); len(page) > 0 {
					raw.Unlink(ctx, page)
				}
			}
		},
	}
	var t turns
	for b.Loop() {
		fill()
		ours := timed(b.Context(), c.Rin)
		fill()
		theirs := timed(b.Context(), c.Raw)
		t.rin, t.raw = append(t.rin, ours), append(t.raw, theirs)
	}
	t.report(b)
}

// Populate gives the server at addr 1,000,000 keys that are not the
// benchmarks' own.
func Populate(b *testing.B, addr string) {
	const batch = 100_000
	for from := range 10 {
		servertest.Do(b, addr, "EVAL", `for i = ARGV[1] * ARGV[2], (ARGV[1] + 1) * ARGV[2] - 1 do
			redis.call('SET', 'other:' .. string.format('%d', i) .. ':age', i)
		end`, "0", strconv.Itoa(from), strconv.Itoa(batch))
	}
}
