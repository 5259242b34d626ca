package memstore

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/btree"

	"github.com/redisimnest/rin/backend"
)

// item is what a key holds. It never changes: a write puts another in its place,
// so a reader of a plain value needs no lock.
type item struct {
	value    []byte    // of a plain value
	other    structure // a value of another kind; nil for a plain one
	expireAt time.Time // zero: it does not expire
}

// structure is a value of another kind than a plain one. It changes in place, and
// is read, under the store's lock.
type structure interface {
	kind() backend.Kind
	// len is how many elements it has. One without any is not kept.
	len() int
	// size is about how many bytes of memory it takes.
	size() int
}

func (it *item) kind() backend.Kind {
	if it.other == nil {
		return backend.KindString
	}
	return it.other.kind()
}

func (it *item) size() int {
	if it.other == nil {
		return cap(it.value)
	}
	return it.other.size()
}

// until is the item with another expiry; zero for none.
func (it *item) until(expireAt time.Time) *item {
	return &item{it.value, it.other, expireAt}
}

func (it *item) expires() bool { return !it.expireAt.IsZero() }

func (it *item) expired(now time.Time) bool {
	return it.expires() && !now.Before(it.expireAt)
}

// ages says that the item, if there is one, or a part of it, expires.
func (it *item) ages() bool {
	if it == nil {
		return false
	}
	h, ok := it.other.(*hash)
	return it.expires() || ok && len(h.until) > 0
}

// over says that nothing is left of the item: it has expired, or all its fields have. It
// deletes the fields that have.
func (it *item) over(now time.Time) bool {
	if it.expired(now) {
		return true
	}
	h, ok := it.other.(*hash)
	if ok {
		h.purge(now)
	}
	return ok && h.len() == 0
}

// entry is a key's place for its item, never nil. A key that is removed leaves
// its entry for good, so a reader that still has it sees the last item.
type entry = atomic.Pointer[item]

// keyspace holds the entries twice over: by key for readers, which need no lock,
// and in order for walks. Only load may be called without the store's lock.
type keyspace struct {
	byKey sync.Map // string to *entry
	order btree.Map[string, *entry]
}

// load is the key's item, expired or not; nil where there is none.
func (k *keyspace) load(key string) *item {
	e, ok := k.byKey.Load(key)
	if !ok {
		return nil
	}
	return e.(*entry).Load()
}

// live is the key's item; nil where there is none. An expired one is removed.
func (k *keyspace) live(key string, now time.Time) *item {
	it := k.load(key)
	if it != nil && it.over(now) {
		k.remove(key)
		return nil
	}
	return it
}

// put gives the key an item, or removes the key where the item has expired
// already.
func (k *keyspace) put(key string, it *item, now time.Time) {
	if it.expired(now) {
		k.remove(key)
	} else if e, ok := k.byKey.Load(key); ok {
		e.(*entry).Store(it)
	} else {
		k.insert(key, it)
	}
}

func (k *keyspace) insert(key string, it *item) {
	e := new(entry)
	e.Store(it)
	k.byKey.Store(key, e)
	k.order.Set(key, e)
}

func (k *keyspace) remove(key string) {
	k.byKey.Delete(key)
	k.order.Delete(key)
}

// page looks at the first size keys with the prefix, beginning at from, and is
// those that are live. The expired ones are removed. Where more keys may follow,
// last is the last of those it looked at.
func (k *keyspace) page(from, prefix string, size int, now time.Time) (live []string, last string, more bool) {
	var expired []string
	k.order.Ascend(from, func(key string, e *entry) bool {
		if !strings.HasPrefix(key, prefix) {
			return false
		}
		if e.Load().over(now) {
			expired = append(expired, key)
		} else {
			live = append(live, key)
		}
		last, more = key, len(live)+len(expired) == size
		return !more
	})
	for _, key := range expired {
		k.remove(key)
	}
	return live, last, more
}
