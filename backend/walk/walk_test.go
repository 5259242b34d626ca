package walk_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/walk"
	"github.com/redisimnest/rin/backend/wire"
)

// server is a server of a cluster in memory. Its SCAN keeps what SCAN promises and
// no more: a key that is there throughout comes at least once.
type server struct {
	c         *cluster
	addr, id  string
	process   int
	epoch     int
	primary   bool
	down      bool
	slots     slots
	importing map[int]string // the id of who hands over the slot
	keys      map[string]bool
}

// slots are those that a server serves; one more is never served.
type slots [backend.Slots + 1]bool

// cluster runs an event before each call of a server.
type cluster struct {
	mu      sync.Mutex
	servers []*server
	known   map[string]bool // what the client knows
	epoch   int
	event   func()
}

func newCluster(primaries, keys int) *cluster {
	c := &cluster{known: map[string]bool{}, event: func() {}}
	for i := range primaries {
		s := c.add()
		for slot := backend.Slots * i / primaries; slot < backend.Slots*(i+1)/primaries; slot++ {
			s.slots[slot] = true
		}
	}
	for i := range keys {
		key := fmt.Sprint("k:", i)
		c.owner(backend.Slot(key)).keys[key] = true
	}
	return c
}

// add joins an empty primary, which the client learns of.
func (c *cluster) add() *server {
	c.epoch++
	s := &server{
		c: c, addr: fmt.Sprintf("10.0.0.%d:6379", len(c.servers)), id: fmt.Sprintf("id%02d", len(c.servers)),
		epoch: c.epoch, primary: true, importing: map[int]string{}, keys: map[string]bool{},
	}
	c.servers = append(c.servers, s)
	c.known[s.addr] = true
	return s
}

func (c *cluster) owner(slot int) *server {
	var best *server
	for _, s := range c.servers {
		if s.primary && s.slots[slot] && (best == nil || s.epoch > best.epoch) {
			best = s
		}
	}
	return best
}

// nodes are the servers that the client knows; it learns of the others when it is
// asked for keys.
func (c *cluster) nodes(_ context.Context, keys []string) (map[string]walk.Node, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]walk.Node{}
	for _, s := range c.servers {
		if len(keys) > 0 {
			c.known[s.addr] = true
		}
		if c.known[s.addr] {
			all[s.addr] = s
		}
	}
	return all, nil
}

func (s *server) Do(ctx context.Context, commands ...[]string) ([]wire.Reply, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.event()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.down {
		return nil, io.EOF
	}
	replies := make([]wire.Reply, len(commands))
	for i, words := range commands {
		replies[i] = s.answer(words)
	}
	return replies, nil
}

func (s *server) answer(words []string) wire.Reply {
	switch words[0] {
	case "SCAN":
		return s.scan(words)
	case "ROLE":
		if s.primary {
			return wire.ArrayOf(wire.Reply{Text: "master"})
		}
		return wire.ArrayOf(wire.Reply{Text: "slave"})
	case "INFO":
		return wire.Reply{Text: fmt.Sprintf("# Server\r\nrun_id:%s-%d\r\n", s.id, s.process)}
	}
	return wire.Reply{Text: s.describe()}
}

// scan pages through the keys in the order of their hashes; a cursor is a hash
// and the process that gave it, since to another one it means something else.
func (s *server) scan(words []string) wire.Reply {
	cursor, _ := strconv.Atoi(words[1])
	count, _ := strconv.Atoi(words[3])
	if cursor > 0 {
		cursor = cursor ^ s.process<<20
	}
	hashes := map[int][]string{}
	for key := range s.keys {
		h := fnv.New32a()
		h.Write([]byte(key))
		at := int(h.Sum32()>>12) + 1
		hashes[at] = append(hashes[at], key)
	}
	var page []wire.Reply
	for _, at := range slices.Sorted(maps.Keys(hashes)) {
		if at < cursor {
			continue
		}
		if len(page) >= count {
			return wire.ArrayOf(wire.Reply{Text: fmt.Sprint(at ^ s.process<<20)}, wire.ArrayOf(page...))
		}
		for _, key := range hashes[at] {
			page = append(page, wire.Reply{Text: key})
		}
	}
	return wire.ArrayOf(wire.Reply{Text: "0"}, wire.ArrayOf(page...))
}

