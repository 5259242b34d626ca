package backend_test

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/backendtest"
)

// What all ops have in common, package backend says as the catalogue does.
func TestOp(t *testing.T) {
	for _, o := range backendtest.Ops() {
		op := o.New("k")
		if got := backend.EffectOf(op); got != o.Effect {
			t.Errorf("EffectOf %s = %v, want %v: %s", o.Name, got, o.Effect, o.Reason)
		}
		if got := backend.KindOf(op); got != o.Kind {
			t.Errorf("KindOf %s = %v, want %v", o.Name, got, o.Kind)
		}
		goName := reflect.TypeOf(op).Elem().Name()
		if name := backend.Name(op); strings.ReplaceAll(name, " ", "") != strings.ToLower(goName) {
			t.Errorf("Name of %s = %q, want that of its type in lower case", goName, name)
		}
		if keys := backend.Keys(op); backend.Key(op) != "k" || keys[0] != "k" || backend.CheckSlot([]backend.Op{op}) != nil {
			t.Errorf("Key and Keys of %s = %q, %q; want k first, and keys of one slot", o.Name, backend.Key(op), keys)
		}
		reflect.ValueOf(op).Elem().FieldByName("Pattern").SetString("p")
		if got := backend.Pattern(op); got != "p" {
			t.Errorf("Pattern of %s = %q, want its field's p", o.Name, got)
		}
		backend.Fail(op, errFull)
		if got := backend.Err(op); !errors.Is(got, errFull) {
			t.Errorf("Err of %s = %v after it was failed with %v", o.Name, got, errFull)
		}
	}
}

// The key stands where the command says it does, and what an ACL has to allow is
// the command itself or, of a script, EVAL and what it calls.
func TestCommand_ofEveryOp(t *testing.T) {
	for _, o := range backendtest.Ops() {
		op := o.New("key of the op")
		c := backend.Command(op)
		if got := c.Words[c.KeyAt].String(); got != backend.Key(op) {
			t.Errorf("%s: KeyAt says that the key is %q", o.Name, got)
		}
		name := strings.ToLower(c.Words[0].String())
		c.Free()
		names := backend.Commands(op)
		of := func(allowed string) bool { return allowed == name || strings.HasPrefix(allowed, name+"|") }
		if !slices.ContainsFunc(names, of) || slices.Contains(names, "") || (len(names) > 1) != (name == "eval") {
			t.Errorf("%s sends %s, and Commands are %q", o.Name, name, names)
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

func (pager) Wait(context.Context, string) error { return errFull }

func (pager) ScanPages(_ context.Context, _ string, size int) iter.Seq2[[]string, error] {
	return one(string(rune('0' + size)))
}

func (pager) Transact(context.Context, ...backend.Op) error { return errSlow }

func (pager) Now() time.Time { return time.Unix(1, 0) }

func one(key string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) { yield([]string{key}, nil) }
}
