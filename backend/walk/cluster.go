package walk

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Nodes are the servers of a cluster that a client knows, primaries and
// replicas, by address. Keys are keys of slots whose server is not among those it
// knew: it may have to ask for them to learn of it.
type Nodes func(ctx context.Context, keys []string) (map[string]Node, error)

// Cluster walks the keys of a cluster, as [Walk.Server] does those of one server:
// of all primaries, which together must serve all slots. A key may come twice.
//
// Before and after, the servers are asked which slots they serve. Who serves a
// slot that it did not serve before, or is being handed one, is walked after
// those it has it from, so that no key is missed that moves meanwhile. Where
// slots are served by nobody, or a server can't be reached, for as long as
// Patience, the walk ends in an error that names them.
func (w Walk) Cluster(ctx context.Context, nodes Nodes) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		c := clusterWalk{Walk: w, nodes: nodes}
		if err := c.run(ctx, func(page []string) bool { return yield(page, nil) }); err != nil {
			yield(nil, failure(ctx, err))
		}
	}
}

type clusterWalk struct {
	Walk
	nodes Nodes
	lost  time.Time // since when a server has failed; zero while none has

	scans       int            // how many servers have been walked to the end
	first, last map[string]int // which of these were a server's, by its id
	// covered is which walk of a server counts for a slot, where that is not the
	// first: keys of the slot came to it after that.
	covered map[holding]int
	due     map[string][]int // the slots for which the next walk of a server counts
}

// holding is a slot at a server.
type holding struct {
	slot int
	id   string
}

// never is later than every walk.
const never = math.MaxInt

// run walks pending servers until none is left.
func (c *clusterWalk) run(ctx context.Context, yield func([]string) bool) error {
	c.first, c.last, c.covered, c.due = map[string]int{}, map[string]int{}, map[holding]int{}, map[string][]int{}
	before, err := c.view(ctx)
	if err != nil {
		return err
	}
	for pending := before.primaries(); len(pending) > 0; {
		failed, stopped := c.pass(ctx, before, pending, yield)
		if stopped {
			return nil
		}
		if err := c.mayGoOn(ctx, failed); err != nil {
			return before.notVisited(failed)
		}
		after, err := c.view(ctx)
		if err != nil {
			return err
		}
		pending, before = c.again(before, after, failed), after
	}
	return nil
}

// pass walks some servers, one after the other.
func (c *clusterWalk) pass(ctx context.Context, v *view, pending map[string]bool, yield func([]string) bool) (failed map[string]error, stopped bool) {
	failed = map[string]error{}
	for _, id := range slices.Sorted(maps.Keys(pending)) {
		m := v.members[id]
		s := c.scan(m.node)
		err := s.run(ctx, yield)
		switch {
		case s.stopped:
			return failed, true
		case err != nil:
			failed[id] = fmt.Errorf("%s: %w", m.addr, err)
		default:
			c.walked(id)
		}
	}
	return failed, false
}

// walked notes that a server has been walked to the end.
func (c *clusterWalk) walked(id string) {
	c.scans++
	c.last[id] = c.scans
	if c.first[id] == 0 {
		c.first[id] = c.scans
	}
	for _, slot := range c.due[id] {
		c.covered[holding{slot, id}] = c.scans
	}
	delete(c.due, id)
}

// counts is the walk of a server that counts for a slot.
func (c *clusterWalk) counts(slot int, id string) int {
	if n := c.covered[holding{slot, id}]; n > 0 {
		return n
	}
	if n := c.first[id]; n > 0 {
		return n
	}
	return never
}

// missed says that keys of a slot may have been missed that went, or may go, from
// one server to another. Whenever a key goes, it is seen if the one is walked to
// the end, and after that the other.
func (c *clusterWalk) missed(slot int, from, to string) bool {
	if c.last[to] > c.counts(slot, from) {
		return false
	}
	c.covered[holding{slot, to}] = never
	c.due[to] = append(c.due[to], slot)
	return true
}

// mayMiss is missed for a slot that a server is being handed: by whom it says, or
// by whoever has taken that one's place.
func (c *clusterWalk) mayMiss(slot int, to string, givers ...string) (missed bool) {
	for _, from := range givers {
		if from != to {
			missed = c.missed(slot, from, to) || missed
		}
	}
	return missed
}

// again is who has to be walked once more, or for the first time: who failed, and
// who got keys since the view before, or is getting some, that may have been
// missed. Where a server has had slots and given them away between the two views,
// nobody knows where keys have been, and all are walked again.
func (c *clusterWalk) again(before, after *view, failed map[string]error) map[string]bool {
	primaries := after.primaries()
	for id := range before.members {
		if !primaries[id] && c.first[id] == 0 {
			c.first[id] = max(c.scans, 1) // It gives away nothing any more.
		}
	}
	ids, gained := map[string]bool{}, map[string]bool{}
	for slot, id := range after.owner {
		if from := before.owner[slot]; from != id {
			gained[id] = true
			ids[id] = c.missed(slot, from, id) || ids[id]
		}
	}
	for id := range primaries {
		now, then := after.members[id], before.members[id]
		for slot, from := range now.from {
			ids[id] = c.mayMiss(slot, id, from, before.owner[slot], after.owner[slot]) || ids[id]
		}
		if then == nil {
			continue
		}
		for slot, from := range then.from {
			ids[id] = c.mayMiss(slot, id, from, before.owner[slot], after.owner[slot]) || ids[id]
		}
		if now.epoch != then.epoch && !gained[id] {
			return primaries
		}
	}
	maps.DeleteFunc(ids, func(_ string, again bool) bool { return !again })
	for id := range primaries {
		if failed[id] != nil {
			ids[id] = true
		}
	}
	return ids
}

// mayGoOn is why those that failed are not tried again, if they are not.
func (c *clusterWalk) mayGoOn(ctx context.Context, failed map[string]error) error {
	if len(failed) == 0 {
		c.lost = time.Time{}
		return nil
	}
	if c.lost.IsZero() {
		c.lost = time.Now()
	}
	for _, err := range failed {
		if !passing(err) || time.Since(c.lost) > c.Patience {
			return err
		}
	}
	return pause(ctx)
}

// view asks until all slots are served, or it runs out of patience.
func (c *clusterWalk) view(ctx context.Context) (*view, error) {
	var keys []string
	for began := time.Now(); ; {
		v, err := c.look(ctx, keys)
		if err == nil {
			if err = v.whole(); err == nil {
				return v, nil
			}
			keys = v.unknown()
		}
		if time.Since(began) > c.Patience || pause(ctx) != nil {
			return nil, err
		}
	}
}

// primaries are the members that serve slots.
func (v *view) primaries() map[string]bool {
	ids := map[string]bool{}
	for _, id := range v.owner {
		if id != "" {
			ids[id] = true
		}
	}
	return ids
}

// notVisited is the error of a walk that failed on some servers.
func (v *view) notVisited(failed map[string]error) error {
	var texts []string
	var first error
	for _, id := range slices.Sorted(maps.Keys(failed)) {
		if first == nil {
			first = failed[id]
		}
		texts = append(texts, v.slotsOf(id))
	}
	return fmt.Errorf("not visited: slots %s: %w", strings.Join(texts, ", "), first)
}

// key is a key of the slot.
func key(slot int) string {
	for n := 0; ; n++ {
		if k := fmt.Sprint(n); backend.Slot(k) == slot {
			return k
		}
	}
}
