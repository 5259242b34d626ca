package backend

import (
	"time"

	"github.com/redisimnest/rin/backend/wire"
)

// CompareAndSwap writes a value if the key holds exactly the bytes of Old, in
// one atomic step: a Lua script, which every server knows. With Absent it writes
// if the key is not there.
//
// The expiry is given as in a [Set].
type CompareAndSwap struct {
	Key      string
	Pattern  string
	Old      []byte
	Absent   bool
	Value    []byte
	TTL      time.Duration
	ExpireAt time.Time
	KeepTTL  bool

	// Applied says that the value was written.
	Applied bool
	// Current and Found are what the key holds, if it is not what was expected,
	// so that the next try needs no read.
	Current []byte
	Found   bool
	Err     error
}

func (o *CompareAndSwap) info() info {
	return info{name: "compare and swap", does: writes(KindString), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Applied}
}

func (o *CompareAndSwap) command(c *wire.Command) {
	s := step{guard: holdsExactly, holds: o.Old}
	if o.Absent {
		s = step{guard: holdsNothing}
	}
	s.begin(c, o.Key, wire.SET)
	c.Add(wire.Data(o.Value))
	if o.KeepTTL && !o.Absent { // An absent key has no expiry to keep.
		c.Add(wire.KEEPTTL)
	} else {
		addExpiry(c, o.TTL, o.ExpireAt)
	}
}

func (o *CompareAndSwap) answer(r wire.Reply) error {
	did, now, err := stepAnswer(r)
	if o.Applied = did == carriedOut; did == refused {
		o.Current, o.Found, err = now.Bytes()
	}
	return err
}

// CompareAndDelete deletes a key if it holds exactly the bytes of Old, in one
// atomic step: a Lua script.
type CompareAndDelete struct {
	Key     string
	Pattern string
	Old     []byte

	Deleted bool
	// Current and Found are what the key holds, if it is not what was expected.
	Current []byte
	Found   bool
	Err     error
}

func (o *CompareAndDelete) info() info {
	return info{name: "compare and delete", does: writes(KindString), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Deleted}
}

func (o *CompareAndDelete) command(c *wire.Command) {
	s := step{guard: holdsExactly, holds: o.Old}
	s.begin(c, o.Key, wire.UNLINK)
}

func (o *CompareAndDelete) answer(r wire.Reply) error {
	did, now, err := stepAnswer(r)
	if o.Deleted = did == carriedOut; did == refused {
		o.Current, o.Found, err = now.Bytes()
	}
	return err
}
