package rin

import (
	"context"
	"fmt"
	"slices"

	"github.com/redisimnest/rin/backend"
)

// ClearOption is an option of [Scope.Clear].
type ClearOption interface {
	fmt.Stringer
	validInClear(*clearing)
}

type clearMode int

const (
	dryRun clearMode = iota
	force
)

// DryRun makes Clear count what it would delete, and delete nothing. It needs
// no [Force].
func DryRun() ClearOption { return dryRun }

// Force clears what is declared [Protected].
func Force() ClearOption { return force }

func (m clearMode) validInClear(c *clearing) {
	c.dryRun = c.dryRun || m == dryRun
	c.force = c.force || m == force
}

func (m clearMode) String() string { return constant(int(m), "DryRun()", "Force()") }

type protectedOption struct{}

// Protected makes [Scope.Clear] refuse to clear the cluster, or a cluster above
// it, unless [Force] is given. It applies to [Cluster].
func Protected() ClusterOption { return protectedOption{} }

func (protectedOption) validInCluster() {}

func (protectedOption) declare(n *node) { n.protected = true }

func (protectedOption) String() string { return "Protected()" }

// clearing is how a Clear goes about it.
type clearing struct{ dryRun, force bool }

// Clear deletes every key below the scope, declared or not: those that begin
// with the prefix and a colon, and no other. It returns how many it deleted,
// also where it fails or the context ends on the way; what is left can be
// cleared by calling it again. Keys that are written meanwhile may stay, but nothing that
// [Entry.Fetch] had begun to load.
//
// A cluster that is declared [Protected], or that has one below it, refuses
// with [ErrProtected] unless [Force] is given. A scope whose prefix is empty
// refuses with [ErrUnscoped]. [DryRun] counts and deletes nothing.
//
// It is SCAN and UNLINK, in pages of [PageSize], over the whole keyspace of a
// server and on every primary of a cluster: O(n) in all its keys. Where a [Key] is declared
// below the scope, it is a SCAN more, ahead of that, for the loads under way. On memstore it
// costs the subtree only.
func (s *Scope) Clear(ctx context.Context, opts ...ClearOption) (int64, error) {
	w := s.store().watch(ctx)
	deleted, err := s.clear(ctx, opts)
	return deleted, s.done(ctx, "clear", w, didOrNot(deleted > 0), err)
}

func (s *Scope) clear(ctx context.Context, opts []ClearOption) (deleted int64, err error) {
	var c clearing
	if err := s.mayClear(&c, opts); err != nil {
		return 0, err
	}
	if c.dryRun {
		return s.count(ctx)
	}
	if s.place.caches() {
		// What has begun to load can store until its lease is gone. What it has stored
		// before that, the second walk finds.
		if _, err := s.deleteAll(ctx, s.place.store.isSibling); err != nil {
			return 0, fmt.Errorf("%w; no keys were deleted before", err)
		}
	}
	deleted, err = s.deleteAll(ctx, func(string) bool { return true })
	if err != nil {
		return deleted, fmt.Errorf("%w; %d keys were deleted before", err, deleted)
	}
	return deleted, nil
}

// deleteAll deletes the keys below the scope that are meant.
func (s *Scope) deleteAll(ctx context.Context, meant func(key string) bool) (deleted int64, err error) {
	for page, err := range s.pages(ctx, s.under()) {
		if err != nil {
			return deleted, err
		}
		page = slices.DeleteFunc(page, func(key string) bool { return !meant(key) })
		n, err := s.delete(ctx, page)
		if deleted += n; err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}

// caches says that p, or a place below it, is of a Key that can be fetched.
func (p *place) caches() bool {
	return p.caching != nil || slices.ContainsFunc(p.children, (*place).caches)
}

func (s *Scope) mayClear(c *clearing, opts []ClearOption) error {
	if err := s.check(); err != nil {
		return err
	}
	for _, opt := range opts {
		if opt == nil {
			return fmt.Errorf("an option of Clear is nil; leave it out")
		}
		opt.validInClear(c)
	}
	if s.prefix == "" {
		return ErrUnscoped
	}
	if p := s.place.protected(); p != nil && !c.force && !c.dryRun {
		return fmt.Errorf("%w: cluster %s is declared rin.Protected(); give rin.Force() to clear it all the same", ErrProtected, p.pattern)
	}
	return nil
}

// protected is p, or a cluster below it, if that is declared Protected.
func (p *place) protected() *place {
	if p.node.protected {
		return p
	}
	for _, child := range p.children {
		if found := child.protected(); found != nil {
			return found
		}
	}
	return nil
}

// delete deletes keys in one pipeline for each page's worth of them.
func (s *Scope) delete(ctx context.Context, keys []string) (deleted int64, err error) {
	st := s.place.store
	dels := make([]backend.Delete, min(len(keys), st.pageSize))
	ops := make([]backend.Op, len(dels))
	for chunk := range slices.Chunk(keys, st.pageSize) {
		for i, key := range chunk {
			dels[i] = backend.Delete{Key: key, Pattern: s.place.pattern + ":*"}
			ops[i] = &dels[i]
		}
		err = st.exec(ctx, ops[:len(chunk)]...)
		for i := range chunk {
			if dels[i].Deleted && !st.isSibling(dels[i].Key) {
				deleted++
			}
		}
		if err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}
