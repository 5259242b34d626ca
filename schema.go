package rin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
)

// A place is a node where it stands in an opened tree: a node that is a child
// of two clusters has two places.
type place struct {
	store    *store
	node     *node
	parent   *place
	children []*place

	garbled  bool      // a pattern on the path can't be read
	pattern  string    // from the root: root:user:<user_id>:age
	segments []segment // from the root
	policy   policy
	below    map[*node]*route // every node below a cluster
	binding  any              // *binding[T] of a Key[T]
	loadTime atomic.Int64     // how long a Fetch takes to load, in nanoseconds
}

// A route leads from a cluster to a node below it.
type route struct {
	to    *place
	also  *place // a second place of the same node, which makes it ambiguous
	steps []step
	tail  string
	names []string
}

// A step renders one placeholder, and the literals before it.
type step struct {
	lit   string
	apart string
}

// Open checks the whole declaration below root, binds it to a backend, and
// returns the scope of the root. It sends nothing to the store. The backend
// stays the caller's, to close and to use elsewhere.
//
// A declaration with mistakes gives one [*SchemaError] that lists all of them,
// each with its file:line.
func Open(root *ClusterNode, b backend.Backend, opts ...OpenOption) (*Scope, error) {
	s := &store{backend: b, pageSize: backend.DefaultPageSize}
	check := checker{}
	if isNil(b) {
		check.add(nil, "the backend is nil; give memstore.New(), goredis.New(client) or valkeygo.New(client)")
	}
	for _, opt := range opts {
		if isNil(opt) {
			check.add(nil, "an option of Open is nil; leave it out")
		} else if err := opt.validInOpen(s); err != nil {
			check.add(nil, err.Error())
		}
	}
	if s.registry == nil {
		s.registry = codec.Standard()
	}
	if err := s.registry.Err(); err != nil {
		check.add(nil, err.Error())
	}
	if root == nil {
		check.add(nil, "the root cluster is nil")
	} else {
		s.root = check.place(s, &root.node, nil)
		check.collisions(s.root)
	}
	if len(check.problems) > 0 {
		return nil, &SchemaError{Problems: check.problems}
	}
	s.root.routes()
	s.now = func() time.Time { return backend.Now(b) }
	return &Scope{place: s.root, prefix: s.root.pattern}, nil
}

// checker gathers what is wrong with a declaration.
type checker struct {
	problems []Problem
	seen     map[Problem]bool
}

// add notes a problem of a node once, however many places the node has. A nil
// node stands for the call of Open.
func (c *checker) add(n *node, message string) {
	p := Problem{Message: message}
	if n != nil {
		p.File, p.Line = n.file, n.line
	}
	if c.seen[p] {
		return
	}
	if c.seen == nil {
		c.seen = map[Problem]bool{}
	}
	c.seen[p] = true
	c.problems = append(c.problems, p)
}

// place puts n and everything below it in its place below parent.
func (c *checker) place(s *store, n *node, parent *place) *place {
	p := &place{store: s, node: n, parent: parent, garbled: n.garbled, pattern: n.pattern, segments: n.segments}
	var inherited policy
	if parent != nil {
		inherited = parent.policy
		p.garbled = n.garbled || parent.garbled || n.pattern == ""
		p.pattern = join(parent.pattern, n.pattern)
		p.segments = slices.Concat(parent.segments, n.segments)
	}
	p.policy = n.policy(inherited)
	for _, problem := range n.problems {
		c.add(n, problem)
	}
	switch {
	case n.pattern == "" && parent != nil:
		c.add(n, fmt.Sprintf("%s below %q: the pattern is empty; only the root's may be", n.kind(), parent.pattern))
	case parent == nil && strings.Contains(n.pattern, "<") && !n.garbled:
		c.add(n, fmt.Sprintf("cluster %q: the root has a parameter, and nothing gives it a value; put it into a cluster below", n.pattern))
	default:
		c.placeholders(p)
	}
	if n.value != nil {
		c.bind(p)
	}
	for _, child := range n.children {
		p.children = append(p.children, c.place(s, child.base(), p))
	}
	return p
}

func join(prefix, rest string) string {
	if prefix == "" {
		return rest
	}
	return prefix + ":" + rest
}

// placeholders turns down a name that is there twice on one path: a child never
// silently takes its parent's value.
func (c *checker) placeholders(p *place) {
	seen := map[string]bool{}
	for i, s := range p.segments {
		for _, name := range s.names {
			own := i >= len(p.segments)-len(p.node.segments)
			if seen[name] && own {
				c.add(p.node, fmt.Sprintf("%s %q: placeholder <%s> is there twice on the path %s; rename one", p.node.kind(), p.node.pattern, name, p.pattern))
			}
			seen[name] = true
		}
	}
}

