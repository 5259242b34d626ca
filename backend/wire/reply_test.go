package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/redisimnest/rin/backend/wire"
)

// Each reader of a reply takes the form that it is for, and says of the others
// what came: an empty text is there, and nothing else is one.
func TestReply(t *testing.T) {
	for _, row := range []struct {
		reply                wire.Reply
		bytes, number, array bool // which readers take it
		found                bool
		prints               string
	}{
		{reply: wire.Reply{}, bytes: true, found: true, prints: `""`},
		{reply: wire.Reply{Text: "v"}, bytes: true, found: true, prints: `"v"`},
		{reply: wire.Reply{Text: "-12"}, bytes: true, number: true, found: true, prints: `"-12"`},
		{reply: wire.Reply{Text: "9223372036854775808"}, bytes: true, found: true, prints: `"9223372036854775808"`},
		{reply: wire.Reply{Text: strings.Repeat("x", 65)}, bytes: true, found: true, prints: `"` + strings.Repeat("x", 64) + `"…`},
		{reply: wire.Reply{Nil: true}, bytes: true, prints: "nil"},
		{reply: wire.ArrayOf(), prints: "an array of 0"},
		{reply: wire.ArrayOf(wire.Reply{}, wire.Reply{Nil: true}), array: true, prints: "an array of 2"},
		{reply: wire.Reply{Err: errors.New("ERR no")}, prints: `error "ERR no"`},
	} {
		text, found, err := row.reply.Bytes()
		if (err == nil) != row.bytes || found != row.found || string(text) != row.reply.Text && row.bytes {
			t.Errorf("Bytes of %v = %q, %t, %v", row.reply, text, found, err)
		}
		if _, err := row.reply.Int(); (err == nil) != row.number {
			t.Errorf("Int of %v: %v", row.reply, err)
		}
		elems, arrayErr := row.reply.Array(2)
		if (arrayErr == nil) != row.array || row.array && len(elems) != 2 {
			t.Errorf("Array(2) of %v = %v, %v", row.reply, elems, arrayErr)
		}
		if is := row.reply.Is(""); is != (row.found && row.reply.Text == "") {
			t.Errorf("Is of %v with an empty text = %t", row.reply, is)
		}
		if got := row.reply.String(); got != row.prints {
			t.Errorf("the reply prints as %s, want %s", got, row.prints)
		}
		if arrayErr != nil && !strings.Contains(arrayErr.Error(), row.prints) {
			t.Errorf("an error says %q, and not what came: %s", arrayErr, row.prints)
		}
	}
}

// An array that has to have no elements is still an array.
func TestReply_emptyArray(t *testing.T) {
	if _, err := wire.ArrayOf().Array(0); err != nil {
		t.Errorf("Array(0) of an empty array: %v", err)
	}
	if _, err := (wire.Reply{Text: "v"}).Array(0); err == nil {
		t.Error("Array(0) takes a text for an empty array")
	}
}

// What a caller does to the bytes of a reply does not change the reply, which may be a
// constant.
func TestReply_bytesAreOwn(t *testing.T) {
	r := wire.ArrayOf(wire.Reply{Text: "value"}, wire.Reply{Text: "v"})
	text, _, _ := r.Elems[0].Bytes()
	texts, _ := r.Texts()
	scored, _ := wire.ArrayOf(wire.Reply{Text: "value"}, wire.Reply{Text: "1"}).Scores()
	for _, own := range [][]byte{text, texts[0], texts[1], scored[0].Member} {
		copy(own, "other")
	}
	if r.Elems[0].Text != "value" || r.Elems[1].Text != "v" {
		t.Errorf("the reply became %v", r.Elems)
	}
}
