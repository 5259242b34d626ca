package backendtest

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/wire"
)

// nestedScript answers [nested].
const nestedScript = "return {1, 'two', {3, {}, {'four', false}}, redis.status_reply('OK')}"

var nested = wire.ArrayOf(
	wire.Reply{Text: "1"},
	wire.Reply{Text: "two"},
	wire.ArrayOf(
		wire.Reply{Text: "3"},
		wire.ArrayOf(),
		wire.ArrayOf(wire.Reply{Text: "four"}, wire.Reply{Nil: true}),
	),
	wire.Reply{Text: "OK"},
)

var doCases = []testCase{
	{
		name:     "nested reply",
		commands: true,
		rule:     "A reply arrives whole, arrays in arrays, and those that are empty, and what is nil within them, too; the ops around it have theirs.",
		run: func(t *testing.T, s *suite) {
			s.put(t, "k", "v")
			nest := &backend.Do{Key: "k", Command: []string{"EVAL", nestedScript, "1"}}
			first, last := &backend.Get{Key: "k"}, &backend.Get{Key: "k"}
			s.all(t, first, nest, last)
			if !reflect.DeepEqual(nest.Reply, nested) {
				t.Errorf("the reply is %s, want %s", whole(nest.Reply), whole(nested))
			}
			if string(first.Value) != "v" || string(last.Value) != "v" {
				t.Errorf("the ops around it read %q and %q, want v twice", first.Value, last.Value)
			}
		},
	},
	{
		name:     "reply of pairs",
		commands: true,
		rule:     "A reply that the protocol calls a map arrives as keys and values in turn.",
		run: func(t *testing.T, s *suite) {
			want := map[string]string{"a": "1", "b": "2", "c": ""}
			set := &backend.Do{Key: "k", Command: []string{"HSET"}}
			for field, value := range want {
				set.Args = append(set.Args, []byte(field), []byte(value))
			}
			do(t, s, set)
			all := do(t, s, &backend.Do{Key: "k", Command: []string{"HGETALL"}, ReadOnly: true})
			got := map[string]string{}
			for pair := range slices.Chunk(all.Reply.Elems, 2) {
				got[pair[0].Text] = pair[len(pair)-1].Text
			}
			if !maps.Equal(got, want) {
				t.Errorf("the reply is %s, want the pairs of %v", whole(all.Reply), want)
			}
		},
	},
	{
		name:     "100,000 words",
		commands: true,
		rule:     "A command with a TTL may have 100,000 words, and is one step with its expiry.",
		run: func(t *testing.T, s *suite) {
			const words = 100_000
			add := &backend.Do{Key: "k", Command: []string{"SADD"}, TTL: hour, Item: 1, Adds: true}
			for i := range words {
				add.Args = append(add.Args, strconv.AppendInt(nil, int64(i), 10))
			}
			if do(t, s, add); !add.Reply.Is(strconv.Itoa(words)) {
				t.Errorf("the reply is %v, want %d", add.Reply, words)
			}
			s.lasts(t, "k", hour)
		},
	},
}

// whole is a reply with all that is in it.
func whole(r wire.Reply) string {
	if !r.IsArray() {
		return r.String()
	}
	var elems []string
	for _, elem := range r.Elems {
		elems = append(elems, whole(elem))
	}
	return "[" + strings.Join(elems, " ") + "]"
}
