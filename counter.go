package rin

import (
	"context"
	"fmt"
	"math"
	"reflect"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
)

// Number is what a counter counts in.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 |
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 |
		~float32 | ~float64
}

// CounterOf is a declared counter. [Counter] makes it; [CounterOf.At] binds it to a place
// in a store.
type CounterOf[N Number] struct{ node }

// Counter declares a number that many writers add to:
//
//	rin.Counter[int]("visits", rin.TTL(24*time.Hour), rin.Renew(rin.Never))
//
// It is stored as plain digits, so that other programs can read it and add to it. A
// counter that is not there reads 0, or its [Default].
//
// With Renew(Never) it is a fixed window: the first addition sets the TTL, and no other
// one moves it. A counter that has lost its TTL gets it back with the next one.
//
// Whole numbers have 64 bits on the server, also unsigned ones, which end at 2^63-1. On
// it, floats are added with some more digits than a float64 has, and with 17 behind the
// point.
//
// Mistakes are reported by [Open], all of them together.
func Counter[N Number](pattern string, opts ...CounterOption) *CounterOf[N] {
	c := &CounterOf[N]{newNode(pattern)}
	c.self = c
	t := reflect.TypeFor[N]()
	c.value = &value{holds: "counter[" + goName(t) + "]", kind: backend.KindString, goType: t, limits: limitsOf(t), bind: bindCounter[N]}
	for _, opt := range opts {
		c.add(opt)
	}
	return c
}

// At binds the counter to a scope. It takes parameters as [KeyOf.At] does.
func (c *CounterOf[N]) At(scope *Scope, params ...any) CounterEntry[N] {
	if c == nil {
		return CounterEntry[N]{structure{handle{err: errNilNode}}}
	}
	return CounterEntry[N]{structure{at(scope, &c.node, params)}}
}

// bindCounter makes a counter one more key, whose value is stored plain.
func bindCounter[N Number](p *place) (any, error) {
	v := p.node.value
	if len(p.policy.transforms) > 0 {
		return nil, fmt.Errorf("holds %s: the server has to read its digits; end the transforms with rin.Transforms()", v.holds)
	}
	typed, err := codec.For[N](p.store.registry, codec.Options{Plain: true})
	if err != nil {
		return nil, fmt.Errorf("holds %s: %w", v.holds, err)
	}
	declared := *v
	if !v.hasDefault {
		declared.hasDefault, declared.dflt = true, N(0)
	}
	b, err := newBinding(&declared, typed)
	b.added = addedTo[N]
	return b, err
}

// CounterEntry is a counter at its place in a store. [CounterOf.At] makes it. It is a
// small value, immutable, and safe for concurrent use.
//
// Every operation is one round trip, and its error is an [*OpError].
type CounterEntry[N Number] struct{ structure }

// plain is the counter as the key of a plain value.
func (c CounterEntry[N]) plain() Entry[N] { return Entry[N]{c.handle} }

// Get returns the number, or the [Default], or else 0 where the counter is not there. It
// is GET, or GETEX with Renew(OnAccess): O(1).
func (c CounterEntry[N]) Get(ctx context.Context) (N, error) { return c.plain().Get(ctx) }

func (c CounterEntry[N]) get() operation[N] { return c.plain().get() }

// Lookup returns the number and whether the counter is there. Defaults play no part. It is
// GET, or GETEX with Renew(OnAccess): O(1).
func (c CounterEntry[N]) Lookup(ctx context.Context) (N, bool, error) { return c.plain().Lookup(ctx) }

func (c CounterEntry[N]) lookup() operation[Maybe[N]] { return c.plain().lookup() }

// Set stores a number, with the declared TTL, or the one that the options give, in one
// atomic command. It is SET: O(1).
func (c CounterEntry[N]) Set(ctx context.Context, n N, opts ...WriteOption) error {
	return c.plain().Set(ctx, n, opts...)
}

func (c CounterEntry[N]) set(n N, opts ...WriteOption) operation[bool] {
	return c.plain().set(n, opts...)
}

// Reset deletes the counter and returns the number that it had. The next addition begins
// at 0. It is GETDEL: O(1).
func (c CounterEntry[N]) Reset(ctx context.Context) (old N, err error) { return c.reset().now(ctx) }

func (c CounterEntry[N]) reset() operation[N] {
	return changing(c.structure, "reset", &backend.Take{Key: c.key, Pattern: c.pattern()}, nil, resetTo[N])
}

func resetTo[N Number](h handle, op backend.Op) (N, error) {
	old, err := taken[N](h, op)
	return old.Value, err
}

// Add adds n, which may be negative, and returns the number then. A counter that is not
// there begins at 0. Where the result would be more, or less, than the type holds it is
// [ErrOverflow], and nothing is changed. It is INCRBY or INCRBYFLOAT, in a script where
// there is a TTL or the type has fewer than 64 bits: O(1).
func (c CounterEntry[N]) Add(ctx context.Context, n N) (N, error) { return c.addOf(n, 1).now(ctx) }

// Inc is Add of 1.
func (c CounterEntry[N]) Inc(ctx context.Context) (N, error) { return c.addOf(1, 1).now(ctx) }

// Dec takes 1 away. A counter of an unsigned type does not go below 0: that is
// [ErrOverflow].
func (c CounterEntry[N]) Dec(ctx context.Context) (N, error) { return c.addOf(1, -1).now(ctx) }

// addOf adds n times sign, which is 1 or -1.
func (c CounterEntry[N]) addOf(n N, sign int64) operation[N] {
	op, err := c.adding(n, sign)
	o := changing[N](c.structure, "add", op, err, nil)
	if c.check() == nil {
		o.result = bindingOf[N](c.handle).added
	}
	return o
}

