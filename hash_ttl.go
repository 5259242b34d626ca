package rin

import (
	"errors"
	"fmt"
	"time"

	"github.com/redisimnest/rin/backend"
)

// HashWriteOption is an option of a single write to a hash, such as [HashEntry.Set].
type HashWriteOption interface {
	fmt.Stringer
	validInHashWrite(*fieldWriting) error
}

// FieldTTLOption says how long fields of a hash live, where it is declared or in a single
// write. [FieldTTL] makes it.
type FieldTTLOption interface {
	HashOption
	HashWriteOption
}

type fieldTTLOption struct{ ttl time.Duration }

// FieldTTL sets how long each field of a hash lives, counted from the write that wrote it;
// with Renew(Never), from the one that created it. The field expires by itself, and the
// hash with its last one. It must be a millisecond at least, and is rounded up to whole
// ones. FieldTTL(NoExpiry) says that fields do not expire.
//
// It applies to [Hash] and to single writes of fields; the latter wins. It does not take
// the place of [TTL], which is that of the whole hash. Reading a field does not renew it,
// with Renew(OnAccess) either.
//
// The write and the expiry are one atomic step. It needs Redis 7.4 or Valkey 9.0; on an
// older server the write is [ErrUnsupported], and nothing is written.
//
// By default fields do not expire. A write without a FieldTTL ends the one that a field
// has, but [HashEntry.Add] leaves it.
func FieldTTL(d time.Duration) FieldTTLOption { return fieldTTLOption{d} }

func (fieldTTLOption) validInHash() {}

func (o fieldTTLOption) declare(n *node) {
	var err error
	if n.value.fieldTTL, err = o.millis(); err != nil {
		n.problem("%v", err)
	}
}

func (o fieldTTLOption) validInHashWrite(w *fieldWriting) error {
	ttl, err := o.millis()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTTL, err)
	}
	w.Expiry = backend.Expiry{TTL: ttl}
	return nil
}

// millis is the TTL in whole milliseconds; zero, where fields do not expire.
func (o fieldTTLOption) millis() (time.Duration, error) {
	switch {
	case o.ttl == NoExpiry:
		return 0, nil
	case o.ttl <= 0:
		return 0, fmt.Errorf("%v is not positive; write rin.FieldTTL(rin.NoExpiry) for fields that do not expire", o)
	}
	return wholeMillis(o.ttl), checkUnit(o.ttl)
}

func (o fieldTTLOption) String() string {
	if o.ttl == NoExpiry {
		return "FieldTTL(NoExpiry)"
	}
	return fmt.Sprintf("FieldTTL(%v)", o.ttl)
}

// fieldWriting is a write of fields whose options are being applied.
type fieldWriting struct{ backend.Expiry }

// fieldExpiry is what the declaration says of the fields' expiry, changed by the options of
// the write.
func (p *place) fieldExpiry(opts []HashWriteOption) (backend.Expiry, error) {
	w := fieldWriting{backend.Expiry{TTL: p.policy.spread(p.node.value.fieldTTL), IfNone: p.policy.renew == Never}}
	for _, opt := range opts {
		if opt == nil {
			return w.Expiry, errors.New("an option of the write is nil; leave it out")
		}
		if err := opt.validInHashWrite(&w); err != nil {
			return w.Expiry, err
		}
	}
	return w.Expiry, nil
}
