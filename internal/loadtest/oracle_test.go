package loadtest

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/servertest"
)

// shards is how many primaries a cluster has in the beginning, which share the
// slots evenly.
const shards = 3

// An oracle knows what the keys may hold.
//
// Redis replicates after it has answered. What a primary acknowledges, and has not
// replicated when it dies, is lost, whatever a client does. So each fault begins at
// a moment when nobody writes and the replicas have everything, and from then on,
// until another primary has taken over, what its shard acknowledges is at risk: it
// may be there or not. Everything else has to be.
type oracle struct {
	// gate is held for reading by every operation, so that who holds it knows that
	// none is under way.
	gate sync.RWMutex

	mu       sync.Mutex
	cells    map[string]*cell
	owners   map[string][]owner
	risks    map[int]*risk // by shard
	mistakes []string
}

// cell is what a key that holds a number may hold.
type cell struct {
	sure     int // what was acknowledged, and is not at risk
	possible int // what may have been written
	// late is a number whose writer has given up, and which a server that was held
	// up may write until then, over a later one.
	late  int
	until time.Time
}

// least is the least that a reader has to see.
func (c *cell) least() int {
	if time.Now().Before(c.until) {
		return min(c.late, c.sure)
	}
	return c.sure
}

// lateness is for how long a server may be held up.
const lateness = 5 * time.Second

// owner is who was told that a claim is his.
type owner struct {
	name   string
	atRisk bool
}

// risk is when a shard's acknowledgements are not to be relied on.
type risk struct {
	lasts bool
	ended time.Time
}

func newOracle() *oracle {
	return &oracle{cells: map[string]*cell{}, owners: map[string][]owner{}, risks: map[int]*risk{}}
}

// shardOf is the shard that has the key in the beginning.
func shardOf(key string) int { return backend.Slot(key) * shards / servertest.Slots }

// mistake notes an answer that can't be right.
func (o *oracle) mistake(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mistakes = append(o.mistakes, fmt.Sprintf(format, args...))
}

// endanger begins the risk of shards, while nothing is under way and the replicas
// have everything, which ready waits for.
func (o *oracle) endanger(ready func(), of ...int) {
	o.gate.Lock()
	defer o.gate.Unlock()
	ready()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, shard := range of {
		o.risks[shard] = &risk{lasts: true}
	}
}

// reassure ends the risk of all shards.
func (o *oracle) reassure() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.risks {
		r.lasts, r.ended = false, time.Now()
	}
}

// atRisk says that what was acknowledged now, of what began at start, may be lost.
// It is called with the lock held.
func (o *oracle) atRisk(key string, start time.Time) bool {
	r := o.risks[shardOf(key)]
	return r != nil && (r.lasts || start.Before(r.ended))
}

// cell is that of a key. It is called with the lock held.
func (o *oracle) cell(key string) *cell {
	c := o.cells[key]
	if c == nil {
		c = &cell{}
		o.cells[key] = c
	}
	return c
}

// outcome is what a writer knows of a write.
type outcome int

const (
	done outcome = iota
	notDone
	unknown
)

// adds notes that one is about to be added to a key. The function that it returns
// notes how that ended.
func (o *oracle) adds(key string) (ended func(outcome)) {
	_, ended = o.begin(key, func(c *cell, _ int, how outcome) {
		if how == done {
			c.sure++
		}
	})
	return ended
}

// sets is the next number that the only writer of a key writes there. The function
// notes how that ended.
func (o *oracle) sets(key string) (n int, ended func(outcome)) {
	return o.begin(key, func(c *cell, n int, how outcome) {
		switch {
		case how == done:
			c.sure = n
		case time.Now().After(c.until):
			c.late, c.until = n, time.Now().Add(lateness)
		default:
			c.until = time.Now().Add(lateness)
		}
	})
}

