package wire

import (
	"fmt"
	"strconv"
	"unsafe"
)

// Reply is what a server answers a command, in one form for both versions of the
// protocol and for every client: an error is not a reply, unless it stands
// within one.
//
// Text is a status or a string as it is, a number in digits, and a bool as 1 or
// 0. Elems are the elements of an array, a set or a push; those of a map are its
// keys and values in turn.
type Reply struct {
	Nil  bool
	Text string
	// Elems is not nil for a reply that has elements, even none; but for one that
	// [Strings] or [Members] has made, of which only the methods know: see
	// [Reply.Expanded].
	Elems []Reply
	Err   error // of an element that is an error

	flat *flat // in place of Elems, where Strings or Members has made it
}

// flat are elements that are all strings, or members with their scores.
type flat struct {
	texts   [][]byte
	members []Scored // where it is not nil, in place of texts
}

// Scored is a member of a sorted set with its score.
type Scored struct {
	Member []byte
	Score  float64
}

// Members is a reply whose elements are members and their scores in turn. It is to one of
// [ArrayOf] as [Strings] is.
func Members(all []Scored) Reply {
	if all == nil {
		all = []Scored{}
	}
	return Reply{flat: &flat{members: all}}
}

// Strings is a reply whose elements are strings, which [Bytes] gives. It takes less than one
// of [ArrayOf], and has no Elems: see [Reply.Expanded].
func Strings(texts [][]byte) Reply {
	return Reply{flat: &flat{texts: texts}}
}

// Bytes is a text that a client has read for this reply alone, and that is given away with
// it, without a copy: nobody else may have it, and it may be no constant.
func Bytes(text string) []byte {
	if text == "" {
		return []byte{}
	}
	return unsafe.Slice(unsafe.StringData(text), len(text))
}

// Expanded is the reply with all of its elements in Elems, those of elements too.
func (r Reply) Expanded() Reply {
	if !r.IsArray() {
		return r
	}
	elems := r.elems()
	for i := range elems {
		elems[i] = elems[i].Expanded()
	}
	return ArrayOf(elems...)
}

// elems are the elements, in whatever way the reply has them.
func (r Reply) elems() []Reply {
	if r.flat == nil {
		return r.Elems
	}
	elems := make([]Reply, 0, r.len())
	for _, text := range r.flat.texts {
		elems = append(elems, Reply{Text: string(text)})
	}
	for _, m := range r.flat.members {
		elems = append(elems, Reply{Text: string(m.Member)}, Reply{Text: Float(m.Score).String()})
	}
	return elems
}

func (r Reply) len() int {
	if r.flat == nil {
		return len(r.Elems)
	}
	return len(r.flat.texts) + 2*len(r.flat.members)
}

// ArrayOf is a reply of elements.
func ArrayOf(elems ...Reply) Reply {
	if elems == nil {
		elems = []Reply{}
	}
	return Reply{Elems: elems}
}

// IsArray says that the reply has elements, even none.
func (r Reply) IsArray() bool { return r.Elems != nil || r.flat != nil }

// isText says that the reply is a text, which may be empty.
func (r *Reply) isText() bool { return !r.Nil && !r.IsArray() && r.Err == nil }

// Bytes is a copy of the text, and whether it was there: the nil reply has none.
func (r Reply) Bytes() (text []byte, found bool, err error) {
	switch {
	case r.Nil:
		return nil, false, nil
	case !r.isText():
		return nil, false, r.unexpected("a string")
	}
	return []byte(r.Text), true, nil
}

// Is says that the reply is this text.
func (r Reply) Is(text string) bool { return r.isText() && r.Text == text }

// Int is the reply as a number.
func (r Reply) Int() (int64, error) {
	if !r.isText() {
		return 0, r.unexpected("a number")
	}
	n, err := strconv.ParseInt(r.Text, 10, 64)
	if err != nil {
		return 0, r.unexpected("a number")
	}
	return n, nil
}

// Float is the reply as a floating-point number.
func (r Reply) Float() (float64, error) {
	if !r.isText() {
		return 0, r.unexpected("a number")
	}
	f, err := strconv.ParseFloat(r.Text, 64)
	if err != nil {
		return 0, r.unexpected("a number")
	}
	return f, nil
}

// OK is nil for the status of a command that answers nothing else.
func (r Reply) OK() error {
	if !r.Is("OK") {
		return r.unexpected("OK")
	}
	return nil
}

// Texts are the reply's elements, of which none may be nil. The nil reply has none.
func (r Reply) Texts() ([][]byte, error) {
	if r.Nil {
		return nil, nil
	}
	if !r.IsArray() {
		return nil, r.unexpected("an array")
	}
	if r.flat != nil && r.flat.members == nil {
		return r.flat.texts, nil
	}
	texts := make([][]byte, 0, r.len())
	for _, elem := range r.elems() {
		if !elem.isText() {
			return nil, r.unexpected("an array of strings")
		}
		texts = append(texts, []byte(elem.Text))
	}
	return texts, nil
}

// Scores are the members in the reply with their scores, whether they come one by one or
// two by two. The nil reply has none.
func (r Reply) Scores() ([]Scored, error) {
	if r.flat != nil && len(r.flat.members) > 0 {
		return r.flat.members, nil
	}
	flat, err := r.Pairs()
	if err != nil || len(flat) == 0 {
		return nil, err
	}
	members := make([]Scored, len(flat)/2)
	for i := range members {
		m := &members[i]
		if m.Member, _, err = flat[2*i].Bytes(); err == nil {
			m.Score, err = flat[2*i+1].Float()
		}
		if err != nil {
			return nil, err
		}
	}
	return members, nil
}

// Pairs are the reply's elements in turn, whether they come one by one or two by
// two: of a map, or of members with their scores.
func (r Reply) Pairs() ([]Reply, error) {
	if r.Nil {
		return nil, nil
	}
	if !r.IsArray() {
		return nil, r.unexpected("an array of pairs")
	}
	flat := r.elems()
	if len(flat) > 0 && flat[0].IsArray() {
		flat = make([]Reply, 0, 2*len(r.Elems))
		for _, elem := range r.Elems {
			pair, err := elem.Array(2)
			if err != nil {
				return nil, err
			}
			flat = append(flat, pair...)
		}
	}
	if len(flat)%2 != 0 {
		return nil, r.unexpected("an array of pairs")
	}
	return flat, nil
}

// Array is the reply's elements, of which there must be n.
func (r Reply) Array(n int) ([]Reply, error) {
	if !r.IsArray() || r.len() != n {
		return nil, r.unexpected(fmt.Sprintf("an array of %d", n))
	}
	return r.elems(), nil
}

// unexpected says what came in place of what the command answers.
func (r Reply) unexpected(want string) error {
	return fmt.Errorf("the server answered %v, where the command answers %s", r, want)
}

// maxShown is how much of a reply's text a message shows.
const maxShown = 64

// String is the reply for a message, shortened.
func (r Reply) String() string {
	switch {
	case r.Err != nil:
		return fmt.Sprintf("error %q", r.Err)
	case r.Nil:
		return "nil"
	case r.IsArray():
		return fmt.Sprintf("an array of %d", r.len())
	case len(r.Text) > maxShown:
		return fmt.Sprintf("%q…", r.Text[:maxShown])
	}
	return strconv.Quote(r.Text)
}
