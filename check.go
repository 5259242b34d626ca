package rin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/redisimnest/rin/internal/pattern"
)

// check puts the declaration into its places, and says what is wrong with it: a
// *SchemaError, or nil.
func (s *store) check(root *node) error {
	var c checker
	s.root = c.place(s, root, nil)
	c.collisions(s.root)
	if len(c.problems) > 0 {
		return &SchemaError{Problems: c.problems}
	}
	return nil
}

// checker gathers what is wrong with a declaration.
type checker struct {
	problems []Problem
	seen     map[Problem]bool
}

// add notes a problem of a node once, however many places the node has.
func (c *checker) add(n *node, format string, args ...any) {
	p := Problem{File: n.file, Line: n.line, Message: fmt.Sprintf(format, args...)}
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
		c.add(n, "%s", problem)
	}
	c.pattern(p)
	if n.value != nil {
		c.bind(p)
	}
	for _, child := range n.children {
		p.children = append(p.children, c.place(s, child.base(), p))
	}
	c.renewal(p)
	return p
}

// pattern turns down a pattern that does not fit into its place.
func (c *checker) pattern(p *place) {
	n := p.node
	switch tag := pattern.LiteralTag(n.pattern); {
	case n.self == nil:
		c.add(n, "a zero node stands in the tree; make nodes with rin.Cluster and rin.Key")
	case n.pattern == "" && p.parent != nil:
		c.add(n, "%s below %q: the pattern is empty; only the root's may be", n.kind(), p.parent.pattern)
	case p.parent == nil && n.hasPlaceholder() && !n.garbled:
		c.add(n, "cluster %q: the root has a parameter, and nothing gives it a value; put it into a cluster below", n.pattern)
	case p.parent != nil && tag != "" && !n.hasPlaceholder() && !n.oneSlot:
		c.add(n, "%s %q: {%s} is a hash tag of that very text, and no parameter; write {<%s>} for a parameter, or give rin.OneSlot() if the tag is meant",
			n.kind(), n.pattern, tag, tag)
	default:
		c.placeholders(p)
	}
}

func (n *node) hasPlaceholder() bool { return strings.Contains(n.pattern, "<") }

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
		for _, name := range s.Names {
			own := i >= len(p.segments)-len(p.node.segments)
			if seen[name] && own {
				c.add(p.node, "%s %q: placeholder <%s> is there twice on the path %s; rename one", p.node.kind(), p.node.pattern, name, p.pattern)
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
		c.add(p.node, "key %q %v", p.node.pattern, err)
	}
	p.binding = binding
}

// renewal turns down a Renew that has nothing to renew: no TTL is declared on
// the node, above, or below.
func (c *checker) renewal(p *place) {
	own := p.node.policy(policy{}).renew
	if own == OnWrite || len(p.node.problems) > 0 || p.expires() {
		return
	}
	c.add(p.node, "%s %q: %v has no TTL to renew at %s; declare rin.TTL on it or above, or leave rin.Renew out",
		p.node.kind(), p.node.pattern, Renew(own), p.pattern)
}

// expires reports whether a TTL is declared for p, or for anything below it.
func (p *place) expires() bool {
	return p.policy.ttl != 0 || p.node.value != nil && p.node.value.fieldTTL != 0 || slices.ContainsFunc(p.children, (*place).expires)
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
		c.add(q.node, "key %s could be the same key as %s (%s); rename one", q.pattern, p.pattern, p.node.where())
	}
}

func (c *checker) foreignKey(cluster, key *place) {
	if cluster.node.value != nil || key.node.value == nil || key.isBelow(cluster) || cluster.pattern == "" {
		return
	}
	n := len(cluster.segments)
	if len(key.segments) > n && overlap(cluster.segments, key.segments[:n]) {
		c.add(key.node, "key %s could lie under the prefix of cluster %s (%s), so that clearing that would delete it; rename one, or declare the key inside",
			key.pattern, cluster.pattern, cluster.node.where())
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

func overlap(a, b []pattern.Segment) bool {
	for i := range a {
		if !a[i].Overlaps(&b[i]) {
			return false
		}
	}
	return true
}

func (n *node) where() string { return Problem{File: n.file, Line: n.line}.position() }
