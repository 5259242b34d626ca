package memstore

import (
	"reflect"
	"time"

	"github.com/redisimnest/rin/backend"
)

// A deed is how the ops of one type are carried out. Those of a family stand in
// the family's file, with what they do.
type deed struct {
	op reflect.Type
	// locks says that it takes the store's lock. Without that, it only reads the
	// item, and needs the lock only where this is no plain value.
	locks bool
	// run gives op its answer. The key holds it, of a kind that op wants; or nil.
	run func(s *Store, op backend.Op, it *item, now time.Time)
	// timeless says that run does not look at the time, if the item does not: to ask for it
	// takes longer than most ops. If nil, it does.
	timeless func(op backend.Op) bool
}

// deeds are those of all ops that the store knows.
var deeds = byType(valueDeeds, keyDeeds, changeDeeds, counterDeeds, hashDeeds, listDeeds, setDeeds, sortedSetDeeds, wholeDeeds, leaseDeeds, fillDeeds, limitDeeds)

func byType(families ...[]deed) map[typeID]*deed {
	all := map[typeID]*deed{}
	for _, family := range families {
		for _, d := range family {
			all[idOf(d.op)] = &d
		}
	}
	return all
}

// typeID is the address of what the runtime knows of a type: the type itself takes a map
// three times as long.
type typeID uintptr

func idOf(t reflect.Type) typeID { return typeID(reflect.ValueOf(t).Pointer()) }

// deedOf is how op is carried out, nil where the store does not know it.
func deedOf(op backend.Op) *deed { return deeds[idOf(reflect.TypeOf(op))] }

// pointerTo is what an op is: a pointer to a struct.
type pointerTo[O any] interface {
	*O
	backend.Op
}

// reads is the deed of ops that only read the item, and that have their answer
// already where there is none.
func reads[O any, P pointerTo[O]](f func(o P, it *item, now time.Time)) deed {
	return deed{op: reflect.TypeFor[P](), run: func(_ *Store, op backend.Op, it *item, now time.Time) {
		if it != nil {
			f(op.(P), it, now)
		}
	}}
}

// looks is the deed of ops that only read a structure, and that have their answer
// already where there is none.
func looks[S structure, O any, P pointerTo[O]](f func(o P, in S)) deed {
	d := underLock(reads(func(o P, it *item, _ time.Time) { f(o, it.other.(S)) }))
	d.timeless = func(backend.Op) bool { return true }
	return d
}

// timeless is a deed that does not look at the time where f says so.
func timeless[O any, P pointerTo[O]](d deed, f func(o P) bool) deed {
	d.timeless = func(op backend.Op) bool { return f(op.(P)) }
	return d
}

// underLock is a deed that takes the lock at once.
func underLock(d deed) deed {
	d.locks = true
	return d
}

// changes is the deed of ops that change a structure, which fresh makes where there is
// none. They say whether they have done something.
func changes[S structure, O any, P pointerTo[O]](fresh func() S, life func(o P) backend.Expiry, f func(o P, in S) (did bool)) deed {
	return timeless(writes(func(s *Store, o P, it *item, now time.Time) {
		in := structureIn(it, fresh)
		did := f(o, in)
		s.settle(backend.Key(o), it, in, life(o), did, now)
	}), func(o P) bool { return life(o).TTL == 0 })
}

// structureIn is the item's structure, or a fresh one where there is no item.
func structureIn[S structure](it *item, fresh func() S) S {
	if it == nil {
		return fresh()
	}
	return it.other.(S)
}

// settle leaves the key what has become of its structure: nothing where that is empty;
// else with the expiry that it has, or gets because something was done.
func (s *Store) settle(key string, it *item, in structure, e backend.Expiry, did bool, now time.Time) {
	switch {
	case in.len() == 0 && it != nil:
		s.keys.remove(key)
	case in.len() == 0:
	case did && renews(e, it):
		s.keys.put(key, &item{other: in, expireAt: now.Add(e.TTL)}, now)
	case it == nil:
		s.keys.put(key, &item{other: in}, now)
	}
	if in.len() > 0 {
		s.wake(key)
	}
}

// renews says that the expiry gives the item, if there is one, another one.
func renews(e backend.Expiry, it *item) bool {
	return e.TTL > 0 && (!e.IfNone || it == nil || !it.expires())
}

// replace leaves the key a structure that was made anew, in place of the item.
func (s *Store) replace(key string, it *item, in structure, e backend.Expiry, now time.Time) {
	next := &item{other: in}
	if e.TTL > 0 {
		next.expireAt = now.Add(e.TTL)
		if e.IfNone && it != nil && it.expires() {
			next.expireAt = it.expireAt
		}
	}
	if in.len() > 0 {
		s.keys.put(key, next, now)
	} else if it != nil {
		s.keys.remove(key)
	}
}

// writes is the deed of ops that change something.
func writes[O any, P pointerTo[O]](f func(s *Store, o P, it *item, now time.Time)) deed {
	return deed{op: reflect.TypeFor[P](), locks: true, run: func(s *Store, op backend.Op, it *item, now time.Time) {
		f(s, op.(P), it, now)
	}}
}
