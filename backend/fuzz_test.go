package backend_test

import (
	"errors"
	"reflect"
	"strconv"
	"testing"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/backendtest"
	"github.com/redisimnest/rin/backend/wire"
)

// Whatever a server answers, an op has an error and no results, or results that
// go together, and nothing panics.
func FuzzAnswer(f *testing.F) {
	for _, r := range []wire.Reply{
		none, reply("OK"), reply("v"), reply("1"), reply("-2"), reply("1800000000123"), wire.ArrayOf(), failed("ERR no"),
		step("0", none), step("0", reply("v")), step("1", reply("OK")), step("2", reply("OK")), step("3", none),
		step("1", failed("WRONGTYPE")), step("0", wire.ArrayOf(reply("v"))),
		wire.ArrayOf(step("1", wire.ArrayOf(none, reply(""))), failed("ERR inside")),
	} {
		f.Add(grow(nil, r))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, _ := treeOf(data)
		if s := r.String(); s == "" {
			t.Errorf("the reply %#v prints nothing", r)
		}
		for _, o := range backendtest.Ops() {
			op := o.New("k")
			backend.Answer(op, r)
			results := resultsOf(op, o.New("k"))
			switch err := backend.Err(op); {
			case err != nil && len(results) > 0:
				t.Errorf("%s, answered %v: %v, and results %v", o.Name, r, err, results)
			case err == nil && r.Err != nil:
				t.Errorf("%s has no error of the server's %v", o.Name, r.Err)
			case err == nil && len(results) > 0 && !saysYes(results) && !backend.Did(op) && !saysWhatItWas(op):
				t.Errorf("%s, answered %v: results %v of what it says is not there", o.Name, r, results)
			}
		}
	})
}

// resultsOf are the fields that tell op from a fresh one, by name.
func resultsOf(op, fresh backend.Op) map[string]any {
	results := map[string]any{}
	got, was := reflect.ValueOf(op).Elem(), reflect.ValueOf(fresh).Elem()
	for i := range got.NumField() {
		name, value := got.Type().Field(i).Name, got.Field(i).Interface()
		if name != "Err" && !reflect.DeepEqual(value, was.Field(i).Interface()) {
			results[name] = value
		}
	}
	return results
}

// saysYes says that there is a result that is true, such as Found, or the whole
// reply, which says no more than it is.
func saysYes(results map[string]any) bool {
	for _, result := range results {
		if _, whole := result.(wire.Reply); whole || result == true {
			return true
		}
	}
	return false
}

// saysWhatItWas says that op has a result where it is refused, too: the number that there is,
// or how long it takes until it isn't.
func saysWhatItWas(op backend.Op) bool {
	switch op.(type) {
	case *backend.IncrBy, *backend.IncrByFloat, *backend.HIncrBy, *backend.Acquire, *backend.Limit, *backend.Claim:
		return true
	}
	return false
}

func failed(text string) wire.Reply { return wire.Reply{Err: errors.New(text)} }

// What a tree of replies is made from, a byte each, with what follows it.
const (
	aNil    = iota
	aText   // a byte for the length, and the text
	aNumber // a byte
	anError // as a text
	anArray // a byte for the number of elements, and these
	kinds
)

// treeOf makes a reply from bytes, whatever they are, and the bytes behind it.
func treeOf(data []byte) (r wire.Reply, rest []byte) {
	kind, data := next(data)
	switch kind % kinds {
	case aText:
		text, rest := textOf(data)
		return wire.Reply{Text: text}, rest
	case aNumber:
		n, rest := next(data)
		return wire.Reply{Text: strconv.Itoa(int(int8(n)))}, rest
	case anError:
		text, rest := textOf(data)
		return wire.Reply{Err: errors.New(text)}, rest
	case anArray:
		n, rest := next(data)
		r = wire.ArrayOf()
		for range min(int(n), len(rest)) {
			var elem wire.Reply
			elem, rest = treeOf(rest)
			r.Elems = append(r.Elems, elem)
		}
		return r, rest
	}
	return wire.Reply{Nil: true}, data
}

func next(data []byte) (b byte, rest []byte) {
	if len(data) == 0 {
		return 0, nil
	}
	return data[0], data[1:]
}

func textOf(data []byte) (text string, rest []byte) {
	n, rest := next(data)
	length := min(int(n), len(rest))
	return string(rest[:length]), rest[length:]
}

// grow appends the bytes that treeOf makes the reply from.
func grow(data []byte, r wire.Reply) []byte {
	switch {
	case r.Nil:
		return append(data, aNil)
	case r.Err != nil:
		return append(append(data, anError, byte(len(r.Err.Error()))), r.Err.Error()...)
	case r.IsArray():
		data = append(data, anArray, byte(len(r.Elems)))
		for _, elem := range r.Elems {
			data = grow(data, elem)
		}
		return data
	}
	return append(append(data, aText, byte(len(r.Text))), r.Text...)
}

// The seeds are the replies that they are meant to be.
func TestTree(t *testing.T) {
	for _, want := range []wire.Reply{none, reply("OK"), wire.ArrayOf(), failed("ERR"), step("1", wire.ArrayOf(none, reply("")))} {
		got, rest := treeOf(grow(nil, want))
		if !reflect.DeepEqual(got, want) || len(rest) > 0 {
			t.Errorf("treeOf(grow(%#v)) = %#v, and %d bytes behind it", want, got, len(rest))
		}
	}
}
