package rin

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/redisimnest/rin/internal/pattern"
)

// A place is a node where it stands in an opened tree: a node that is a child
// of two clusters has two places.
type place struct {
	store    *store
	node     *node
	parent   *place
	children []*place

	garbled  bool              // a pattern on the path can't be read
	pattern  string            // from the root: root:user:<user_id>:age
	segments []pattern.Segment // from the root
	policy   policy
	below    map[*node]*route // every node below a cluster
	binding  any              // *binding[T] of a Key[T]
	caching  *caching         // of a Key[T]
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
		for j, name := range s.Names {
			lit.WriteString(s.Lits[j])
			r.steps = append(r.steps, step{lit.String(), s.Apart})
			r.names = append(r.names, name)
			lit.Reset()
		}
		lit.WriteString(s.Lits[len(s.Names)])
	}
	r.tail = lit.String()
	return r
}

// render builds the key, or the prefix, that the route leads to.
func (r *route) render(prefix string, params []any) (string, error) {
	params, err := positional(r.names, params)
	if err != nil {
		return "", r.explain(err)
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

// explain adds to a parameter too many that what looks like its placeholder is
// none.
func (r *route) explain(err error) error {
	if tag := pattern.LiteralTag(r.to.pattern); tag != "" && errors.Is(err, ErrExtraParam) {
		return fmt.Errorf("%w; {%s} in %s is a hash tag of that very text, and no parameter: write {<%s>} for one", err, tag, r.to.pattern, tag)
	}
	return err
}

// parse finds the declared place of a key and the values of its placeholders.
// Patterns do not overlap, so there is at most one.
func (p *place) parse(segments, values []string) (*place, []string) {
	own := p.node.segments
	if len(segments) < len(own) {
		return nil, nil
	}
	for i := range own {
		var ok bool
		if values, ok = own[i].Match(segments[i], values); !ok {
			return nil, nil
		}
	}
	rest := segments[len(own):]
	if p.node.value != nil {
		if len(rest) > 0 {
			return nil, nil
		}
		return p, values
	}
	for _, child := range p.children {
		if found, values := child.parse(rest, values); found != nil {
			return found, values
		}
	}
	return nil, nil
}

// params gives the values of the placeholders on p's path their names.
func (p *place) params(values []string) []Param {
	var params []Param
	for _, s := range p.segments {
		for _, name := range s.Names {
			params = append(params, Param{name, values[len(params)]})
		}
	}
	return params
}
