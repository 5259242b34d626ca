package memstore

import (
	"context"
	"fmt"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Exec runs ops in order, each atomically, as [backend.Backend] says.
func (s *Store) Exec(ctx context.Context, ops ...backend.Op) error {
	if err := s.ready(ctx, ops); err != nil {
		return err
	}
	for _, op := range ops {
		s.exec(op)
	}
	return backend.FirstErr(ops)
}

// ready fails ops that there is no use in carrying out.
func (s *Store) ready(ctx context.Context, ops []backend.Op) error {
	if s.err != nil {
		return backend.FailAll(ops, s.err)
	}
	return backend.Ended(ctx, ops)
}

// exec carries out one op. A plain Get, the most frequent, has a short way; other
// reads of plain values need no lock either.
func (s *Store) exec(op backend.Op) {
	if o, ok := op.(*backend.Get); ok && o.TTL == 0 {
		if it, _ := s.look(o.Key); it == nil || it.kind() == backend.KindString {
			get(o, it)
			return
		}
	}
	d, key := deedOf(op), backend.Key(op)
	if d == nil {
		backend.Fail(op, unsupported(op))
		return
	}
	if !d.locks {
		if it, now := s.look(key); it == nil || it.other == nil {
			s.do(d, op, it, now)
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.timeless != nil && d.timeless(op) {
		if it := s.keys.load(key); !it.ages() {
			s.do(d, op, it, time.Time{})
			return
		}
	}
	s.carryOut(d, op, s.now())
}

// carryOut carries out a deed, under the lock.
func (s *Store) carryOut(d *deed, op backend.Op, now time.Time) {
	s.do(d, op, s.keys.live(backend.Key(op), now), now)
}

// do carries out a deed on the item of op's key, if its kind is the one that op
// wants.
func (s *Store) do(d *deed, op backend.Op, it *item, now time.Time) {
	if err := wants(backend.KindOf(op), it); err != nil {
		backend.Fail(op, err)
	} else {
		d.run(s, op, it, now)
	}
}

// wants checks the kind of an item, if there is one.
func wants(kind backend.Kind, it *item) error {
	if it == nil || kind == backend.KindAny || kind == it.kind() {
		return nil
	}
	return fmt.Errorf("%w: a %v, not a %v", backend.ErrWrongKind, it.kind(), kind)
}

func unsupported(op backend.Op) error {
	return fmt.Errorf("memstore: %s: %w", backend.Name(op), backend.ErrUnsupported)
}
