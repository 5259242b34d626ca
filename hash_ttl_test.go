package rin_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// The fields of these expire: after a write, or after they were made.
var (
	codes       = rin.Hash[string, int]("codes", rin.FieldTTL(time.Hour))
	attempts    = rin.Hash[string, int8]("attempts", rin.FieldTTL(time.Hour), rin.Renew(rin.Never))
	shares      = rin.Hash[string, float64]("shares", rin.FieldTTL(time.Hour), rin.Renew(rin.Never), rin.TTL(2*time.Hour))
	settings    = rin.Hash[string, int]("settings")
	scattered   = rin.Hash[int, int]("scattered", rin.FieldTTL(time.Hour), rin.Jitter(0.5))
	fieldsOf    = rin.Cluster("fields", rin.Child(codes, attempts, shares, settings, scattered))
	fieldsRoot  = rin.Cluster("root", rin.Child(fieldsOf))
	fieldMoment = 50 * time.Millisecond
)

// onFieldServers runs f where fields can expire.
func onFieldServers(t *testing.T, f func(t *testing.T, r rig, user *rin.Scope)) {
	t.Helper()
	ran := 0
	onEveryBackend(t, func(t *testing.T, r rig) {
		if r.fieldTTL {
			ran++
			f(t, r, fieldsOf.At(mustOpen(t, fieldsRoot, r.Backend)))
		}
	})
	if ran == 0 {
		t.Error("no store lets fields expire")
	}
}

// fieldLasts is how long a field has left, roughly.
func fieldLasts[F comparable, V any](t *testing.T, e rin.HashEntry[F, V], f F) string {
	t.Helper()
	left, err := e.FieldTTLOf(t.Context(), f)
	if err != nil || left == rin.NoExpiry {
		return said(rin.Remaining(left), err)
	}
	return left.Round(10 * time.Minute).String()
}

