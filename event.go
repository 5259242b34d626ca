package rin

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Outcome is how an operation ended that did not fail.
type Outcome string

// The outcomes of operations.
const (
	// OutcomeHit and OutcomeMiss are those of a read: there was something, or nothing.
	OutcomeHit  Outcome = "hit"
	OutcomeMiss Outcome = "miss"
	// OutcomeApplied and OutcomeNotApplied are those of a write: it was done, or the key was
	// not as the operation wanted it.
	OutcomeApplied    Outcome = "applied"
	OutcomeNotApplied Outcome = "not applied"
	// OutcomeWalked is that of a walk.
	OutcomeWalked Outcome = "walked"

	// OutcomeLoaded, OutcomeJoined and OutcomeStale are those of a fetch, besides a hit:
	// this caller has begun the load of its value, or has waited for that of another one, or
	// has got a value that has expired, as [StaleIfError] says.
	OutcomeLoaded Outcome = "loaded"
	OutcomeJoined Outcome = "joined"
	OutcomeStale  Outcome = "stale"
	// OutcomeAbsent is that of a fetch where it was known that there is nothing to load, and
	// that of a load which has found nothing.
	OutcomeAbsent Outcome = "absent"

	// OutcomeStored, OutcomeUnchanged, OutcomeNotStored and OutcomeRefused are those of a
	// load: its value was stored; the old one was still good, and was stored anew; the
	// loader, or a store that failed, did not want it stored; or the key was changed since it
	// began.
	OutcomeStored    Outcome = "stored"
	OutcomeUnchanged Outcome = "unchanged"
	OutcomeNotStored Outcome = "not stored"
	OutcomeRefused   Outcome = "refused"
)

// did is the outcome of an operation of one op, if it is to be told of.
func (w watch) did(op backend.Op) Outcome {
	if w.store == nil {
		return ""
	}
	switch yes := backend.Did(op); {
	case backend.EffectOf(op) == backend.Write:
		return didOrNot(yes)
	case yes:
		return OutcomeHit
	}
	return OutcomeMiss
}

func didOrNot(did bool) Outcome {
	if did {
		return OutcomeApplied
	}
	return OutcomeNotApplied
}

// Event is an operation that has ended: see [OnEvent].
type Event struct {
	// Op is the operation, as in an [OpError]: "get", "set if absent", "fetch". What a
	// fetch does beside, for all who wait for it, is "load", or "refresh" where it is early,
	// and "wait" where it had to wait for another process: see [Exclusive].
	Op string
	// Pattern is that of the key, and Key the key itself.
	Pattern string
	Key     string
	// Outcome is how it ended, if Err is nil, or OutcomeAbsent.
	Outcome Outcome
	// Err is the error that the caller gets.
	Err error
	// Took is how long it took; a load, without storing.
	Took time.Duration
}

type onEventOption struct {
	f func(context.Context, Event)
}

// OnEvent has f called when an operation has ended, for counters and traces: by Op, Outcome
// and Pattern there are few different events. It is called by whoever carries out the
// operation, which waits for it, with that one's context, and by many at a time.
//
// By default nothing is called.
func OnEvent(f func(context.Context, Event)) OpenOption { return onEventOption{f} }

func (o onEventOption) validInOpen(s *store) error {
	if o.f == nil {
		return fmt.Errorf("%v: the function is nil", o)
	}
	s.onEvent = append(s.onEvent, o.f)
	return nil
}

func (onEventOption) String() string { return "OnEvent(…)" }

// watch is an operation that is to be told of when it ends; the zero watch is one
// that is not, and is not timed.
type watch struct {
	store *store
	start time.Time
}

// watch begins an operation.
func (s *store) watch(ctx context.Context) watch {
	if s == nil || len(s.onEvent) == 0 && !s.logs(ctx) {
		return watch{}
	}
	return watch{s, time.Now()}
}

func (s *store) logs(ctx context.Context) bool {
	return s.logger != nil && s.logger.Enabled(ctx, slog.LevelDebug)
}

// end tells of the operation. The error is the one that the caller gets.
func (w watch) end(ctx context.Context, op, pattern, key string, out Outcome, err error) {
	if w.store != nil {
		w.store.tell(ctx, Event{Op: op, Pattern: pattern, Key: key, Outcome: out, Err: err, Took: time.Since(w.start)})
	}
}

// tell logs an event, and calls whoever wants to know of it.
func (s *store) tell(ctx context.Context, e Event) {
	if e.Err != nil && e.Outcome != OutcomeAbsent {
		e.Outcome = ""
	}
	for _, f := range s.onEvent {
		f(ctx, e)
	}
	if !s.logs(ctx) {
		return
	}
	attrs := []slog.Attr{slog.String("op", e.Op), slog.String("pattern", e.Pattern), slog.String("key", e.Key)}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("error", e.Err))
	} else {
		attrs = append(attrs, slog.String("outcome", string(e.Outcome)))
	}
	s.logger.LogAttrs(ctx, slog.LevelDebug, "rin", append(attrs, slog.Duration("took", e.Took))...)
}
