package rin

import (
	"context"
	"fmt"
	"iter"
	"strings"
)

// Scope is a cluster at its place in a store: User.At(root, 1) is everything
// below root:user:1. [Open] returns the root's scope, [ClusterNode.At] the
// others. A scope is immutable and safe for concurrent use.
type Scope struct {
	place  *place
	prefix string
	err    error
}

// At binds the cluster to a scope, with the values of all placeholders between
// the scope and the cluster, in path order, or by name with [Named]. [KeyOf.At]
// says which values a parameter takes.
//
// At does not fail: an error is carried in the scope. Everything that is done
// with the scope returns it, and [Scope.Err] shows it.
func (c *ClusterNode) At(scope *Scope, params ...any) *Scope {
	if c == nil {
		return &Scope{err: errNilNode}
	}
	h := at(scope, &c.node, params)
	return &Scope{h.place, h.key, h.err}
}

// Prefix returns what the keys of the scope begin with, without the colon that
// follows it: root:user:1. It is "" where the root's pattern is empty, and for a
// scope with an error: what sends the prefix to a store goes through
// [Scope.Use].
func (s *Scope) Prefix() string {
	if s == nil {
		return ""
	}
	return s.prefix
}

// String returns the prefix, or what is wrong with the scope.
func (s *Scope) String() string {
	if err := s.Err(); err != nil {
		return err.Error()
	}
	return s.prefix
}

// Params returns the values of all placeholders from the root to the scope, in
// path order: user_id=1 for root:user:1. There are none where the scope has an
// error.
func (s *Scope) Params() []Param {
	if s.check() != nil {
		return nil
	}
	var values []string
	texts := strings.Split(s.prefix, ":")
	for i := range s.place.segments {
		values, _ = s.place.segments[i].Match(texts[i], values)
	}
	return s.place.params(values)
}

// Param returns the value of one placeholder by its name, and whether there is
// such a placeholder between the root and the scope.
func (s *Scope) Param(name string) (string, bool) {
	for _, p := range s.Params() {
		if p.Name == name {
			return p.Value, true
		}
	}
	return "", false
}

// Err returns what is wrong with the scope, nil where nothing is. Everything
// that is done with the scope returns the same.
func (s *Scope) Err() error {
	if err := s.check(); err != nil {
		return s.fail("at", err)
	}
	return nil
}

func (s *Scope) check() error {
	switch {
	case s == nil || s.place == nil && s.err == nil:
		return errNilScope
	default:
		return s.err
	}
}

// store is the scope's store, nil where it has none.
func (s *Scope) store() *store {
	if s == nil || s.place == nil {
		return nil
	}
	return s.place.store
}

func (s *Scope) fail(op string, err error) error {
	e := &OpError{Op: op, Key: s.Prefix(), Err: err}
	if s != nil && s.place != nil {
		e.Pattern = s.place.pattern
	}
	return e
}

// done ends an operation: it gives err the form in which the caller gets it, and
// logs.
func (s *Scope) done(ctx context.Context, op string, w watch, out Outcome, err error) error {
	if err != nil {
		err = s.fail(op, err)
	}
	if s.store() != nil {
		w.end(ctx, op, s.place.pattern, s.prefix, out, err)
	}
	return err
}

// route finds the one way from the scope to a node. Where the scope carries an
// error, the way may be known all the same.
func (s *Scope) route(n *node) (*route, error) {
	if s == nil || s.place == nil {
		return nil, s.check()
	}
	r, ok := s.place.below[n]
	switch {
	case s.err != nil:
		return r, s.err
	case !ok:
		return nil, fmt.Errorf("%w: %s %q is not below %s; %s", ErrNotUnder, n.kind(), n.pattern, s.place.name(), s.place.remedy(n))
	case r.also != nil:
		return nil, fmt.Errorf("%w: %s and %s; start from a scope nearer to it", ErrAmbiguous, r.to.pattern, r.also.pattern)
	}
	return r, nil
}

// remedy says what helps where a node is not below p.
func (p *place) remedy(n *node) string {
	if n == p.store.root.node {
		return "it is the root; rin.Open returns its scope"
	}
	if r, ok := p.store.root.below[n]; ok {
		return fmt.Sprintf("it is %s, so start from a scope above that", r.to.pattern)
	}
	return fmt.Sprintf("add it to rin.Child of %s, or of a cluster below it", p.name())
}

func (p *place) name() string {
	if p.pattern == "" {
		return "the root"
	}
	return p.pattern
}

// under is what every key of the scope begins with.
func (s *Scope) under() string {
	if s.Prefix() == "" {
		return ""
	}
	return s.prefix + ":"
}

// Found is a key that was found in the store, or parsed.
type Found struct {
	Key string
	// Node is the key's declaration, nil where no node declares it.
	Node Node
	// Params are the values of all placeholders from the root, in path order.
	Params []Param
}

