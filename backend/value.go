package backend

import (
	"time"

	"github.com/redisimnest/rin/backend/wire"
)

// Get reads a value: GET, or GETEX where it renews the key's expiry.
type Get struct {
	Key     string
	Pattern string
	// TTL is what the key has left from now on; zero leaves its expiry alone.
	// It counts only where the key is there.
	TTL time.Duration

	Value []byte
	Found bool
	Err   error
}

func (o *Get) info() info {
	return info{name: "get", does: reads(KindString), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (*Get) needs() need { return need{redis: "6.2"} }

func (o *Get) command(c *wire.Command) {
	if o.TTL > 0 {
		c.Add(wire.GETEX).Key(o.Key).Add(wire.PX, millis(o.TTL))
	} else {
		c.Add(wire.GET).Key(o.Key)
	}
}

func (o *Get) answer(r wire.Reply) (err error) {
	o.Value, o.Found, err = r.Bytes()
	return err
}

// Cond says when a [Set] is carried out.
type Cond int

const (
	// Always sets the key whether it is there or not, and whatever kind of
	// value it holds.
	Always Cond = iota
	// IfAbsent sets only a key that is not there: SET NX.
	IfAbsent
	// IfPresent sets only a key that is there: SET XX.
	IfPresent
)

// Set writes a value together with its expiry, in one atomic step: SET, or a
// script where SET has no words for it.
//
// The expiry is given by three fields. TTL or ExpireAt, never both, says when
// the key expires; with neither, it does not. A value set with an ExpireAt that
// is not after the store's own time is gone at once. KeepTTL leaves a key that is
// there the expiry it has, none included; TTL or ExpireAt then counts only
// where the key is created.
type Set struct {
	Key      string
	Pattern  string
	Value    []byte
	TTL      time.Duration
	ExpireAt time.Time
	KeepTTL  bool
	Cond     Cond
	// ReturnOld asks for the value that was there before, whether or not it was
	// replaced. With it, a key of another kind is [ErrWrongKind] and is left as
	// it is.
	ReturnOld bool

	// Applied says that the value was written.
	Applied bool
	// Old and OldFound are the value before and whether there was one, if
	// ReturnOld asked for it.
	Old      []byte
	OldFound bool
	Err      error
}

func (o *Set) info() info {
	i := info{name: "set", does: writes(KindAny), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Applied}
	if o.ReturnOld {
		i.does = writes(KindString)
	}
	return i
}

func (*Set) needs() need { return need{redis: "6.2"} }

func (o *Set) command(c *wire.Command) {
	switch expires := o.TTL > 0 || !o.ExpireAt.IsZero(); {
	case o.Cond == IfAbsent && o.ReturnOld: // NX takes no GET before Redis 7.
		absent := step{guard: holdsNothing}
		absent.begin(c, o.Key, wire.SET)
		addExpiry(c.Add(wire.Data(o.Value)), o.TTL, o.ExpireAt)
	case o.Cond == Always && o.KeepTTL && expires: // KEEPTTL takes no expiry for a key that is created.
		var words [3]wire.Word
		created := step{first: appendExpiry(append(words[:0], wire.NX), o.TTL, o.ExpireAt)}
		created.begin(c, o.Key, wire.SET)
		o.addReturn(c.Add(wire.Data(o.Value), wire.KEEPTTL))
	default:
		c.Add(wire.SET).Key(o.Key).Add(wire.Data(o.Value))
		o.addCond(c)
		o.addReturn(c)
		// A key that is to be absent has no expiry to keep, and one that is to be
		// present is not created.
		if o.KeepTTL && o.Cond != IfAbsent {
			c.Add(wire.KEEPTTL)
		} else {
			addExpiry(c, o.TTL, o.ExpireAt)
		}
	}
}

func (o *Set) addCond(c *wire.Command) {
	switch o.Cond {
	case IfAbsent:
		c.Add(wire.NX)
	case IfPresent:
		c.Add(wire.XX)
	}
}

func (o *Set) addReturn(c *wire.Command) {
	if o.ReturnOld {
		c.Add(wire.GET)
	}
}

// answer reads the reply OK, or the old value if that was asked for. The old
// value doesn't say whether it was replaced: the condition does.
func (o *Set) answer(r wire.Reply) (err error) {
	if r.IsArray() {
		return o.answerStep(r)
	}
	if !o.ReturnOld {
		o.Applied = !r.Nil
		return nil
	}
	o.Old, o.OldFound, err = r.Bytes()
	o.Applied = err == nil && (o.Cond == Always || o.OldFound)
	return err
}

func (o *Set) answerStep(r wire.Reply) error {
	did, r, err := stepAnswer(r)
	if err != nil {
		return err
	}
	if o.ReturnOld && (did == refused || did == carriedOut && o.Cond == Always) {
		o.Old, o.OldFound, err = r.Bytes()
	}
	o.Applied = err == nil && did != refused
	return err
}

// Take reads a value and deletes its key, in one atomic step: GETDEL.
type Take struct {
	Key     string
	Pattern string

	Value []byte
	Found bool
	Err   error
}

func (o *Take) info() info {
	return info{name: "take", does: writes(KindString), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Found}
}

func (*Take) needs() need { return need{redis: "6.2"} }

func (o *Take) command(c *wire.Command) { c.Add(wire.GETDEL).Key(o.Key) }

func (o *Take) answer(r wire.Reply) (err error) {
	o.Value, o.Found, err = r.Bytes()
	return err
}
