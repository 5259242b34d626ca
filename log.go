package rin

import (
	"context"
	"log/slog"
	"time"

	"github.com/redisimnest/rin/backend"
)

// outcome is how an operation ended that did not fail, for the log.
type outcome string

const (
	hit       outcome = "hit"
	miss      outcome = "miss"
	applied   outcome = "applied"
	unapplied outcome = "not applied" // the key was not as the operation wanted it
	walked    outcome = "walked"
	fetched   outcome = "loaded" // by this caller, or by another one that it waited for
)

// did is the outcome of an operation of one op.
func did(op backend.Op) outcome {
	switch yes := backend.Did(op); {
	case backend.EffectOf(op) == backend.Write:
		return didOrNot(yes)
	case yes:
		return hit
	}
	return miss
}

func didOrNot(did bool) outcome {
	if did {
		return applied
	}
	return unapplied
}

// watch is an operation that is to be logged when it ends; the zero watch is one
// that is not, and is not timed.
type watch struct {
	store *store
	start time.Time
}

// watch begins an operation.
func (s *store) watch(ctx context.Context) watch {
	if s == nil || s.logger == nil || !s.logger.Enabled(ctx, slog.LevelDebug) {
		return watch{}
	}
	return watch{s, time.Now()}
}

// end logs the operation. The error is the one that the caller gets.
func (w watch) end(ctx context.Context, op, pattern, key string, out outcome, err error) {
	if w.store == nil {
		return
	}
	attrs := []slog.Attr{slog.String("op", op), slog.String("pattern", pattern), slog.String("key", key)}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	} else {
		attrs = append(attrs, slog.String("outcome", string(out)))
	}
	w.store.logger.LogAttrs(ctx, slog.LevelDebug, "rin", append(attrs, slog.Duration("took", time.Since(w.start)))...)
}
