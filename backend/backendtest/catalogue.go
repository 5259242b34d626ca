package backendtest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/redisimnest/rin/backend"
)

// Op is an op of package backend, or one form of it that takes a command of its
// own, with all that tests have to know about it. Whoever has to try every op
// gets them from [Ops], and so misses none that is added later.
type Op struct {
	// Name tells the form from all others: "set if absent".
	Name string
	// New is the op on key. Of a key that holds "v" and expires in an hour, it
	// reads something if it reads, and changes something if it writes.
	New func(key string) backend.Op
	// Holds is what makes key hold what New expects, for an hour. By default it is "v",
	// or of another kind a field, an element or a member "v".
	Holds func(key string) backend.Op
	// Silent says that the op has no result.
	Silent bool
	// Needs says for which keys it does so.
	Needs Needs
	// Changes is the key that the op changes, if that is one beside its own.
	Changes func(key string) string
	// First is an op without which New does nothing, or nil.
	First func(key string) backend.Op
	// Protocol says that only stores which speak the Redis protocol know the op.
	Protocol bool
	// FieldExpiry says that only stores know the op in which fields of a hash can expire.
	FieldExpiry bool
	// Stale says that the op may still find a key that has expired.
	Stale bool

	// Effect is the op's effect, and Reason why it has that one.
	Effect backend.Effect
	Reason string
	// Kind is the kind of value that it wants its key to hold.
	Kind backend.Kind
	// Rule is the sentence that the op's own case enforces.
	Rule string
}

// Needs says on which keys an op does anything.
type Needs int

const (
	// Present says that the key has to be there. Else the op finds nothing and
	// changes nothing.
	Present Needs = iota
	// Absent says that it must not be there. Else the op changes nothing.
	Absent
	// Either says that it does not matter. An absent key is created.
	Either
)

// far is when an op with an ExpireAt has its key expire: later than in an hour,
// by every clock.
var far = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// before is what a key holds that an op is to read or to change.
const before = "v"

// changed is what an op writes.
func changed() []byte { return []byte("changed") }

// Ops is the catalogue of all ops.
func Ops() []Op {
	return slices.Concat(keyOps(), counterOps(), hashOps(), listOps(), setOps(), sortedSetOps(), wholeOps(), leaseOps(), fillOps(), limitOps())
}

