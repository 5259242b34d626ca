package walk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/wire"
)

// view is who serves which slot of a cluster, by what its servers say of
// themselves and of each other.
type view struct {
	owner   [backend.Slots]string // the id of who serves a slot; empty: nobody
	members map[string]*member    // by id
	failed  map[string]error      // why a server has not answered, by address
}

// member is a server of a cluster.
type member struct {
	id, addr string
	primary  bool
	epoch    int64
	slots    []int
	from     map[int]string // the ids of those that are handing it slots
	to       map[int]string // the ids of those that it is handing slots
	node     Node           // nil for one that has not answered
}

// answerTime is how long a look waits for a server, if the others make a whole
// without it.
const answerTime = 2 * time.Second

// answer is what a server said.
type answer struct {
	addr    string
	node    Node
	members []*member
	err     error
}

// look asks all servers at once, and does not wait for those that it can do
// without.
func (c *clusterWalk) look(ctx context.Context, keys []string) (*view, error) {
	nodes, err := c.nodes(ctx, keys)
	if err != nil {
		return nil, err
	}
	if len(nodes) == 0 {
		return nil, errors.New("the client knows no server of the cluster")
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	answers := make(chan answer, len(nodes))
	for addr, node := range nodes {
		go func() { answers <- describe(ctx, addr, node) }()
	}
	v := &view{members: map[string]*member{}, failed: map[string]error{}}
	for range nodes {
		v.add(<-answers)
		if v.settle(); v.whole() == nil {
			break
		}
	}
	return v, nil
}

func describe(ctx context.Context, addr string, node Node) answer {
	replies, err := ask(ctx, node, []string{"CLUSTER", "NODES"})
	if err != nil {
		return answer{addr: addr, err: err}
	}
	members, err := parseNodes(replies[0].Text)
	return answer{addr, node, members, err}
}

// parseNodes reads the answer of CLUSTER NODES, the server's own line first.
func parseNodes(text string) (members []*member, err error) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 8 {
			return nil, fmt.Errorf("CLUSTER NODES answered %v", wire.Reply{Text: text})
		}
		m := &member{id: words[0], addr: words[1], from: map[int]string{}, to: map[int]string{}}
		flags := "," + words[2] + ","
		m.primary = strings.Contains(flags, ",master,") && !strings.Contains(flags, ",fail,")
		if m.epoch, err = strconv.ParseInt(words[6], 10, 64); err != nil {
			return nil, fmt.Errorf("CLUSTER NODES answered the epoch %q", words[6])
		}
		for _, word := range words[8:] {
			if err := m.addSlots(word); err != nil {
				return nil, err
			}
		}
		if strings.Contains(flags, ",myself,") {
			members = append([]*member{m}, members...)
		} else {
			members = append(members, m)
		}
	}
	return members, nil
}

// addSlots reads a slot, a range of slots, or a slot on its way: [93-<-id] is
// handed over by id, and [93->-id] to it.
func (m *member) addSlots(word string) error {
	if rest, ok := strings.CutPrefix(word, "["); ok {
		rest = strings.TrimSuffix(rest, "]")
		for between, others := range map[string]map[int]string{"-<-": m.from, "->-": m.to} {
			slot, other, moving := strings.Cut(rest, between)
			if n, err := strconv.Atoi(slot); moving && err == nil {
				others[n] = other
			}
		}
		return nil
	}
	first, last, ranged := strings.Cut(word, "-")
	if !ranged {
		last = first
	}
	from, err := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if err != nil || err2 != nil || from < 0 || to < from || to >= backend.Slots {
		return fmt.Errorf("CLUSTER NODES answered the slots %q", word)
	}
	for slot := from; slot <= to; slot++ {
		m.slots = append(m.slots, slot)
	}
	return nil
}

// add notes what a server said. Of itself it knows best; of the others counts
// the word with the highest epoch.
func (v *view) add(a answer) {
	for i, m := range a.members {
		known := v.members[m.id]
		if i == 0 {
			m.node = a.node
		} else if known != nil && (known.node != nil || known.epoch >= m.epoch) {
			continue
		}
		v.members[m.id] = m
	}
	if a.err != nil {
		v.failed[a.addr] = a.err
	}
}

// settle gives each slot to who claims it with the highest epoch.
func (v *view) settle() {
	v.owner = [backend.Slots]string{}
	for _, m := range v.members {
		if !m.primary {
			continue
		}
		for _, slot := range m.slots {
			if other := v.members[v.owner[slot]]; other == nil || other.epoch < m.epoch {
				v.owner[slot] = m.id
			}
		}
	}
}

// whole is an error that names the slots that nobody serves, or whose server has
// not answered, or that which it is being handed: only that one tells of it.
func (v *view) whole() error {
	var missing []int
	var lost *member
	for slot, id := range v.owner {
		for _, m := range v.concerned(slot, id) {
			if m == nil || m.node == nil {
				missing = append(missing, slot)
				lost = cmp.Or(lost, m)
				break
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	err := fmt.Errorf("not visited: slots %s, which no server serves that can be reached", ranges(missing))
	if cause := v.cause(lost); cause != nil {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// concerned are the server of a slot, and the one that it hands it to.
func (v *view) concerned(slot int, id string) []*member {
	m := v.members[id]
	if m != nil && m.to[slot] != "" {
		return []*member{m, v.members[m.to[slot]]}
	}
	return []*member{m}
}

// cause is why a server has not answered, or any other has not, where it is not
// known which it would have been.
func (v *view) cause(lost *member) error {
	for _, addr := range slices.Sorted(maps.Keys(v.failed)) {
		if lost == nil || strings.HasPrefix(lost.addr, addr+"@") {
			return v.failed[addr]
		}
	}
	return nil
}

// unknown are keys of slots whose server the client has not named.
func (v *view) unknown() (keys []string) {
	asked := map[string]bool{}
	for slot, id := range v.owner {
		if m := v.members[id]; (m == nil || m.node == nil) && !asked[id] {
			asked[id] = true
			keys = append(keys, key(slot))
		}
	}
	return keys
}

func (v *view) slotsOf(id string) string {
	var slots []int
	for slot, owner := range v.owner {
		if owner == id {
			slots = append(slots, slot)
		}
	}
	return ranges(slots)
}

// ranges are slots in order as one writes them: 0-99, 200.
func ranges(slots []int) string {
	var texts []string
	for i := 0; i < len(slots); {
		j := i
		for j+1 < len(slots) && slots[j+1] == slots[j]+1 {
			j++
		}
		if i == j {
			texts = append(texts, strconv.Itoa(slots[i]))
		} else {
			texts = append(texts, fmt.Sprintf("%d-%d", slots[i], slots[j]))
		}
		i = j + 1
	}
	return strings.Join(texts, ", ")
}
