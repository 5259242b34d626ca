package goredis

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
)

// defaultRetries is the default of go-redis.
const defaultRetries = 3

// retriesOf is how often client sends again what may be.
func retriesOf(client redis.UniversalClient) int {
	switch client := client.(type) {
	case *redis.Client:
		return client.Options().MaxRetries
	case *redis.ClusterClient:
		return client.Options().MaxRedirects
	}
	return defaultRetries
}

// The pauses between tries are those of go-redis.
const (
	firstPause   = 8 * time.Millisecond
	longestPause = 512 * time.Millisecond
)

// repeat sends again what a server has refused for a moment: it has done nothing,
// so a write is sent again, too. go-redis itself repeats no batch that holds one,
// since it can't tell a refusal from a lost reply.
func (b *Backend) repeat(ctx context.Context, ops []backend.Op, send sending) {
	limit := firstPause
	for range b.retries {
		again := refusedForNow(ops)
		if len(again) == 0 || !sleep(ctx, rand.N(limit)) {
			return
		}
		for _, op := range again {
			backend.Fail(op, nil)
		}
		b.run(ctx, b.newCommands(ctx, again), send)
		limit = min(2*limit, longestPause)
	}
}

// refusedForNow are the ops that may be sent again: those with a passing refusal,
// unless one behind them on the same key has its answer, which would be out of
// order then.
func refusedForNow(ops []backend.Op) (again []backend.Op) {
	if !slices.ContainsFunc(ops, func(op backend.Op) bool { return passing(backend.Err(op)) }) {
		return nil
	}
	done := map[string]bool{}
	for _, op := range slices.Backward(ops) {
		keys := backend.Keys(op)
		if passing(backend.Err(op)) && !slices.ContainsFunc(keys, func(key string) bool { return done[key] }) {
			again = append(again, op)
			continue
		}
		for _, key := range keys {
			done[key] = true
		}
	}
	slices.Reverse(again)
	return again
}

// passing says that err is a refusal of a server that is starting, or is about to
// change its role or its slots.
func passing(err error) bool {
	if err == nil || errors.Is(err, backend.ErrUnknownOutcome) || !answered(err) {
		return false
	}
	return redis.IsLoadingError(err) || redis.IsReadOnlyError(err) ||
		redis.IsMasterDownError(err) || redis.IsNoReplicasError(err) ||
		redis.IsClusterDownError(err) || redis.IsTryAgainError(err) ||
		redis.IsMaxClientsError(err)
}

// answered says that a server has answered err.
func answered(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}

// sleep is false if ctx ends before, or would.
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