// keyOps are those on plain values, and on keys of any kind.
func keyOps() []Op {
	return []Op{
		{
			Name: "get", Effect: backend.Read, Kind: backend.KindString,
			New:    func(key string) backend.Op { return &backend.Get{Key: key} },
			Reason: "it changes nothing",
			Rule:   "Get gives the value of a key that is there, and leaves the key as it is.",
		},
		{
			Name: "get and renew", Effect: backend.Read, Kind: backend.KindString,
			New:    func(key string) backend.Op { return &backend.Get{Key: key, TTL: 2 * hour} },
			Reason: "it changes no value, and renewing twice leaves the same",
			Rule:   "Get with a TTL gives the value, and changes nothing but the expiry.",
		},
		{
			Name: "set", Effect: backend.Write, Needs: Either,
			New:    func(key string) backend.Op { return &backend.Set{Key: key, Value: changed()} },
			Reason: "the second one undoes what another client wrote between",
			Rule:   "Set writes, whether the key is there or not.",
		},
		{
			Name: "set until", Effect: backend.Write, Needs: Either,
			New:    func(key string) backend.Op { return &backend.Set{Key: key, Value: changed(), ExpireAt: far} },
			Reason: "the second one undoes what another client wrote between",
			Rule:   "Set with an ExpireAt writes, whether the key is there or not.",
		},
		{
			Name: "set and keep the expiry", Effect: backend.Write, Needs: Either,
			New:    func(key string) backend.Op { return &backend.Set{Key: key, Value: changed(), KeepTTL: true, TTL: hour} },
			Reason: "the second one undoes what another client wrote between",
			Rule:   "Set with KeepTTL and a TTL writes, whether the key is there or not.",
		},
		{
			Name: "set if absent", Effect: backend.Write, Needs: Absent,
			New:    func(key string) backend.Op { return &backend.Set{Key: key, Value: changed(), Cond: backend.IfAbsent} },
			Reason: "the second one is refused",
			Rule:   "Set with IfAbsent writes where the key is not there, and only there.",
		},
		{
			Name: "set if present", Effect: backend.Write,
			New:    func(key string) backend.Op { return &backend.Set{Key: key, Value: changed(), Cond: backend.IfPresent} },
			Reason: "a key may come between the two",
			Rule:   "Set with IfPresent writes where the key is there, and only there.",
		},
		{
			Name: "swap", Effect: backend.Write, Kind: backend.KindString, Needs: Either,
			New:    func(key string) backend.Op { return &backend.Set{Key: key, Value: changed(), ReturnOld: true} },
			Reason: "the second one returns the new value as the old",
			Rule:   "Set with ReturnOld writes, whether the key is there or not.",
		},
		{
			Name: "swap and keep the expiry", Effect: backend.Write, Kind: backend.KindString, Needs: Either,
			New: func(key string) backend.Op {
				return &backend.Set{Key: key, Value: changed(), ReturnOld: true, KeepTTL: true, TTL: hour}
			},
			Reason: "the second one returns the new value as the old",
			Rule:   "Set with ReturnOld, KeepTTL and a TTL writes, whether the key is there or not.",
		},
		{
			Name: "swap if absent", Effect: backend.Write, Kind: backend.KindString, Needs: Absent,
			New: func(key string) backend.Op {
				return &backend.Set{Key: key, Value: changed(), ReturnOld: true, Cond: backend.IfAbsent}
			},
			Reason: "the second one is refused",
			Rule:   "Set with ReturnOld and IfAbsent writes where the key is not there, and only there.",
		},
		{
			Name: "swap if present", Effect: backend.Write, Kind: backend.KindString,
			New: func(key string) backend.Op {
				return &backend.Set{Key: key, Value: changed(), ReturnOld: true, Cond: backend.IfPresent}
			},
			Reason: "the second one returns the new value as the old",
			Rule:   "Set with ReturnOld and IfPresent writes where the key is there, and only there.",
		},
		{
			Name: "take", Effect: backend.Write, Kind: backend.KindString,
			New:    func(key string) backend.Op { return &backend.Take{Key: key} },
			Reason: "the second one finds nothing",
			Rule:   "Take gives the value of a key that is there, and deletes the key.",
		},
		{
			Name: "delete", Effect: backend.Write,
			New:    func(key string) backend.Op { return &backend.Delete{Key: key} },
			Reason: "the second one says that nothing was there",
			Rule:   "Delete deletes a key that is there.",
		},
		{
			Name: "exists", Effect: backend.Read,
			New:    func(key string) backend.Op { return &backend.Exists{Key: key} },
			Reason: "it changes nothing",
			Rule:   "Exists finds a key that is there, and leaves it as it is.",
		},
		{
			Name: "ttl", Effect: backend.Read,
			New:    func(key string) backend.Op { return &backend.TTL{Key: key} },
			Reason: "it changes nothing",
			Rule:   "TTL says what a key that is there has left, and leaves it as it is.",
		},
		{
			Name: "expire", Effect: backend.Write,
			New:    func(key string) backend.Op { return &backend.Expire{Key: key, TTL: 2 * hour} },
			Reason: "the second one undoes what another client set between",
			Rule:   "Expire with a TTL moves the expiry of a key that is there.",
		},
		{
			Name: "expire at", Effect: backend.Write,
			New:    func(key string) backend.Op { return &backend.Expire{Key: key, ExpireAt: far} },
			Reason: "the second one undoes what another client set between",
			Rule:   "Expire with an ExpireAt moves the expiry of a key that is there.",
		},
		{
			Name: "persist", Effect: backend.Write,
			New:    func(key string) backend.Op { return &backend.Persist{Key: key} },
			Reason: "the second one finds no expiry",
			Rule:   "Persist removes the expiry of a key that is there.",
		},
		{
			Name: "expire time", Effect: backend.Read,
			New:    func(key string) backend.Op { return &backend.ExpireTime{Key: key} },
			Reason: "it changes nothing",
			Rule:   "ExpireTime says when a key that is there expires, and leaves it as it is.",
		},
		{
			Name: "renew", Effect: backend.Read,
			New:    func(key string) backend.Op { return &backend.Renew{Key: key, TTL: 2 * hour} },
			Reason: "it changes no value, and renewing twice leaves the same",
			Rule:   "Renew gives a key that is there its expiry anew.",
		},
		{
			Name: "type", Effect: backend.Read,
			New:    func(key string) backend.Op { return &backend.Type{Key: key} },
			Reason: "it changes nothing",
			Rule:   "Type says of what kind a key that is there is, and leaves it as it is.",
		},
		{
			Name: "memory usage", Effect: backend.Read, Stale: true,
			New:    func(key string) backend.Op { return &backend.MemoryUsage{Key: key} },
			Reason: "it changes nothing",
			Rule:   "MemoryUsage says how much a key that is there takes, and leaves it as it is.",
		},
		{
			Name: "compare and swap", Effect: backend.Write, Kind: backend.KindString,
			New: func(key string) backend.Op {
				return &backend.CompareAndSwap{Key: key, Old: []byte(before), Value: changed()}
			},
			Reason: "the second one finds the new value",
			Rule:   "CompareAndSwap writes where the key holds Old, and only there.",
		},
		{
			Name: "compare and swap an absent key", Effect: backend.Write, Kind: backend.KindString, Needs: Absent,
			New:    func(key string) backend.Op { return &backend.CompareAndSwap{Key: key, Absent: true, Value: changed()} },
			Reason: "the second one finds the new value",
			Rule:   "CompareAndSwap with Absent writes where the key is not there, and only there.",
		},
		{
			Name: "compare and delete", Effect: backend.Write, Kind: backend.KindString,
			New:    func(key string) backend.Op { return &backend.CompareAndDelete{Key: key, Old: []byte(before)} },
			Reason: "the second one finds nothing",
			Rule:   "CompareAndDelete deletes a key that holds Old.",
		},
		{
			Name: "do, only reading", Effect: backend.Read, Protocol: true, Needs: Either,
			New: func(key string) backend.Op {
				return &backend.Do{Key: key, Command: []string{"STRLEN"}, ReadOnly: true}
			},
			Reason: "its caller says so",
			Rule:   "Do gives the reply of its command; a store that speaks another protocol than Redis's does not know it.",
		},
		{
			Name: "do", Effect: backend.Write, Protocol: true, Needs: Either,
			New: func(key string) backend.Op {
				return &backend.Do{Key: key, Command: []string{"APPEND"}, Args: [][]byte{changed()}}
			},
			Reason: "nobody knows what it does",
			Rule:   "Do carries out its command; a store that speaks another protocol than Redis's does not know it.",
		},
		{
			Name: "do, with an expiry", Effect: backend.Write, Protocol: true, Needs: Either,
			New: func(key string) backend.Op {
				return &backend.Do{Key: key, Command: []string{"APPEND"}, Args: [][]byte{changed()}, TTL: 2 * hour}
			},
			Reason: "nobody knows what it does",
			Rule:   "Do with a TTL carries out its command; a store that speaks another protocol than Redis's does not know it.",
		},
	}
}

