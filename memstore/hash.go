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
	bytes  int
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
	}
	return value, found
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
	writes((*Store).hset),
	changes(newHash, func(o *backend.HSetNX) backend.Expiry { return o.Expiry }, func(o *backend.HSetNX, h *hash) bool {
		if _, found := h.fields.Get(string(o.Field)); !found {
			o.Applied = h.set(o.Field, o.Value)
		}
		return o.Applied
	}),
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
	changes(newHash, func(o *backend.HIncrBy) backend.Expiry { return o.Expiry }, func(o *backend.HIncrBy, h *hash) bool {
		sum, applied, err := addInt(h.number(o.Field), o.By, o.Bounded, o.Min, o.Max)
		if err != nil {
			backend.Fail(o, err)
			return false
		}
		if o.Now, o.Applied = sum, applied; applied {
			h.set(o.Field, strconv.AppendInt(nil, sum, 10))
		}
		return applied
	}),
	changes(newHash, func(o *backend.HIncrByFloat) backend.Expiry { return o.Expiry }, func(o *backend.HIncrByFloat, h *hash) bool {
		sum, _, err := addFloat(h.number(o.Field), o.By, false, 0, 0)
		if err != nil {
			backend.Fail(o, err)
			return false
		}
		h.set(o.Field, []byte(sum))
		o.Now, _ = strconv.ParseFloat(sum, 64)
		return true
	}),
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
	if o.Replace {
		h = newHash()
	}
	for i := 0; i+1 < len(o.Pairs); i += 2 {
		if h.set(o.Pairs[i], o.Pairs[i+1]) {
			o.Added++
		}
	}
	if o.Replace {
		s.replace(o.Key, it, h, o.Expiry, now)
	} else {
		s.settle(o.Key, it, h, o.Expiry, true, now)
	}
}