// describe answers CLUSTER NODES.
func (s *server) describe() string {
	var text strings.Builder
	for _, other := range s.c.servers {
		flags := "slave"
		if other.primary {
			flags = "master"
		}
		if other == s {
			flags = "myself," + flags
		} else if other.down {
			flags += ",fail"
		}
		fmt.Fprintf(&text, "%s %s@16379 %s - 0 0 %d connected", other.id, other.addr, flags, other.epoch)
		for first := 0; first < backend.Slots; first++ {
			last := first
			for other.slots[last] {
				last++
			}
			if last > first {
				fmt.Fprintf(&text, " %d-%d", first, last-1)
			}
			first = last
		}
		if other == s {
			for slot, from := range s.importing {
				fmt.Fprintf(&text, " [%d-<-%s]", slot, from)
			}
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// The events. Each is a step of what happens to a cluster in life.

// startMigration opens the way for a slot that has keys.
func (c *cluster) startMigration(key string, to *server) {
	slot := backend.Slot(key)
	if from := c.owner(slot); from != to && to.primary && !to.down && c.migrating(slot) == nil {
		to.importing[slot] = from.id
	}
}

func (c *cluster) migrating(slot int) *server {
	for _, s := range c.servers {
		if s.importing[slot] != "" {
			return s
		}
	}
	return nil
}

// moveKeys moves what a slot holds, in one go as far as others see.
func (c *cluster) moveKeys(key string) {
	slot := backend.Slot(key)
	to, from := c.migrating(slot), c.owner(slot)
	if to == nil || from.down || to.down {
		return
	}
	for key := range from.keys {
		if backend.Slot(key) == slot {
			delete(from.keys, key)
			to.keys[key] = true
		}
	}
}

// endMigration makes the target the owner.
func (c *cluster) endMigration(key string) {
	slot := backend.Slot(key)
	to, from := c.migrating(slot), c.owner(slot)
	if to == nil || from.down || to.down {
		return
	}
	c.moveKeys(key)
	delete(to.importing, slot)
	from.slots[slot] = false
	to.slots[slot] = true
	c.epoch++
	to.epoch = c.epoch
}

// failover puts a replica of s in its place, of which the client knows nothing.
func (c *cluster) failover(s *server) {
	if !s.primary || s.down || len(s.importing) > 0 {
		return
	}
	r := c.add()
	delete(c.known, r.addr)
	r.slots, r.keys = s.slots, maps.Clone(s.keys)
	s.down = true
}

// comeBack returns a server that was replaced, as a replica of nobody in
// particular.
func (c *cluster) comeBack(s *server) {
	if s.down {
		s.down, s.primary, s.slots = false, false, slots{}
		s.process++
	}
}

// restart keeps the keys, and no cursor.
func (c *cluster) restart(s *server) {
	if !s.down {
		s.process++
	}
}

// A walk that ends without an error has every key that was there throughout,
// whatever the cluster does meanwhile.
func TestCluster_isWhole(t *testing.T) {
	const walks, keys = 200, 60
	whole := 0
	for seed := range uint64(walks) {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(3, keys)
			c.event = c.unrest(rand.New(rand.NewPCG(seed, 0)), keys)
			seen, err := collect(walk.Walk{Prefix: "k:", Size: 5, Patience: walk.Patience}.Cluster(t.Context(), c.nodes))
			if err == nil && len(seen) != keys {
				t.Errorf("seed %d: the walk ended without an error and lacks %d keys", seed, keys-len(seen))
			}
			if err == nil {
				whole++
			}
		})
	}
	if whole < walks/2 {
		t.Errorf("%d of %d walks were whole; want most of them to get through", whole, walks)
	}
}

// unrest is a random event now and then, as a cluster may see them.
func (c *cluster) unrest(random *rand.Rand, keys int) func() {
	events := 0
	return func() {
		if events > 100 || random.IntN(4) > 0 {
			return
		}
		events++
		s, key := c.servers[random.IntN(len(c.servers))], fmt.Sprint("k:", random.IntN(keys/6))
		switch random.IntN(20) {
		case 0, 1, 2, 3, 4, 5, 6:
			c.startMigration(key, s)
		case 7, 8:
			c.moveKeys(key)
		case 9, 10, 11, 12, 13, 14, 15, 16:
			c.endMigration(key)
		case 17:
			if len(c.servers) < 6 {
				c.failover(s)
			}
		case 18:
			c.comeBack(s)
		case 19:
			c.restart(s)
		}
	}
}

func collect(seq func(func([]string, error) bool)) (seen map[string]bool, err error) {
	seen = map[string]bool{}
	for page, e := range seq {
		err = cmp.Or(err, e)
		for _, key := range page {
			seen[key] = true
		}
	}
	return seen, err
}

// What serves nobody's slots is named, and found out before anything is walked.
func TestCluster_lostSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(3, 60)
		c.servers[1].down = true
		seen, err := collect(walk.Walk{Size: 5, Patience: time.Second}.Cluster(t.Context(), c.nodes))
		if err == nil || !strings.Contains(err.Error(), "not visited: slots 5461-10921") || !errors.Is(err, io.EOF) || len(seen) > 0 {
			t.Errorf("%d keys, %v; want none, the slots that nobody serves, and why", len(seen), err)
		}
	})
}