func (c CounterEntry[N]) adding(n N, sign int64) (backend.Op, error) {
	if err := c.check(); err != nil {
		return &backend.IncrBy{}, err
	}
	limits := &c.place.node.value.limits
	if limits.float {
		return &backend.IncrByFloat{
			Key: c.key, Pattern: c.pattern(), Expiry: c.life(), By: float64(n) * float64(sign),
			Bounded: limits.bounded, Min: limits.least, Max: limits.most,
		}, nil
	}
	op := &backend.IncrBy{
		Key: c.key, Pattern: c.pattern(), Expiry: c.life(), By: int64(n) * sign,
		Bounded: limits.bounded, Min: limits.min, Max: limits.max,
	}
	if n > 0 && int64(n) < 0 {
		return op, errUnsigned
	}
	return op, nil
}

var errUnsigned = fmt.Errorf("%w: the server counts to 2^63-1", ErrOverflow)

// whole is a number for a command, which takes 64 bits with a sign.
func whole(v reflect.Value) (int64, error) {
	if v.CanInt() {
		return v.Int(), nil
	}
	if v.Uint() > math.MaxInt64 {
		return 0, errUnsigned
	}
	return int64(v.Uint()), nil
}

// limits are what a type holds, where the server would hold more.
type limits struct {
	float, bounded bool
	min, max       int64
	least, most    float64
}

func limitsOf(t reflect.Type) limits {
	bits := 0
	if t.Kind() != reflect.Float32 && t.Kind() != reflect.Float64 {
		bits = t.Bits()
	}
	switch k := t.Kind(); {
	case k == reflect.Float64:
		return limits{float: true}
	case k == reflect.Float32:
		return limits{float: true, bounded: true, least: -math.MaxFloat32, most: math.MaxFloat32}
	case reflect.Int <= k && k <= reflect.Int64 && bits == 64:
		return limits{min: math.MinInt64, max: math.MaxInt64}
	case reflect.Int <= k && k <= reflect.Int64:
		return limits{bounded: true, min: -1 << (bits - 1), max: 1<<(bits-1) - 1}
	case bits == 64:
		return limits{bounded: true, max: math.MaxInt64}
	}
	return limits{bounded: true, max: 1<<bits - 1}
}

func addedTo[N Number](_ handle, op backend.Op) (N, error) {
	var now N
	switch op := op.(type) {
	case *backend.IncrBy:
		now = N(op.Now)
	case *backend.IncrByFloat:
		now = N(op.Now)
	}
	if !backend.Did(op) {
		return 0, fmt.Errorf("%w: it is %v, and the result would not fit %s", ErrOverflow, now, article(reflect.TypeOf(now)))
	}
	return now, nil
}

// AddCapped adds n if the number is not more than limit then. It returns how much is left
// up to the limit, and whether n was added: where it was not, nothing is changed, and less
// than n is left. A counter that is over the limit already has 0 left. An n that is not
// positive is an error. It is a script: O(1).
func (c CounterEntry[N]) AddCapped(ctx context.Context, n, limit N) (left N, ok bool, err error) {
	v, err := c.addCapped(n, limit).now(ctx)
	return v.Left, v.Added, err
}

// Capped is what [CounterEntry.AddCapped] returns as two results, where only one has room.
type Capped[N Number] struct {
	// Left is how much is left up to the limit.
	Left N
	// Added says that the number was added.
	Added bool
}

// String returns how much is left, and whether the number was added.
func (c Capped[N]) String() string {
	if c.Added {
		return fmt.Sprintf("added, %v left", c.Left)
	}
	return fmt.Sprintf("not added, %v left", c.Left)
}

func (c CounterEntry[N]) addCapped(n, limit N) operation[Capped[N]] {
	op, err := c.adding(n, 1)
	switch op := op.(type) {
	case *backend.IncrBy:
		if !op.Bounded {
			op.Bounded, op.Min, op.Max = true, math.MinInt64, math.MaxInt64
		}
		if limit <= 0 || int64(limit) > 0 { // else it is more than the server counts to
			op.Max = min(op.Max, int64(limit))
		}
	case *backend.IncrByFloat:
		if !op.Bounded {
			op.Bounded, op.Min = true, -math.MaxFloat64
		}
		op.Max = float64(limit)
	}
	if n <= 0 || n != n {
		err = fmt.Errorf("%v is not positive; use Add to take away", n)
	}
	return changing(c.structure, "add capped", op, err, cappedTo[N])
}

func cappedTo[N Number](_ handle, op backend.Op) (Capped[N], error) {
	result := Capped[N]{Added: backend.Did(op)}
	switch op := op.(type) {
	case *backend.IncrBy:
		if op.Now < op.Max {
			result.Left = N(op.Max) - N(op.Now)
		}
	case *backend.IncrByFloat:
		if op.Now < op.Max {
			result.Left = N(op.Max) - N(op.Now)
		}
	}
	return result, nil
}

// In queues operations on the counter in a batch: the methods are the entry's own, without
// a context, and return futures.
func (c CounterEntry[N]) In(b *Batch) BatchCounterEntry[N] {
	return BatchCounterEntry[N]{batchStructure{batchHandle{c.handle, b}, c.structure}, c}
}

// BatchCounterEntry queues operations on a counter in a batch. [CounterEntry.In] makes it.
type BatchCounterEntry[N Number] struct {
	batchStructure
	entry CounterEntry[N]
}
