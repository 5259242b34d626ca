package backend

import "time"

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

func (o *Get) info() info { return info{"get", Read, o.Key, o.Pattern, &o.Err} }

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

// Set writes a value together with its expiry, in one atomic step: SET.
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
	effect := Idempotent
	if o.Cond != Always || o.ReturnOld {
		effect = Once
	}
	return info{"set", effect, o.Key, o.Pattern, &o.Err}
}

// Take reads a value and deletes its key, in one atomic step: GETDEL.
type Take struct {
	Key     string
	Pattern string

	Value []byte
	Found bool
	Err   error
}

func (o *Take) info() info { return info{"take", Once, o.Key, o.Pattern, &o.Err} }