func TestFieldTTL(t *testing.T) {
	onFieldServers(t, func(t *testing.T, _ rig, root *rin.Scope) {
		ctx := t.Context()
		c, s, a, sh := codes.At(root), settings.At(root), attempts.At(root), shares.At(root)
		long, brief, none := rin.FieldTTL(3*time.Hour), rin.FieldTTL(30*time.Minute), rin.FieldTTL(rin.NoExpiry)
		lasts := fieldLasts[string, int]
		checkTold(t, []telling{
			{"a declared one", said(c.Set(ctx, "a", 1)) + " " + lasts(t, c, "a"), "true 1h0m0s"},
			{"one of a write", said(c.Set(ctx, "a", 2, long)) + " " + lasts(t, c, "a"), "false 3h0m0s"},
			{"the last of two", said(c.Set(ctx, "a", 2, long, brief)) + " " + lasts(t, c, "a"), "false 30m0s"},
			{"a write without", said(c.Set(ctx, "a", 3, none)) + " " + lasts(t, c, "a"), "false no expiry"},
			{"where none is declared", said(s.Set(ctx, "a", 1)) + " " + lasts(t, s, "a"), "true no expiry"},
			{"of a write there", said(s.Set(ctx, "a", 1, long)) + " " + lasts(t, s, "a"), "false 3h0m0s"},
			{"an addition leaves it", said(s.Add(ctx, "a", 1)) + " " + lasts(t, s, "a"), "2 3h0m0s"},
			{"an addition with one", said(s.Add(ctx, "a", 1, brief)) + " " + lasts(t, s, "a"), "3 30m0s"},
			{"a write ends it", said(s.Set(ctx, "a", 1)) + " " + lasts(t, s, "a"), "false no expiry"},
			{"if absent, but it is there", said(s.SetIfAbsent(ctx, "a", 1, long)) + " " + lasts(t, s, "a"), "false no expiry"},
			{"if absent, and it is", said(s.SetIfAbsent(ctx, "b", 1, long)) + " " + lasts(t, s, "b"), "true 3h0m0s"},
			{"many", said(s.SetMany(ctx, map[string]int{"b": 2, "c": 3}, brief)) + " " + lasts(t, s, "b") + " " + lasts(t, s, "c"), "1 30m0s 30m0s"},
			{"all anew", said(s.Replace(ctx, map[string]int{"d": 4}, long)) + " " + lasts(t, s, "d") + " " + said(s.Len(ctx)), "<nil> 3h0m0s 1"},
			{"of no field", lasts(t, s, "a"), "!not found"},
			{"of no hash", fieldLasts(t, scattered.At(root), 1), "!not found"},
			{"made once", said(a.Set(ctx, "a", 1, brief)) + " " + fieldLasts(t, a, "a"), "true 30m0s"},
			{"set again", said(a.Set(ctx, "a", 1)) + " " + fieldLasts(t, a, "a"), "false 30m0s"},
			{"added to", said(a.Add(ctx, "a", 1)) + " " + fieldLasts(t, a, "a"), "2 30m0s"},
			{"many again", said(a.SetMany(ctx, map[string]int8{"a": 2, "b": 3})) + " " + fieldLasts(t, a, "a") + " " + fieldLasts(t, a, "b"), "1 30m0s 1h0m0s"},
			{"anew, but the same", said(a.Replace(ctx, map[string]int8{"a": 2, "c": 3})) + " " + fieldLasts(t, a, "a") + " " + fieldLasts(t, a, "c"), "<nil> 30m0s 1h0m0s"},
			{"an overflow", said(a.Add(ctx, "a", 127, long)), "!it is 2, and the result would not fit an int8"},
			{"that changed nothing", said(a.Get(ctx, "a")) + " " + fieldLasts(t, a, "a"), "2 30m0s"},
			{"floats", said(sh.Add(ctx, "a", 0.5)) + " " + fieldLasts(t, sh, "a") + " " + lasting(ctx, sh), "0.5 1h0m0s 2h0m0s"},
			{"floats again", said(sh.Add(ctx, "a", 0.25, brief)) + " " + fieldLasts(t, sh, "a"), "0.75 30m0s"},
			{"floats once", said(sh.Add(ctx, "a", 0.25)) + " " + fieldLasts(t, sh, "a"), "1 30m0s"},
			{"a moment of nothing", said(s.Set(ctx, "d", 5, rin.FieldTTL(0))), "!FieldTTL(0s) is not positive"},
			{"nanoseconds", said(s.Set(ctx, "d", 5, rin.FieldTTL(5))), "!did you mean 5*time.Second?"},
			{"no option", said(s.SetMany(ctx, map[string]int{"d": 5}, nil)), "!an option of the write is nil"},
			{"which all change nothing", said(s.Get(ctx, "d")) + " " + lasts(t, s, "d"), "4 3h0m0s"},
		})
		if err := c.Replace(ctx, nil); err != nil || fieldLasts(t, c, "a") == "no expiry" {
			t.Errorf("Replace with nothing: %v", err)
		}
	})
}

