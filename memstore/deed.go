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
}

// deeds are those of all ops that the store knows.
var deeds = byType(valueDeeds, keyDeeds, changeDeeds)

func byType(families ...[]deed) map[reflect.Type]deed {
	all := map[reflect.Type]deed{}
	for _, family := range families {
		for _, d := range family {
			all[d.op] = d
		}
	}
	return all
}

// deedOf is how op is carried out, if the store knows it.
func deedOf(op backend.Op) (deed, bool) {
	d, ok := deeds[reflect.TypeOf(op)]
	return d, ok
}

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

// writes is the deed of ops that change something.
func writes[O any, P pointerTo[O]](f func(s *Store, o P, it *item, now time.Time)) deed {
	return deed{op: reflect.TypeFor[P](), locks: true, run: func(s *Store, op backend.Op, it *item, now time.Time) {
		f(s, op.(P), it, now)
	}}
}
