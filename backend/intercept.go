package backend

import "context"

// Interceptor stands before each call of Exec and of Transact. It hands ops on to
// next, which carries them out as the call would have, and may look at them
// before and afterwards: [Name], [Pattern], [EffectOf] and [Err] reach what all
// ops have.
//
// It may also hand on fewer ops, or others, or none. An op that it keeps back it
// fails, with [Fail], or fills in. Where it returns an error and no op has one,
// the error becomes that of every op, so that a refusal is one return statement;
// where an op has one, the call returns the first of those, whatever the
// interceptor returns. So a failure never looks like a key that is not there.
//
// It keeps nothing of an op when it returns, since the op's caller uses it again,
// and it hands on no op twice whose effect is [Write]. It is called by many
// goroutines at once.
type Interceptor func(ctx context.Context, ops []Op, next Next) error

// Next carries out ops as the call that an [Interceptor] stands before would
// have, fills them in, and returns the first op's error.
type Next = func(ctx context.Context, ops []Op) error

// Intercept returns a backend around b whose calls of Exec and Transact go
// through f. Everything else that b can do it passes on, what only some backends
// can do too. Of several around each other, the outermost sees a call first.
//
// Where b is nil, so is what Intercept returns; where f is nil, it is b.
func Intercept(b Backend, f Interceptor) Backend {
	if b == nil || f == nil {
		return b
	}
	return intercepted{b, f}
}

// intercepted is a backend whose ops go through an interceptor.
type intercepted struct {
	Backend
	intercept Interceptor
}

// Unwrap is where [able] looks for what b can do besides.
func (i intercepted) Unwrap() Backend { return i.Backend }

func (i intercepted) Exec(ctx context.Context, ops ...Op) error {
	return i.call(ctx, ops, func(ctx context.Context, ops []Op) error {
		return i.Backend.Exec(ctx, ops...)
	})
}

func (i intercepted) Transact(ctx context.Context, ops ...Op) error {
	return i.call(ctx, ops, func(ctx context.Context, ops []Op) error {
		return Transact(ctx, i.Backend, ops...)
	})
}

func (i intercepted) call(ctx context.Context, ops []Op, next Next) error {
	err := i.intercept(ctx, ops, next)
	if first := FirstErr(ops); first != nil {
		return first
	}
	if err != nil {
		return FailAll(ops, err)
	}
	return nil
}