// opCases are a case for each op of the catalogue.
func opCases() (cases []testCase) {
	for _, o := range Ops() {
		cases = append(cases, testCase{
			name: o.Name,
			rule: o.Rule,
			run:  func(t *testing.T, s *suite) { o.check(t, s, s.Exec) },
		})
	}
	return cases
}

// ops are the ops that the store knows.
func (s *suite) ops() []Op {
	return slices.DeleteFunc(Ops(), func(o Op) bool { return !s.knows(o) })
}

// knows says that the store knows the op.
func (s *suite) knows(o Op) bool {
	lacks := o.Protocol && s.NoCommands || s.Lacks != nil && s.Lacks(o)
	return !lacks
}

// check checks what call makes of the op, on keys that are there and on others.
func (o Op) check(t *testing.T, s *suite, call caller) {
	t.Helper()
	if !s.knows(o) {
		s.wantUnsupported(t, o, call)
		return
	}
	for _, there := range []bool{true, false} {
		was := o.prepare(t, s, "k", there)
		op := o.New("k")
		if err := call(t.Context(), op); err != nil || backend.Err(op) != nil {
			t.Errorf("%s on %+v: %v", o.Name, was, err)
			continue
		}
		now, says := s.state(t, o.changes("k")), answered(op, o.New("k"))
		switch {
		case o.does(there):
			o.checkDone(t, was, now, says)
		case !now.is(was) || !there && says:
			t.Errorf("%s on %+v, where it does nothing, left %+v, and says %+v", o.Name, was, now, op)
		}
	}
}