// bind resolves how the place's values are written and read. A node whose own
// options are wrong already would only repeat itself.
func (c *checker) bind(p *place) {
	if len(p.node.problems) > 0 || p.store.registry.Err() != nil {
		return
	}
	binding, err := p.node.value.bind(p)
	if err != nil {
		c.add(p.node, fmt.Sprintf("key %q %v", p.node.pattern, err))
	}
	p.binding = binding
}

// collisions turns down two nodes whose keys could be equal, and a cluster
// whose prefix could hold a key that is declared outside it.
func (c *checker) collisions(root *place) {
	garbled := func(p *place) bool { return p.garbled } // it would seem to collide with everything
	all := slices.DeleteFunc(root.appendAll(nil), garbled)
	for i, p := range all {
		for _, q := range all[i+1:] {
			if p.node.value != nil && q.node.value != nil {
				c.equalKeys(p, q)
			}
			c.foreignKey(p, q)
			c.foreignKey(q, p)
		}
	}
}

func (p *place) appendAll(all []*place) []*place {
	all = append(all, p)
	for _, child := range p.children {
		all = child.appendAll(all)
	}
	return all
}

func (c *checker) equalKeys(p, q *place) {
	if len(p.segments) == len(q.segments) && overlap(p.segments, q.segments) {
		c.add(q.node, fmt.Sprintf("key %s could be the same key as %s (%s); rename one", q.pattern, p.pattern, p.node.where()))
	}
}

func (c *checker) foreignKey(cluster, key *place) {
	if cluster.node.value != nil || key.node.value == nil || key.isBelow(cluster) || cluster.pattern == "" {
		return
	}
	n := len(cluster.segments)
	if len(key.segments) > n && overlap(cluster.segments, key.segments[:n]) {
		c.add(key.node, fmt.Sprintf("key %s could lie under the prefix of cluster %s (%s), so that clearing that would delete it; rename one, or declare the key inside",
			key.pattern, cluster.pattern, cluster.node.where()))
	}
}

func (p *place) isBelow(cluster *place) bool {
	for ; p != nil; p = p.parent {
		if p == cluster {
			return true
		}
	}
	return false
}

func overlap(a, b []segment) bool {
	for i := range a {
		if !a[i].overlaps(&b[i]) {
			return false
		}
	}
	return true
}

func (n *node) where() string { return Problem{File: n.file, Line: n.line}.position() }

// routes works out, for every cluster, how the keys of all nodes below it are
// rendered.
func (p *place) routes() {
	if p.node.value != nil {
		return
	}
	p.below = map[*node]*route{}
	for _, to := range p.appendAll(nil)[1:] {
		if first, ok := p.below[to.node]; ok {
			first.also = cmp.Or(first.also, to)
		} else {
			p.below[to.node] = p.routeTo(to)
		}
	}
	for _, child := range p.children {
		child.routes()
	}
}

func (p *place) routeTo(to *place) *route {
	r := &route{to: to}
	var lit strings.Builder
	for i, s := range to.segments[len(p.segments):] {
		if i > 0 || p.pattern != "" {
			lit.WriteByte(':')
		}
		for j, name := range s.names {
			lit.WriteString(s.lits[j])
			r.steps = append(r.steps, step{lit.String(), s.apart})
			r.names = append(r.names, name)
			lit.Reset()
		}
		lit.WriteString(s.lits[len(s.names)])
	}
	r.tail = lit.String()
	return r
}

// render builds the key, or the prefix, that the route leads to.
func (r *route) render(prefix string, params []any) (string, error) {
	params, err := positional(r.names, params)
	if err != nil {
		return "", err
	}
	var buf [128]byte // most keys fit, so that the string is the only allocation
	key := append(buf[:0], prefix...)
	for i, step := range r.steps {
		key = append(key, step.lit...)
		if key, err = appendParam(key, params[i], step.apart); err != nil {
			return "", fmt.Errorf("<%s>: %w", r.names[i], err)
		}
	}
	return string(append(key, r.tail...)), nil
}

// parse finds the declared place of a key and the parameters in it. Patterns do
// not overlap, so there is at most one.
func (p *place) parse(segments []string, params []Param) (*place, []Param) {
	own := p.node.segments
	if len(segments) < len(own) {
		return nil, nil
	}
	for i := range own {
		var ok bool
		if params, ok = own[i].match(segments[i], params); !ok {
			return nil, nil
		}
	}
	rest := segments[len(own):]
	if p.node.value != nil {
		if len(rest) > 0 {
			return nil, nil
		}
		return p, params
	}
	for _, child := range p.children {
		if found, params := child.parse(rest, params); found != nil {
			return found, params
		}
	}
	return nil, nil
}