// Parse takes a key apart into the node that declares it and the values of its
// placeholders. It is the exact inverse of At. A key that is not below the scope
// is [ErrNotUnder], and one that no node declares is [ErrUndeclared]. It sends
// nothing to the store.
func (s *Scope) Parse(key string) (Found, error) {
	if err := s.check(); err != nil {
		return Found{}, s.fail("parse", err)
	}
	found := s.found(key)
	switch {
	case !strings.HasPrefix(key, s.under()):
		return Found{}, s.fail("parse", fmt.Errorf("%w: key %q", ErrNotUnder, key))
	case found.Node == nil:
		return found, s.fail("parse", fmt.Errorf("%w: key %q", ErrUndeclared, key))
	}
	return found, nil
}

func (s *Scope) found(key string) Found {
	segments := strings.Split(key, ":")
	if p, values := s.place.store.root.parse(segments, nil); p != nil {
		return Found{key, p.node.self, p.params(values)}
	}
	return Found{Key: key}
}

// Subkeys yields every key below the scope, each once, declared or not: those
// that begin with the prefix and a colon, and no other. The order is the
// store's. Keys that are written meanwhile may be missed; an error ends the
// sequence.
//
// It is SCAN over the whole keyspace of a server, on every primary of a
// cluster: O(n) in all its keys, in pages of [PageSize]. On memstore it costs
// the subtree only. It remembers the keys it has yielded, to yield none twice.
func (s *Scope) Subkeys(ctx context.Context) iter.Seq2[string, error] {
	return s.walk(ctx, "subkeys")
}

func (s *Scope) walk(ctx context.Context, op string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		w := s.store().watch(ctx)
		err := s.eachKey(ctx, s.under(), func(key string) bool { return yield(key, nil) })
		if err = s.done(ctx, op, w, OutcomeWalked, err); err != nil {
			yield("", err)
		}
	}
}

// eachKey calls f with each key that begins with prefix, once, until it is false.
func (s *Scope) eachKey(ctx context.Context, prefix string, f func(key string) bool) error {
	seen := map[string]struct{}{}
	for page, err := range s.pages(ctx, prefix) {
		if err != nil {
			return err
		}
		for _, key := range page {
			if has(seen, key) || s.place.store.isSibling(key) {
				continue
			}
			seen[key] = struct{}{}
			if !f(key) {
				return nil
			}
		}
	}
	return nil
}

// Entries yields every key below the scope, as Subkeys does, taken apart as by
// Parse.
func (s *Scope) Entries(ctx context.Context) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		for key, err := range s.walk(ctx, "entries") {
			if err != nil {
				yield(Found{}, err)
				return
			}
			if !yield(s.found(key), nil) {
				return
			}
		}
	}
}

// Count returns how many keys lie below the scope. It costs what Subkeys costs.
func (s *Scope) Count(ctx context.Context) (int64, error) {
	w := s.store().watch(ctx)
	n, err := s.count(ctx)
	return n, s.done(ctx, "count", w, OutcomeWalked, err)
}

func (s *Scope) count(ctx context.Context) (n int64, err error) {
	err = s.eachKey(ctx, s.under(), func(string) bool { n++; return true })
	return n, err
}

// Each yields a scope for each live instance of the cluster below scope, each
// once: for user:<user_id> below the root, one for every user that has a key.
// An error comes with a nil scope and ends the sequence. It costs what Subkeys
// costs.
func (c *ClusterNode) Each(ctx context.Context, scope *Scope) iter.Seq2[*Scope, error] {
	return func(yield func(*Scope, error) bool) {
		w := scope.store().watch(ctx)
		err := c.each(ctx, scope, func(s *Scope) bool { return yield(s, nil) })
		if err = scope.done(ctx, "each", w, OutcomeWalked, err); err != nil {
			yield(nil, err)
		}
	}
}

func (c *ClusterNode) each(ctx context.Context, scope *Scope, f func(*Scope) bool) error {
	if c == nil {
		return errNilNode
	}
	r, err := scope.route(&c.node)
	if err != nil {
		return err
	}
	seen := map[string]struct{}{}
	return scope.eachKey(ctx, scope.prefix+r.literalPrefix(), func(key string) bool {
		prefix, ok := r.to.instance(key)
		if !ok || has(seen, prefix) {
			return true
		}
		seen[prefix] = struct{}{}
		return f(&Scope{place: r.to, prefix: prefix})
	})
}

// literalPrefix is what every key behind the route begins with, as far as no
// placeholder comes between.
func (r *route) literalPrefix() string {
	if len(r.steps) == 0 {
		return r.tail + ":"
	}
	return r.steps[0].lit
}

// instance is the prefix of the instance of p that a key lies under.
func (p *place) instance(key string) (string, bool) {
	end := 0
	for i := range p.segments {
		n := strings.IndexByte(key[end:], ':')
		if n < 0 {
			return "", false
		}
		if _, ok := p.segments[i].Match(key[end:end+n], nil); !ok {
			return "", false
		}
		end += n + 1
	}
	return key[:end-1], true
}

// pages yields the keys that begin with prefix.
func (s *Scope) pages(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	if err := s.check(); err != nil {
		return func(yield func([]string, error) bool) { yield(nil, err) }
	}
	return s.place.store.scan(ctx, prefix)
}
