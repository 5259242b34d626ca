package codec

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/redisimnest/rin/internal/methodset"
)

// A guard looks through a value for what a codec would leave out, or bring back as
// something else, and would not say so.
type guard func(v reflect.Value, depth int) error

// A plan is what a codec makes of a type. It is found out once.
type plan struct {
	err   error // why no value can be stored
	guard guard // what to look for in each value; nil: nothing
	facts
	// isNull says whether a value writes itself as null; nil: none does.
	isNull func(reflect.Value) bool
}

// facts are what a type has in common with all that is in it.
type facts struct {
	// byPointer says that a type in it has its methods on the pointer: a value has to
	// be addressable, or these are not called.
	byPointer bool
	// holdsAny says that there is an interface in it.
	holdsAny bool
}

// rules are what plans of one codec go by.
type rules interface {
	// itself is the plan of a type that the codec lets write itself.
	itself(t reflect.Type) (p plan, does bool)
	// fields are those of a struct that the codec writes, and guards of fields, also of
	// those that it drops, beside those of the fields' types.
	fields(t reflect.Type) (kept []reflect.StructField, guards []guarded, err error)
	// elem is a guard of what is in a list or a map, beside that of its type; or nil.
	// The error is why nothing of the type can be there.
	elem(t reflect.Type) (guard, error)
	// mapKey is why a type can't be a map's key. Where keys that differ might be
	// written as one, it gives how they are written; else nil.
	mapKey(t reflect.Type) (written func(key reflect.Value) (string, error), err error)
	// other is the plan of an interface, or of what is no data.
	other(t reflect.Type) plan
}

// planner makes the plans of one codec, and keeps them.
type planner struct {
	rules rules
	plans sync.Map // of reflect.Type to *plan
}

// of is the plan of a type.
func (p *planner) of(t reflect.Type) *plan {
	if known, ok := p.plans.Load(t); ok {
		return known.(*plan)
	}
	made, _ := p.plans.LoadOrStore(t, p.make(t))
	return made.(*plan)
}

// make plans a type again until what is known of the types within themselves does
// not change any more.
func (p *planner) make(t reflect.Type) *plan {
	for known := map[reflect.Type]facts{}; ; {
		round := planning{p.rules, known, map[reflect.Type]*plan{}}
		made := round.of(t)
		found := make(map[reflect.Type]facts, len(round.plans))
		for t, plan := range round.plans {
			found[t] = plan.facts
		}
		if maps.Equal(known, found) {
			return made
		}
		known = found
	}
}

// planning is the making of a plan, and of those of all types in it.
type planning struct {
	rules
	known map[reflect.Type]facts // of the round before
	plans map[reflect.Type]*plan
}

func (p planning) of(t reflect.Type) *plan {
	if begun, ok := p.plans[t]; ok {
		// A type that is in itself: its guard is not known yet.
		return &plan{err: begun.err, guard: begun.check, facts: p.known[t]}
	}
	made := &plan{}
	p.plans[t] = made
	*made = p.make(t)
	return made
}

// with is the plan with another guard.
func (p *plan) with(g guard) plan {
	other := *p
	other.guard = g
	return other
}

// look is why a value can't be stored, if it can't.
func (p *plan) look(v any) error {
	if p.err != nil || p.guard == nil {
		return p.err
	}
	return p.check(reflect.ValueOf(v), 0)
}

// check looks through a value.
func (p *plan) check(v reflect.Value, depth int) error {
	if p.guard == nil {
		return nil
	}
	if depth > maxDepth {
		return errors.New("it is nested too deep, or contains itself")
	}
	return p.guard(v, depth+1)
}

// maxDepth is how deep a value may be nested, as in encoding/json.
const maxDepth = 10_000

func (p planning) make(t reflect.Type) plan {
	if own, does := p.itself(t); does {
		return own
	}
	switch t.Kind() {
	case reflect.Pointer:
		return p.pointer(t)
	case reflect.Slice, reflect.Array:
		return p.list(t)
	case reflect.Map:
		return p.mapping(t)
	case reflect.Struct:
		return p.structure(t)
	case reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return p.other(t)
	}
	return plan{}
}

func (p planning) pointer(t reflect.Type) plan {
	elem := p.of(t.Elem())
	nilable := slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface}, t.Elem().Kind())
	made := plan{err: elem.err, facts: facts{holdsAny: elem.holdsAny}}
	if elem.guard == nil && elem.isNull == nil && !nilable {
		return made
	}
	return made.with(func(v reflect.Value, depth int) error {
		switch {
		case v.IsNil():
			return nil
		case nilable && v.Elem().IsNil(), elem.isNull != nil && elem.isNull(v.Elem()):
			return errors.New("it points to what is written as nil, and would come back as nil itself")
		}
		return elem.check(v.Elem(), depth)
	})
}

func (p planning) list(t reflect.Type) plan {
	elem := p.elemOf(t)
	made := plan{err: elem.err, facts: facts{byPointer: elem.byPointer && t.Kind() == reflect.Array, holdsAny: elem.holdsAny}}
	if elem.guard != nil {
		made.guard = func(v reflect.Value, depth int) error {
			for i := range v.Len() {
				if err := elem.check(v.Index(i), depth); err != nil {
					return fmt.Errorf("[%d]: %w", i, err)
				}
			}
			return nil
		}
	}
	return made
}