// Many fields are written in one call, and all of them expire.
func TestFieldTTL_manyFields(t *testing.T) {
	onFieldServers(t, func(t *testing.T, _ rig, root *rin.Scope) {
		many := map[int]int{}
		for i := range 10_000 {
			many[i] = i
		}
		e := scattered.At(root)
		if added, err := e.SetMany(t.Context(), many); err != nil || added != 10_000 {
			t.Fatalf("SetMany = %d, %v", added, err)
		}
		var least, most time.Duration = rin.NoExpiry, 0
		for i := 0; i < 10_000; i += 97 {
			left, err := e.FieldTTLOf(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			least, most = min(least, left), max(most, left)
		}
		if least < 25*time.Minute || most > 90*time.Minute {
			t.Errorf("the fields have %v to %v left, want an hour, and half of it more or less", least, most)
		}
	})
}

// A field is gone when its time has passed, and with the last one its hash.
func TestFieldTTL_passes(t *testing.T) {
	onFieldServers(t, func(t *testing.T, r rig, root *rin.Scope) {
		ctx, e := t.Context(), settings.At(root)
		check(t, second(e.Set(ctx, "stays", 1)), second(e.Set(ctx, "goes", 2, rin.FieldTTL(fieldMoment))))
		r.elapse(fieldMoment)
		var each []string
		for f, err := range e.Each(ctx) {
			each = append(each, said(f.Field, f.Value, err))
		}
		checkTold(t, []telling{
			{"get", said(e.Lookup(ctx, "goes")), "0 false"},
			{"many", said(e.GetMany(ctx, "goes", "stays")), "map[stays:1]"},
			{"all", said(e.All(ctx)), "map[stays:1]"},
			{"each", strings.Join(each, ","), "stays 1"},
			{"has", said(e.Has(ctx, "goes")), "false"},
			{"ttl", fieldLasts(t, e, "goes"), "!not found"},
			{"take", said(e.Take(ctx, "goes")), "0 false"},
			{"add begins anew", said(e.Add(ctx, "goes", 5)) + " " + fieldLasts(t, e, "goes"), "5 no expiry"},
			{"delete", said(e.Delete(ctx, "goes", "stays")), "2"},
			{"absent", said(e.SetIfAbsent(ctx, "goes", 7, rin.FieldTTL(fieldMoment))), "true"},
		})
		r.elapse(fieldMoment)
		checkTold(t, []telling{
			{"all, of none", said(e.All(ctx)), "map[]"},
			{"absent again", said(e.SetIfAbsent(ctx, "goes", 8, rin.FieldTTL(fieldMoment))), "true"},
		})
		r.elapse(fieldMoment)
		if _, onMemory := r.Backend.(*memstore.Store); onMemory {
			// A server keeps an empty hash until it comes by.
			if left := keys(t, r.Backend); len(left) > 0 {
				t.Errorf("the keys are %v", left)
			}
		}
	})
}

// In a batch, each write has its own.
func TestFieldTTL_batch(t *testing.T) {
	onFieldServers(t, func(t *testing.T, _ rig, root *rin.Scope) {
		b, e := root.Batch(), codes.At(root)
		set, add, left := e.In(b).Set("a", 1, rin.FieldTTL(2*time.Hour)), e.In(b).Add("b", 2), e.In(b).FieldTTLOf("b")
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if ttl, err := left.Result(); err != nil || ttl < 50*time.Minute || ttl > time.Hour {
			t.Errorf("FieldTTLOf = %v, %v", ttl, err)
		}
		if got := said(set) + " " + said(add) + " " + fieldLasts(t, e, "a"); got != "true 2 2h0m0s" {
			t.Errorf("the batch says %s", got)
		}
	})
}

// A server in which fields can't expire says so, and nothing is written.
func TestFieldTTL_unsupported(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, r rig) {
		if r.fieldTTL {
			return
		}
		ctx, root := t.Context(), fieldsOf.At(mustOpen(t, fieldsRoot, r.Backend))
		c, sh := codes.At(root), shares.At(root)
		for name, err := range map[string]error{
			"set": second(c.Set(ctx, "a", 1)), "set many": second(c.SetMany(ctx, map[string]int{"a": 1})),
			"replace": c.Replace(ctx, map[string]int{"a": 1}), "set if absent": second(c.SetIfAbsent(ctx, "a", 1)),
			"add": second(c.Add(ctx, "a", 1)), "add a float": second(sh.Add(ctx, "a", 1)),
		} {
			text := fmt.Sprint(err)
			if !errors.Is(err, rin.ErrUnsupported) || !strings.Contains(text, "needs Redis 7.4") || !strings.Contains(text, "Valkey 9.0") {
				t.Errorf("%s: %v; want ErrUnsupported, and the versions", name, err)
			}
		}
		if left := keys(t, r.Backend); len(left) > 0 {
			t.Errorf("what was refused has left %v", left)
		}
	})
}

func TestFieldTTL_refusedByOpen(t *testing.T) {
	for want, opts := range map[string][]rin.HashOption{
		"is not positive; write rin.FieldTTL(rin.NoExpiry)": {rin.FieldTTL(-time.Second)},
		"is less than a millisecond":                        {rin.FieldTTL(1)},
		"contradict each other":                             {rin.FieldTTL(time.Hour), rin.FieldTTL(time.Minute)},
		"Renew(Never) has no TTL to renew":                  {rin.Renew(rin.Never), rin.FieldTTL(rin.NoExpiry)},
	} {
		_, err := rin.Open(rin.Cluster("root", rin.Child(rin.Hash[string, int]("h", opts...))), memstore.New())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open with %v: %v, want %q", opts, err, want)
		}
	}
}
