package walk

import (
	"context"
	"fmt"
	"iter"
	"maps"
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
}

// run walks pending servers until none is left.
func (c *clusterWalk) run(ctx context.Context, yield func([]string) bool) error {
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
		pending, before = after.again(before, pending, failed), after
	}
	return nil
}

// pass walks one server after the other.
func (c *clusterWalk) pass(ctx context.Context, v *view, pending map[string]bool, yield func([]string) bool) (failed map[string]error, stopped bool) {
	failed = map[string]error{}
	for _, id := range slices.Sorted(maps.Keys(pending)) {
		m := v.members[id]
		s := c.scan(m.node)
		err := s.run(ctx, yield)
		if s.stopped {
			return nil, true
		}
		if err != nil {
			failed[id] = fmt.Errorf("%s: %w", m.addr, err)
		}
	}
	return failed, false
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

// again is who has to be walked once more, or for the first time, after those in
// walked were: who failed, and who may have got keys, since the view before,
// from one that was being walked.
func (v *view) again(before *view, walked map[string]bool, failed map[string]error) map[string]bool {
	ids, gained := map[string]bool{}, map[string]bool{}
	for slot, id := range v.owner {
		if from := before.owner[slot]; from != id {
			gained[id] = true
			if walked[from] {
				ids[id] = true
			}
		}
	}
	for id := range v.primaries() {
		now, then := v.members[id], before.members[id]
		switch {
		case failed[id] != nil, then == nil, then.process != now.process:
			ids[id] = true
		case now.takesFrom(walked), then.takesFrom(walked):
			ids[id] = true
		case now.epoch != then.epoch && !gained[id]: // It has taken slots and given them back.
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
