package backend

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Again are those of the ops, which have been sent together, that may be sent once
// more, writes too, since nothing of them was done: the server has refused them for
// a moment, or unsent knows their error as one of what never left. An op isn't
// among them if one behind it on the same key has its answer, since it would come
// out of order.
func Again(ops []Op, unsent func(error) bool) (again []Op) {
	if !slices.ContainsFunc(ops, undone(unsent)) {
		return nil
	}
	done := map[string]bool{}
	for _, op := range slices.Backward(ops) {
		keys := Keys(op)
		if undone(unsent)(op) && !slices.ContainsFunc(keys, func(key string) bool { return done[key] }) {
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

// AgainWhole is [Again] for the ops of a transaction: all of them or none. What the
// server has discarded for the sake of an op that it refused was not done either.
func AgainWhole(ops []Op, unsent func(error) bool) []Op {
	undone := undone(unsent)
	for _, op := range ops {
		if !undone(op) && !aborted(Err(op)) {
			return nil
		}
	}
	if !slices.ContainsFunc(ops, undone) {
		return nil
	}
	return ops
}

// undone says of an op that it may be sent once more.
func undone(unsent func(error) bool) func(Op) bool {
	return func(op Op) bool {
		err := Err(op)
		return err != nil && !errors.Is(err, ErrUnknownOutcome) && (refusedForNow(err) || unsent(err))
	}
}

// passing are how the refusals begin of a server that is starting, or is about to
// change its role or its slots, or that others keep busy, or make forget its scripts.
var passing = []string{
	"LOADING", "READONLY", "MASTERDOWN", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN", "NOSCRIPT",
	"ERR max number of clients", "max number of clients",
}

// refusedForNow says that err is such a refusal.
func refusedForNow(err error) bool {
	return slices.ContainsFunc(passing, func(text string) bool { return strings.HasPrefix(err.Error(), text) })
}

// The pauses between tries are at most those of go-redis.
const (
	firstPause   = 8 * time.Millisecond
	longestPause = 512 * time.Millisecond
)

// Pause waits before something is tried once more, at random, and longer from one
// try to the next, which are counted from zero. It is false, at once, where ctx
// ends before that.
func Pause(ctx context.Context, try int) bool {
	d := rand.N(min(firstPause<<min(try, 16), longestPause))
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