// begin begins a write, which settle ends unless it was not done or is at risk.
func (o *oracle) begin(key string, settle func(c *cell, n int, how outcome)) (n int, ended func(outcome)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c, start := o.cell(key), time.Now()
	c.possible++
	n = c.possible
	return n, func(how outcome) {
		o.mu.Lock()
		defer o.mu.Unlock()
		switch {
		case how == notDone:
			c.possible--
		case how == unknown || !o.atRisk(key, start):
			settle(c, n, how)
		}
	}
}

// reads returns what a reader of the key has to see at least. The function checks
// what he saw.
func (o *oracle) reads(key string) (saw func(n int)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	least := o.cell(key).least()
	return func(n int) {
		o.mu.Lock()
		most := o.cell(key).possible
		o.mu.Unlock()
		if n < least || n > most {
			o.mistake("%s holds %d, which should be from %d to %d", key, n, least, most)
		}
	}
}

// claimed notes that somebody was told that a claim, asked for at start, is his.
func (o *oracle) claimed(key, name string, start time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.owners[key] = append(o.owners[key], owner{name, o.atRisk(key, start)})
}

// checkClaims checks that nobody was told that a claim is his which is another's.
// Held is what the keys hold in the end.
func (o *oracle) checkClaims(held map[string]string) (granted int) {
	for _, key := range slices.Sorted(maps.Keys(o.owners)) {
		var sure []string
		for _, owner := range o.owners[key] {
			granted++
			if !owner.atRisk {
				sure = append(sure, owner.name)
			}
		}
		if len(sure) > 1 || len(sure) == 1 && held[key] != sure[0] {
			o.mistake("%s was granted to %v, and is %q's", key, o.owners[key], held[key])
		}
	}
	return granted
}

// The oracle notices what it is there for.
func TestOracle(t *testing.T) {
	const key = "k"
	set := func(o *oracle, how outcome) {
		_, ended := o.sets(key)
		ended(how)
	}
	for _, tc := range []struct {
		name     string
		act      func(o *oracle)
		mistakes int
	}{
		{"what was acknowledged is there", func(o *oracle) { set(o, done); o.reads(key)(1) }, 0},
		{"what was acknowledged is lost", func(o *oracle) { set(o, done); set(o, done); o.reads(key)(1) }, 1},
		{"what was not done is there", func(o *oracle) { set(o, notDone); o.reads(key)(1) }, 1},
		{"what may have been done is there, or not", func(o *oracle) { set(o, unknown); o.reads(key)(1); o.reads(key)(0) }, 0},
		{"what may have been done comes late", func(o *oracle) { set(o, unknown); set(o, done); o.reads(key)(1) }, 0},
		{"one was added twice", func(o *oracle) { o.adds(key)(done); o.reads(key)(2) }, 1},
		{"what is at risk is lost", func(o *oracle) {
			o.endanger(func() {}, shardOf(key))
			set(o, done)
			o.reassure()
			o.reads(key)(0)
		}, 0},
		{"what is not at risk any more is lost", func(o *oracle) {
			o.endanger(func() {}, shardOf(key))
			o.reassure()
			set(o, done)
			o.reads(key)(0)
		}, 1},
		{"a claim has its owner", func(o *oracle) {
			o.claimed(key, "a", time.Now())
			o.checkClaims(map[string]string{key: "a"})
		}, 0},
		{"a claim has two", func(o *oracle) {
			o.claimed(key, "a", time.Now())
			o.claimed(key, "b", time.Now())
			o.checkClaims(map[string]string{key: "b"})
		}, 1},
		{"a claim is another's", func(o *oracle) {
			o.claimed(key, "a", time.Now())
			o.checkClaims(map[string]string{key: "b"})
		}, 1},
		{"a claim that was at risk is granted again", func(o *oracle) {
			o.endanger(func() {}, shardOf(key))
			o.claimed(key, "a", time.Now())
			o.reassure()
			o.claimed(key, "b", time.Now())
			o.checkClaims(map[string]string{key: "b"})
		}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := newOracle()
			tc.act(o)
			if len(o.mistakes) != tc.mistakes {
				t.Errorf("mistakes %q, want %d", o.mistakes, tc.mistakes)
			}
		})
	}
}