// elemOf is the plan of what is in a list or a map.
func (p planning) elemOf(t reflect.Type) *plan {
	elem := p.of(t.Elem())
	switch own, err := p.elem(t.Elem()); {
	case err != nil:
		return &plan{err: err}
	case own == nil:
		return elem
	default:
		both := elem.with(func(v reflect.Value, depth int) error {
			if err := own(v, depth); err != nil {
				return err
			}
			return elem.check(v, depth)
		})
		return &both
	}
}

func (p planning) mapping(t reflect.Type) plan {
	written, err := p.mapKey(t.Key())
	key, elem := p.of(t.Key()), p.elemOf(t)
	if err := cmp.Or(err, key.err, elem.err); err != nil {
		return plan{err: err}
	}
	if elem.byPointer {
		return plan{err: fmt.Errorf("the methods of %v are its pointer's, and would not be called for a value in a map; use map[%v]*%v", t.Elem(), t.Key(), t.Elem())}
	}
	made := plan{facts: facts{holdsAny: elem.holdsAny}}
	if key.guard == nil && elem.guard == nil && written == nil {
		return made
	}
	return made.with(func(v reflect.Value, depth int) error {
		for entries := v.MapRange(); entries.Next(); {
			if err := cmp.Or(key.check(entries.Key(), depth), elem.check(entries.Value(), depth)); err != nil {
				return fmt.Errorf("[%v]: %w", entries.Key(), err)
			}
		}
		return distinct(v, written)
	})
}

// distinct finds two keys of a map that would be written as one.
func distinct(v reflect.Value, written func(reflect.Value) (string, error)) error {
	if written == nil || v.Len() < 2 {
		return nil
	}
	seen := make(map[string]bool, v.Len())
	for _, key := range v.MapKeys() {
		text, err := written(key)
		if err != nil {
			return fmt.Errorf("[%v]: %w", key, err)
		}
		if seen[text] {
			return fmt.Errorf("[%v]: two keys of the map are written like this, and would become one", key)
		}
		seen[text] = true
	}
	return nil
}

// guarded is a field with what to look for in it.
type guarded struct {
	reflect.StructField
	guard guard
}

func (p planning) structure(t reflect.Type) plan {
	kept, fields, err := p.fields(t)
	if err == nil && len(kept) == 0 && len(fields) > 0 {
		err = fmt.Errorf("%v has no exported fields, so nothing of it would be stored; export them, or give the type methods to marshal itself", t)
	}
	if err != nil {
		return plan{err: err}
	}
	made := plan{}
	for _, f := range kept {
		of := p.of(f.Type)
		if of.err != nil && made.err == nil {
			made.err = fmt.Errorf("field %s: %w", f.Name, of.err)
		}
		made.byPointer = made.byPointer || of.byPointer
		made.holdsAny = made.holdsAny || of.holdsAny
		if of.guard != nil {
			fields = append(fields, guarded{f, of.check})
		}
	}
	if len(fields) > 0 {
		made.guard = func(v reflect.Value, depth int) error {
			for i := range fields {
				if err := fields[i].check(v, depth); err != nil {
					return fmt.Errorf("field %s: %w", fields[i].Name, err)
				}
			}
			return nil
		}
	}
	return made
}

// check looks at the field of a struct, through what is embedded there, which may
// be nil.
func (f *guarded) check(v reflect.Value, depth int) error {
	for _, i := range f.Index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return nil
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return f.guard(v, depth)
}

// notZero guards fields that are left out.
func notZero(v reflect.Value, _ int) error {
	if v.IsZero() {
		return nil
	}
	return errors.New("it is not empty, and would be lost, since it is not exported, or another field hides it; export it, rename it, or clear it")
}

// methods are a pair by which a type writes and reads itself.
type methods struct {
	write, read         reflect.Type // interfaces
	writeName, readName string
}

// writes says how t has the method that writes: its values do, or only its
// pointers.
func (m methods) writes(t reflect.Type) (does, byPointer bool) {
	if t.Kind() == reflect.Interface {
		return false, false
	}
	value := t.Implements(m.write)
	return value || reflect.PointerTo(t).Implements(m.write), !value
}

// check is why a type that writes itself by the method is not read back.
func (m methods) check(t reflect.Type) error {
	if !reflect.PointerTo(t).Implements(m.read) {
		return fmt.Errorf("%v has %s and not %s, so that it is not read as it is written; give it both", t, m.writeName, m.readName)
	}
	if embedded, ok := methodset.ThroughPointer(t, m.readName); ok {
		return fmt.Errorf("the %s of %v is that of its embedded %s, which is nil when it is to be read; embed no pointer, or give the field a name", m.readName, t, embedded)
	}
	for _, name := range []string{m.writeName, m.readName} {
		if embedded, ok := methodset.Promoted(t, name); ok {
			return fmt.Errorf("the %s of %v is that of its embedded %s, and leaves out the other fields; give the type its own, or the field a name", name, t, embedded)
		}
	}
	return nil
}
