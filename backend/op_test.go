package backend_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
)

func TestOp(t *testing.T) {
	for _, c := range []struct {
		op     backend.Op
		name   string
		effect backend.Effect
		reason string
	}{
		{&backend.Get{Key: "k", Pattern: "p"}, "get", backend.Read, "a Get changes no value"},
		{&backend.Get{Key: "k", Pattern: "p", TTL: time.Hour}, "get", backend.Read, "renewing twice leaves the same"},
		{&backend.Set{Key: "k", Pattern: "p"}, "set", backend.Write, "the second one undoes what another client wrote between"},
		{&backend.Set{Key: "k", Pattern: "p", Cond: backend.IfAbsent}, "set", backend.Write, "the second one is refused"},
		{&backend.Set{Key: "k", Pattern: "p", Cond: backend.IfPresent}, "set", backend.Write, "a key may come between the two"},
		{&backend.Set{Key: "k", Pattern: "p", ReturnOld: true}, "set", backend.Write, "the second one returns the new value as the old"},
		{&backend.Take{Key: "k", Pattern: "p"}, "take", backend.Write, "the second one finds nothing"},
		{&backend.Delete{Key: "k", Pattern: "p"}, "delete", backend.Write, "the second one says that nothing was there"},
		{&backend.Exists{Key: "k", Pattern: "p"}, "exists", backend.Read, "it changes nothing"},
		{&backend.TTL{Key: "k", Pattern: "p"}, "ttl", backend.Read, "it changes nothing"},
		{&backend.Expire{Key: "k", Pattern: "p"}, "expire", backend.Write, "the second one undoes what another client set between"},
		{&backend.Do{Key: "k", Pattern: "p"}, "do", backend.Write, "nobody knows what it does"},
		{&backend.Do{Key: "k", Pattern: "p", ReadOnly: true}, "do", backend.Read, "its caller says so"},
		{&backend.Persist{Key: "k", Pattern: "p"}, "persist", backend.Write, "the second one finds no expiry"},
		{&backend.ExpireTime{Key: "k", Pattern: "p"}, "expire time", backend.Read, "it changes nothing"},
		{&backend.MemoryUsage{Key: "k", Pattern: "p"}, "memory usage", backend.Read, "it changes nothing"},
		{&backend.CompareAndSwap{Key: "k", Pattern: "p"}, "compare and swap", backend.Write, "the second one finds the new value"},
		{&backend.CompareAndDelete{Key: "k", Pattern: "p"}, "compare and delete", backend.Write, "the second one finds nothing"},
		{&backend.SetLocked{Key: "k", Pattern: "p"}, "set locked", backend.Write, "the second one finds no lock"},
	} {
		if got := backend.Name(c.op); got != c.name {
			t.Errorf("Name of %T = %q, want %q", c.op, got, c.name)
		}
		if got := backend.EffectOf(c.op); got != c.effect {
			t.Errorf("EffectOf %+v = %v, want %v: %s", c.op, got, c.effect, c.reason)
		}
		if key, pattern := backend.Key(c.op), backend.Pattern(c.op); key != "k" || pattern != "p" {
			t.Errorf("Key and Pattern of %T = %q, %q; want its fields", c.op, key, pattern)
		}
		backend.Fail(c.op, errFull)
		if got := backend.Err(c.op); !errors.Is(got, errFull) {
			t.Errorf("Err of %T = %v after it was failed with %v", c.op, got, errFull)
		}
	}
}

var errFull, errSlow = errors.New("full"), errors.New("slow")

func TestFirstErr(t *testing.T) {
	fine, full, slow := &backend.Get{}, &backend.Set{Err: errFull}, &backend.Take{Err: errSlow}
	for _, c := range []struct {
		ops  []backend.Op
		want error
	}{
		{nil, nil},
		{[]backend.Op{fine}, nil},
		{[]backend.Op{fine, slow, fine, full}, errSlow},
		{[]backend.Op{full, slow}, errFull},
	} {
		if got := backend.FirstErr(c.ops); !errors.Is(got, c.want) {
			t.Errorf("FirstErr(%v) = %v, want %v", c.ops, got, c.want)
		}
	}
}

func TestEnded(t *testing.T) {
	ops := []backend.Op{&backend.Get{}, &backend.Set{}}
	ctx, cancel := context.WithCancel(t.Context())
	if err := backend.Ended(ctx, ops); err != nil || backend.FirstErr(ops) != nil {
		t.Errorf("Ended = %v before the context has", err)
	}
	cancel()
	if err := backend.Ended(ctx, ops); !errors.Is(err, context.Canceled) {
		t.Errorf("Ended = %v, want context.Canceled", err)
	}
	for _, op := range ops {
		if err := backend.Err(op); !errors.Is(err, context.Canceled) {
			t.Errorf("Err of %s = %v, want context.Canceled", backend.Name(op), err)
		}
	}
}

func TestScanPages(t *testing.T) {
	for want, b := range map[string]backend.Backend{
		"its own": plain{},
		"7":       pager{},
	} {
		for page := range backend.ScanPages(t.Context(), b, "k", 7) {
			if page[0] != want {
				t.Errorf("%T scans in pages of size %s, want %s", b, page[0], want)
			}
		}
	}
}

// A store that knows no transactions says so of every op.
func TestTransact(t *testing.T) {
	ops := []backend.Op{&backend.Get{}, &backend.Set{}}
	err := backend.Transact(t.Context(), plain{}, ops...)
	for _, err := range []error{err, backend.Err(ops[0]), backend.Err(ops[1])} {
		if !errors.Is(err, backend.ErrUnsupported) {
			t.Errorf("without a Transactor an error is %v, want ErrUnsupported", err)
		}
	}
	if err := backend.Transact(t.Context(), pager{}, ops...); !errors.Is(err, errSlow) {
		t.Errorf("Transact = %v, want the Transactor's %v", err, errSlow)
	}
}

func TestNow(t *testing.T) {
	if got := backend.Now(pager{}); !got.Equal(time.Unix(1, 0)) {
		t.Errorf("Now = %v, want the Clock's", got)
	}
	before := time.Now()
	if got := backend.Now(plain{}); got.Before(before) || got.After(time.Now()) {
		t.Errorf("Now = %v without a Clock, want time.Now's", got)
	}
}

// plain is a Backend and no more.
type plain struct{}

func (plain) Exec(context.Context, ...backend.Op) error { return nil }

func (plain) Scan(context.Context, string) iter.Seq2[[]string, error] { return one("its own") }

// pager has all that a Backend may have.
type pager struct{ plain }

func (pager) ScanPages(_ context.Context, _ string, size int) iter.Seq2[[]string, error] {
	return one(string(rune('0' + size)))
}

func (pager) Transact(context.Context, ...backend.Op) error { return errSlow }

func (pager) Now() time.Time { return time.Unix(1, 0) }

func one(key string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) { yield([]string{key}, nil) }
}
