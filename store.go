package rin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/internal/coalesce"
	"github.com/redisimnest/rin/internal/flight"
)

// store is an opened schema: the declaration, resolved, and the backend that it
// is bound to.
type store struct {
	backend  backend.Backend
	registry *codec.Registry
	logger   *slog.Logger
	onEvent  []func(context.Context, Event)
	pageSize int
	now      func() time.Time
	root     *place
	closed   atomic.Bool
	flights  flight.Group[flightKey]
	reads    coalesce.Group[readKey, seen]
	turns    turns
	// life ends with Close, and with it the leases that are kept.
	life     context.Context
	end      context.CancelCauseFunc
	leaseMu  sync.Mutex // no lease, and no renewal of one, begins when life has ended
	leases   map[*Lease]struct{}
	renewals sync.WaitGroup
}

// exec carries out ops in one round trip. It and transact are the only callers of
// the backend's Exec and Transact: everything that an operation sends passes here.
func (s *store) exec(ctx context.Context, ops ...backend.Op) error {
	if s.closed.Load() {
		return backend.FailAll(ops, ErrClosed)
	}
	return s.explained(ctx, ops, s.backend.Exec(ctx, ops...))
}

// batches are those of one op: a slice that is handed to a backend is always on the heap.
var batches = sync.Pool{New: func() any { return new([1]backend.Op) }}

func (s *store) execOne(ctx context.Context, op backend.Op) error {
	batch := batches.Get().(*[1]backend.Op)
	batch[0] = op
	err := s.exec(ctx, batch[:]...)
	batch[0] = nil
	batches.Put(batch)
	return err
}

// insist carries out ops that do no harm when they are carried out twice: those whose reply
// is lost are sent again, and again says so.
func (s *store) insist(ctx context.Context, ops ...backend.Op) (again bool, err error) {
	const tries = 4
	todo := ops
	for try := 1; ; try++ {
		if s.exec(ctx, todo...) == nil {
			return try > 1, backend.FirstErr(ops)
		}
		lost := slices.DeleteFunc(slices.Clone(todo), func(op backend.Op) bool { return !errors.Is(backend.Err(op), ErrUnknownOutcome) })
		if len(lost) == 0 || ctx.Err() != nil || try == tries {
			return try > 1, backend.FirstErr(ops)
		}
		for _, op := range lost {
			backend.Fail(op, nil)
		}
		todo = lost
	}
}

// holds notes a lease that is held, unless the store is closed.
func (s *store) holds(l *Lease) bool {
	s.leaseMu.Lock()
	defer s.leaseMu.Unlock()
	if s.life.Err() != nil {
		return false
	}
	if s.leases == nil {
		s.leases = map[*Lease]struct{}{}
	}
	s.leases[l] = struct{}{}
	return true
}

func (s *store) letsGo(l *Lease) {
	s.leaseMu.Lock()
	defer s.leaseMu.Unlock()
	delete(s.leases, l)
}

// renewing begins the renewal of a lease, which ends by renewals.Done, unless the store is
// closed.
func (s *store) renewing() (begun bool) {
	s.leaseMu.Lock()
	defer s.leaseMu.Unlock()
	if s.life.Err() != nil {
		return false
	}
	s.renewals.Add(1)
	return true
}

// endLeases ends those that are held, and waits for the renewals that are under way.
func (s *store) endLeases() {
	s.leaseMu.Lock()
	s.end(ErrClosed)
	held := slices.Collect(maps.Keys(s.leases))
	s.leaseMu.Unlock()
	for _, l := range held {
		l.end(ErrClosed)
	}
	s.renewals.Wait()
}

// sleep waits until d has passed, or wake says so. Where ctx ends before, or the store is
// closed, it is an error.
func (s *store) sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	case <-s.life.Done():
	}
	return errors.Join(ctx.Err(), context.Cause(s.life))
}

// explained is the error of ops that were sent. Those that found another kind of value
// than they want say which one: a server does not, so that it is asked.
func (s *store) explained(ctx context.Context, ops []backend.Op, err error) error {
	if err == nil {
		return nil
	}
	for _, op := range ops {
		if !errors.Is(backend.Err(op), ErrWrongKind) || backend.KindOf(op) == backend.KindAny {
			continue
		}
		for _, key := range backend.Keys(op) {
			asked := &backend.Type{Key: key, Pattern: backend.Pattern(op)}
			if s.backend.Exec(ctx, asked) == nil && asked.Found && asked.Kind != backend.KindOf(op).String() {
				backend.Fail(op, wrongKind(asked.Kind, backend.KindOf(op)))
				break
			}
		}
	}
	return cmp.Or(backend.FirstErr(ops), err)
}

func wrongKind(held string, want backend.Kind) error {
	return fmt.Errorf("%w: a %s, not a %v", ErrWrongKind, held, want)
}

// wait waits until a list has an element.
func (s *store) wait(ctx context.Context, key string) error {
	if s.closed.Load() {
		return ErrClosed
	}
	return backend.Wait(ctx, s.backend, key)
}

// transact carries out ops as one transaction.
func (s *store) transact(ctx context.Context, ops ...backend.Op) error {
	if s.closed.Load() {
		return backend.FailAll(ops, ErrClosed)
	}
	return s.explained(ctx, ops, backend.Transact(ctx, s.backend, ops...))
}

// scan yields the keys that begin with prefix. A key that does not would be
// another scope's, so what a backend says is not taken on trust.
func (s *store) scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		if s.closed.Load() {
			yield(nil, ErrClosed)
			return
		}
		for page, err := range backend.ScanPages(ctx, s.backend, prefix, s.pageSize) {
			page = slices.DeleteFunc(page, func(key string) bool { return !strings.HasPrefix(key, prefix) })
			if !yield(page, err) {
				return
			}
		}
	}
}
