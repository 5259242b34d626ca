package rin

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redisimnest/rin/backend"
)

// LimiterNode is a declared limiter. [Limiter] makes it; [LimiterNode.At] binds it to a
// place in a store.
type LimiterNode struct{ node }

// Limiter declares a limit on how often something may happen:
//
//	var Logins = rin.Limiter("login:<ip>", rin.Rate(5, time.Minute))
//
// It is the generic cell rate algorithm (GCRA), a leaky bucket that needs one time for its
// state: what was allowed is earned back evenly, and up to [Burst] are allowed at once. In
// any span of time no more are allowed than the burst and what the rate gives in it. With
// [Window] it counts in windows instead.
//
// Each limiter is one key, which expires when nothing is left to remember. The time is the
// server's, so that the clocks of those who ask don't matter.
//
// Mistakes are reported by [Open], all of them together.
func Limiter(pattern string, opts ...LimiterOption) *LimiterNode {
	l := &LimiterNode{newNode(pattern)}
	l.self = l
	l.value = &value{holds: "limiter", kind: backend.KindString, bind: bindNothing}
	for _, opt := range opts {
		l.add(opt)
	}
	switch limit := &l.value.limit; {
	case limit.rate == 0:
		l.problem("it has no rate; say how often, as in rin.Rate(5, time.Minute)")
	case limit.window && limit.burst > 0:
		l.problem("a limiter with Window has no burst; take out one of the two")
	case limit.burst == 0:
		limit.burst = limit.rate
	case float64(limit.burst)/float64(limit.rate)*float64(limit.per) > float64(maxPer):
		l.problem("its burst takes more than %v to earn", maxPer)
	}
	return l
}

// limit is what a limiter allows.
type limit struct {
	rate   int64
	per    time.Duration
	burst  int64
	window bool
}

// At binds the limiter to a scope. It takes parameters as [KeyOf.At] does.
func (l *LimiterNode) At(scope *Scope, params ...any) LimiterEntry {
	if l == nil {
		return LimiterEntry{handle{err: errNilNode}}
	}
	return LimiterEntry{at(scope, &l.node, params)}
}

type rateOption struct {
	n   int64
	per time.Duration
}

// Rate says that n are allowed in each span of time per: Rate(100, time.Second). It applies
// to [Limiter], which needs it.
func Rate(n int64, per time.Duration) LimiterOption { return rateOption{n, per} }

func (rateOption) validInLimiter() {}

func (o rateOption) declare(n *node) {
	n.value.limit.rate, n.value.limit.per = o.n, o.per
	switch {
	case o.n <= 0 || o.per <= 0:
		n.value.limit.rate = 1 // Else it would be said twice.
		n.problem("%v: both have to be positive", o)
	case o.per < time.Millisecond || o.per.Microseconds() < o.n:
		n.problem("%v: a limiter counts milliseconds, and up to a million in a second", o)
	case o.per > maxPer:
		n.problem("%v: a limiter counts to %v", o, maxPer)
	}
}

// maxPer is how long it may take to earn what is allowed: the times of a limiter are floats
// of the server's, in microseconds.
const maxPer = 10 * 365 * 24 * time.Hour

func (o rateOption) String() string { return fmt.Sprintf("Rate(%d, %v)", o.n, o.per) }

type burstOption struct{ n int64 }

// Burst says how many a [Limiter] allows at once. By default it is the n of its [Rate].
// With 1, they are spread evenly.
func Burst(n int64) LimiterOption { return burstOption{n} }

func (burstOption) validInLimiter() {}

func (o burstOption) declare(n *node) {
	if n.value.limit.burst = o.n; o.n <= 0 {
		n.problem("%v: give at least one", o)
	}
}

func (o burstOption) String() string { return fmt.Sprintf("Burst(%d)", o.n) }

type windowOption struct{}

// Window has a [Limiter] count in windows as long as the time of its [Rate], and take what
// was counted in the window before for spread over it evenly: a sliding window counter. It
// gives users a whole rate at once again after a while, as they may expect of "5 a minute".
// If the requests were not spread evenly, up to twice the rate falls into one such time.
func Window() LimiterOption { return windowOption{} }

func (windowOption) validInLimiter() {}

func (windowOption) declare(n *node) { n.value.limit.window = true }

func (windowOption) String() string { return "Window()" }

// LimiterEntry is a limiter at its place in a store. [LimiterNode.At] makes it. It is a
// small value, immutable, and safe for concurrent use.
type LimiterEntry struct{ handle handle }