// caller is Exec or Transact.
type caller func(ctx context.Context, ops ...backend.Op) error

// prepare makes key hold "v" for an hour, or be absent.
func (o Op) prepare(t *testing.T, s *suite, key string, there bool) state {
	t.Helper()
	do(t, s, &backend.Delete{Key: key})
	do(t, s, &backend.Delete{Key: o.changes(key)})
	if there {
		do(t, s, o.holds(key))
	}
	if o.First != nil {
		do(t, s, o.First(key))
	}
	return s.state(t, o.changes(key))
}

// changes is the key that the op changes.
func (o Op) changes(key string) string {
	if o.Changes != nil {
		return o.Changes(key)
	}
	return key
}

// holds makes key hold what the op expects.
func (o Op) holds(key string) backend.Op {
	if o.Holds != nil {
		return o.Holds(key)
	}
	return content{o.Kind, [][]byte{[]byte(before)}}.write(key, hour)
}

// does says whether the op does anything with a key that is there, or is not.
func (o Op) does(there bool) bool {
	return o.Needs == Either || (o.Needs == Present) == there
}

// checkDone checks that the op says something, and did what its effect is.
func (o Op) checkDone(t *testing.T, was, now state, says bool) {
	t.Helper()
	switch {
	case !says && !o.Silent:
		t.Errorf("%s on %+v has no result", o.Name, was)
	case o.Effect == backend.Write && now.is(was):
		t.Errorf("%s left %+v as it was", o.Name, was)
	case o.Effect == backend.Read && (now.found != was.found || now.value != was.value):
		t.Errorf("%s reads, but left %+v of %+v", o.Name, now, was)
	}
}

// wantUnsupported checks that the store does not know the op, and leaves its key.
func (s *suite) wantUnsupported(t *testing.T, o Op, call caller) {
	t.Helper()
	was, op := o.prepare(t, s, "k", true), o.New("k")
	for _, err := range []error{call(t.Context(), op), backend.Err(op)} {
		if !errors.Is(err, backend.ErrUnsupported) {
			t.Errorf("an error of %s is %v, want ErrUnsupported", o.Name, err)
		}
	}
	if now := s.state(t, "k"); !now.is(was) || answered(op, o.New("k")) {
		t.Errorf("%s left %+v of %+v, and says %+v", o.Name, now, was, op)
	}
}

// answered says that op has a result: that anything but its error tells it from a
// fresh one.
func answered(op, fresh backend.Op) bool {
	got, was := reflect.ValueOf(op).Elem(), reflect.ValueOf(fresh).Elem()
	for i := range got.NumField() {
		if got.Type().Field(i).Name != "Err" && !equal(got.Field(i), was.Field(i)) {
			return true
		}
	}
	return false
}

// equal says that two fields are equal; one that is empty is like one that is nil.
func equal(a, b reflect.Value) bool {
	if a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// copyOf is an op with the same fields.
func copyOf(op backend.Op) backend.Op {
	fresh := reflect.New(reflect.TypeOf(op).Elem())
	fresh.Elem().Set(reflect.ValueOf(op).Elem())
	return fresh.Interface().(backend.Op)
}

// bytesOf are all values that op has, its arguments and its results.
func bytesOf(op backend.Op) (all [][]byte) {
	fields := reflect.ValueOf(op).Elem()
	for i := range fields.NumField() {
		switch value := fields.Field(i).Interface().(type) {
		case []byte:
			all = append(all, value)
		case [][]byte:
			all = append(all, value...)
		}
	}
	return all
}