// A server that is lost in the middle of its keys and comes back in time is
// walked to the end; one that does not is named.
func TestCluster_lostOnTheWay(t *testing.T) {
	for back, whole := range map[time.Duration]bool{time.Second: true, time.Hour: false} {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(3, 60)
			calls := 0
			c.event = func() {
				if calls++; calls == 10 {
					c.servers[0].down = true
					time.AfterFunc(back, func() {
						c.mu.Lock()
						defer c.mu.Unlock()
						c.restart(c.servers[0])
						c.servers[0].down = false
					})
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			seen, err := collect(walk.Walk{Size: 5, Patience: walk.Patience}.Cluster(ctx, c.nodes))
			if whole && (err != nil || len(seen) != 60) || !whole && (err == nil || !strings.Contains(err.Error(), "not visited: slots 0-5460")) {
				t.Errorf("back after %v: %d keys, %v; want them whole: %t", back, len(seen), err, whole)
			}
		})
	}
}

// Behind Sentinel another server takes over between two pages: the walk begins
// anew, and stays with one.
func TestServer_anotherTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 60)
		first := c.servers[0]
		second := c.add()
		second.keys = maps.Clone(first.keys)
		second.keys["only here"] = true
		calls := 0
		node := switching(func() walk.Node {
			if calls++; calls > 5 {
				return second
			}
			return first
		})
		seen, err := collect(walk.Walk{Size: 5, Patience: walk.Patience}.Server(t.Context(), node))
		if err != nil || len(seen) != 61 {
			t.Errorf("%d keys, %v; want all 61 of the second server", len(seen), err)
		}
	})
}

// switching asks each time who answers.
type switching func() walk.Node

func (f switching) Do(ctx context.Context, commands ...[]string) ([]wire.Reply, error) {
	return f().Do(ctx, commands...)
}

// A primary that is demoted on the way has what it had, not what there is.
func TestServer_demoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(1, 60)
		calls := 0
		c.event = func() {
			if calls++; calls == 5 {
				c.servers[0].primary = false
				time.AfterFunc(time.Second, func() {
					c.mu.Lock()
					defer c.mu.Unlock()
					c.servers[0].keys["later"] = true
				})
			}
		}
		seen, err := collect(walk.Walk{Size: 5, Patience: walk.Patience}.Server(t.Context(), c.servers[0]))
		if err != nil || len(seen) < 60 {
			t.Errorf("%d keys, %v", len(seen), err)
		}
	})
}

// A server that never comes back ends the walk, when patience or the context
// ends, whichever is first.
func TestServer_lost(t *testing.T) {
	for _, row := range []struct{ patience, deadline, want time.Duration }{
		{5 * time.Second, time.Hour, 5 * time.Second},
		{5 * time.Second, time.Second, time.Second},
		{0, time.Hour, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newCluster(1, 60)
			c.servers[0].down = true
			ctx, cancel := context.WithTimeout(t.Context(), row.deadline)
			defer cancel()
			start := time.Now()
			_, err := collect(walk.Walk{Size: 5, Patience: row.patience}.Server(ctx, c.servers[0]))
			took := time.Since(start)
			if err == nil || took < row.want || took > row.want+100*time.Millisecond {
				t.Errorf("patience %v, deadline %v: %v after %v", row.patience, row.deadline, err, took)
			}
			if ended := errors.Is(err, context.DeadlineExceeded); ended != (row.deadline < row.patience) {
				t.Errorf("patience %v, deadline %v: %v", row.patience, row.deadline, err)
			}
		})
	}
}

// A server that does not allow what a walk asks for says so at once.
func TestServer_denied(t *testing.T) {
	for _, command := range []string{"SCAN", "INFO", "ROLE"} {
		node := denying{command}
		_, err := collect(walk.Walk{Size: 5, Patience: time.Hour}.Server(t.Context(), node))
		if err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("without a right to %s: %v", command, err)
		}
	}
}

type denying struct{ command string }

func (d denying) Do(_ context.Context, commands ...[]string) ([]wire.Reply, error) {
	replies := make([]wire.Reply, len(commands))
	for i, words := range commands {
		switch words[0] {
		case d.command:
			replies[i].Err = errors.New("NOPERM User u has no permissions to run the '" + strings.ToLower(words[0]) + "' command")
		case "SCAN":
			replies[i] = wire.ArrayOf(wire.Reply{Text: "0"}, wire.ArrayOf())
		}
	}
	return replies, nil
}