// Allowance is what a limiter answers.
type Allowance struct {
	// OK says that it is allowed.
	OK bool
	// Remaining is how many more are allowed at once now.
	Remaining int64
	// RetryAfter is how long it takes until what was refused is allowed, if nobody else
	// asks meanwhile.
	RetryAfter time.Duration
	// ResetAfter is how long it takes until the limiter is as new, if nobody asks.
	ResetAfter time.Duration
}

// String returns the allowance as it prints.
func (a Allowance) String() string {
	if a.OK {
		return fmt.Sprintf("allowed, %d remaining", a.Remaining)
	}
	return fmt.Sprintf("refused for %v", a.RetryAfter)
}

// Key returns the full key, "" where none could be built.
func (l LimiterEntry) Key() string { return l.handle.Key() }

// Err returns what is wrong with the handle, nil where nothing is. Every operation on it
// returns the same.
func (l LimiterEntry) Err() error { return l.handle.Err() }

// String returns the key, or what is wrong with the entry.
func (l LimiterEntry) String() string { return l.handle.String() }

// Allow asks for one. What is refused costs nothing. It is a script: O(1).
func (l LimiterEntry) Allow(ctx context.Context) (Allowance, error) { return l.AllowN(ctx, 1) }

// AllowN asks for n, all of them or none. More than the burst, or than the rate with
// [Window], would never be allowed, and is an error. It is a script: O(1).
func (l LimiterEntry) AllowN(ctx context.Context, n int64) (Allowance, error) {
	return l.asking("allow", n, false).now(ctx)
}

// Peek returns what [LimiterEntry.Allow] would answer, and counts nothing. It is a script:
// O(1).
func (l LimiterEntry) Peek(ctx context.Context) (Allowance, error) {
	return l.asking("peek", 1, true).now(ctx)
}

// Reset makes the limiter as new, and returns whether there was anything to forget. It is
// UNLINK: O(1).
func (l LimiterEntry) Reset(ctx context.Context) (bool, error) {
	return operation[bool]{handle: l.handle, name: "reset", op: l.handle.unlink(), result: didIt}.now(ctx)
}

var errTooLong = fmt.Errorf("it would be allowed only after that: %w", context.DeadlineExceeded)

// Wait waits until one is allowed, which it takes, or until ctx ends. Where the deadline of
// ctx would come first, it returns [context.DeadlineExceeded] at once. Who waits for long
// is served by chance.
func (l LimiterEntry) Wait(ctx context.Context) error {
	w := l.handle.watch(ctx)
	err := l.wait(ctx)
	return l.handle.done(ctx, "wait", w, didOrNot(err == nil), err)
}

func (l LimiterEntry) wait(ctx context.Context) error {
	for {
		o := l.asking("wait", 1, false)
		err := o.check()
		if err == nil {
			err = o.send(ctx)
		}
		if err != nil {
			return err
		}
		a, _ := allowance(o.handle, o.op)
		if a.OK {
			return nil
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < a.RetryAfter {
			return errTooLong
		}
		if err := l.handle.place.store.sleep(ctx, a.RetryAfter+rand.N(a.RetryAfter/8+1), nil); err != nil {
			return err
		}
	}
}

func (l LimiterEntry) asking(name string, n int64, peek bool) operation[Allowance] {
	op := &backend.Limit{Key: l.handle.key, Pattern: l.handle.pattern(), N: n, Peek: peek}
	o := operation[Allowance]{handle: l.handle, name: name, op: op, result: allowance}
	if l.handle.check() != nil {
		return o
	}
	limit := &l.handle.place.node.value.limit
	op.Rate, op.Per, op.Burst, op.Window = limit.rate, limit.per, limit.burst, limit.window
	switch most := limit.most(); {
	case n <= 0:
		o.err = fmt.Errorf("%d are asked for; ask for at least one", n)
	case n > most:
		o.err = fmt.Errorf("%d are asked for, and %d are never allowed at once: the most is %d", n, n, most)
	}
	return o
}

// most is how many are allowed at once.
func (l *limit) most() int64 {
	if l.window {
		return l.rate
	}
	return l.burst
}

func allowance(_ handle, op backend.Op) (Allowance, error) {
	o := op.(*backend.Limit)
	return Allowance{o.Allowed, o.Remaining, o.RetryAfter, o.ResetAfter}, nil
}
