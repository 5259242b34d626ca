package memstore

import (
	"bytes"
	"strconv"
	"time"

	"github.com/tidwall/btree"

	"github.com/redisimnest/rin/backend"
)

// hash is fields with values, in the order of the fields.
type hash struct {
	fields btree.Map[string, []byte]
	// until is when fields expire that do, and next a moment before which none of them
	// does.
	until map[string]time.Time
	next  time.Time
	bytes int
}

func newHash() *hash { return &hash{} }

func (*hash) kind() backend.Kind { return backend.KindHash }
func (h *hash) len() int         { return h.fields.Len() }
func (h *hash) size() int        { return h.bytes + h.len()*elementOverhead }

// elementOverhead is about what an element of a structure takes beside its own bytes.
const elementOverhead = 64

// set writes a field, and says whether it is new.
func (h *hash) set(field, value []byte) (added bool) {
	old, found := h.fields.Set(string(field), bytes.Clone(value))
	h.bytes += len(value) - len(old)
	if !found {
		h.bytes += len(field)
	}
	return !found
}

func (h *hash) delete(field []byte) (value []byte, found bool) {
	value, found = h.fields.Delete(string(field))
	if found {
		h.bytes -= len(field) + len(value)
		delete(h.until, string(field))
	}
	return value, found
}

// expire gives a field an expiry, unless it is to keep the one that it has.
func (h *hash) expire(field []byte, e backend.Expiry, now time.Time) {
	if _, has := h.until[string(field)]; e.TTL == 0 || e.IfNone && has {
		return
	}
	if h.until == nil {
		h.until = map[string]time.Time{}
	}
	at := now.Add(e.TTL)
	if len(h.until) == 0 || at.Before(h.next) {
		h.next = at
	}
	h.until[string(field)] = at
}

// purge deletes the fields that have expired.
func (h *hash) purge(now time.Time) {
	if len(h.until) == 0 || now.Before(h.next) {
		return
	}
	h.next = time.Time{}
	for field, at := range h.until {
		switch {
		case !now.Before(at):
			h.delete([]byte(field))
		case h.next.IsZero() || at.Before(h.next):
			h.next = at
		}
	}
}

var hashDeeds = []deed{
	looks(func(o *backend.HGet, h *hash) {
		value, found := h.fields.Get(string(o.Field))
		o.Value, o.Found = bytes.Clone(value), found
	}),
	reads(func(o *backend.HExists, it *item, _ time.Time) {
		_, o.Found = it.other.(*hash).fields.Get(string(o.Field))
	}),
	writes(hmget),
	looks(func(o *backend.HGetAll, h *hash) { o.Pairs = h.pairs("", h.len(), nil) }),
	looks(func(o *backend.HLen, h *hash) { o.Len = int64(h.len()) }),
	looks(func(o *backend.HScan, h *hash) { o.Pairs = h.pairs(o.Cursor, o.Count, &o.Next) }),
	reads(hpttl),
	writes((*Store).hset),
	writes((*Store).hsetnx),
	changes(newHash, func(o *backend.HDel) backend.Expiry { return o.Expiry }, func(o *backend.HDel, h *hash) bool {
		for _, field := range o.Fields {
			if _, found := h.delete(field); found {
				o.Deleted++
			}
		}
		return o.Deleted > 0
	}),
	changes(newHash, func(o *backend.HGetDel) backend.Expiry { return o.Expiry }, func(o *backend.HGetDel, h *hash) bool {
		o.Value, o.Found = h.delete(o.Field)
		return o.Found
	}),
	writes((*Store).hincrby),
	writes((*Store).hincrbyfloat),
}

func hpttl(o *backend.HPTTL, it *item, now time.Time) {
	h := it.other.(*hash)
	if _, o.Found = h.fields.Get(string(o.Field)); !o.Found {
		return
	}
	if at, expires := h.until[string(o.Field)]; expires {
		o.Remaining = ceilMillisecond(at.Sub(now))
	}
}

// hmget answers for a hash that is not there, too.
func hmget(_ *Store, o *backend.HMGet, it *item, _ time.Time) {
	o.Values = make([][]byte, len(o.Fields))
	if it == nil {
		return
	}
	for i, field := range o.Fields {
		if value, found := it.other.(*hash).fields.Get(string(field)); found {
			o.Values[i] = append([]byte{}, value...)
		}
	}
}

// pairs are fields and values in turn, from a cursor on; next is where more begin.
func (h *hash) pairs(cursor string, count int, next *string) (pairs [][]byte) {
	h.fields.Ascend(cursorKey(cursor), func(field string, value []byte) bool {
		if len(pairs) >= 2*count {
			*next = keyCursor(field)
			return false
		}
		pairs = append(pairs, []byte(field), bytes.Clone(value))
		return true
	})
	return pairs
}

// A cursor is the key that a page begins at, behind a mark: it may be empty.
func keyCursor(key string) string { return "@" + key }

func cursorKey(cursor string) string {
	if cursor == "" {
		return ""
	}
	return cursor[1:]
}

func (h *hash) number(field []byte) string {
	if value, found := h.fields.Get(string(field)); found {
		return string(value)
	}
	return "0"
}

func (s *Store) hset(o *backend.HSet, it *item, now time.Time) {
	h := structureIn(it, newHash)
	until := h.until
	if o.Replace {
		h = newHash()
	}
	for i := 0; i+1 < len(o.Pairs); i += 2 {
		field := o.Pairs[i]
		if h.set(field, o.Pairs[i+1]) {
			o.Added++
		}
		life := o.FieldExpiry
		if at, has := until[string(field)]; has && life.IfNone && life.TTL > 0 {
			life.TTL = at.Sub(now)
		}
		delete(h.until, string(field))
		h.expire(field, life, now)
	}
	if o.Replace {
		s.replace(o.Key, it, h, o.Expiry, now)
	} else {
		s.settle(o.Key, it, h, o.Expiry, true, now)
	}
}

func (s *Store) hsetnx(o *backend.HSetNX, it *item, now time.Time) {
	h := structureIn(it, newHash)
	if _, found := h.fields.Get(string(o.Field)); !found {
		o.Applied = h.set(o.Field, o.Value)
		h.expire(o.Field, o.FieldExpiry, now)
	}
	s.settle(o.Key, it, h, o.Expiry, o.Applied, now)
}

func (s *Store) hincrby(o *backend.HIncrBy, it *item, now time.Time) {
	h := structureIn(it, newHash)
	var err error
	if o.Now, o.Applied, err = addInt(h.number(o.Field), o.By, o.Bounded, o.Min, o.Max); err != nil {
		backend.Fail(o, err)
	} else if o.Applied {
		h.set(o.Field, strconv.AppendInt(nil, o.Now, 10))
		h.expire(o.Field, o.FieldExpiry, now)
	}
	s.settle(o.Key, it, h, o.Expiry, o.Applied, now)
}

func (s *Store) hincrbyfloat(o *backend.HIncrByFloat, it *item, now time.Time) {
	h := structureIn(it, newHash)
	sum, _, err := addFloat(h.number(o.Field), o.By, false, 0, 0)
	if err != nil {
		backend.Fail(o, err)
	} else {
		h.set(o.Field, []byte(sum))
		h.expire(o.Field, o.FieldExpiry, now)
		o.Now, _ = strconv.ParseFloat(sum, 64)
	}
	s.settle(o.Key, it, h, o.Expiry, err == nil, now)
}
