package memstore_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// TestStore_likeItsModel holds that whatever is done to a store, and whenever,
// each answer is that of a plain map.
func TestStore_likeItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var clock hand
		store := memstore.New(memstore.Clock(clock.now))
		model := model{}
		t.Repeat(map[string]func(*rapid.T){
			"exec": func(t *rapid.T) {
				op := drawOp(t, clock.now())
				want := model.exec(op, clock.now())
				if err := store.Exec(t.Context(), op); err != nil {
					t.Fatalf("Exec: %v", err)
				}
				if diff := cmp.Diff(want, op, cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("%s (-want +got):\n%s", backend.Name(op), diff)
				}
			},
			"transact": func(t *rapid.T) {
				var got, want []backend.Op
				for range rapid.IntRange(1, 4).Draw(t, "ops") {
					op := drawOp(t, clock.now())
					got, want = append(got, op), append(want, model.exec(op, clock.now()))
				}
				if err := store.Transact(t.Context(), got...); err != nil {
					t.Fatalf("Transact: %v", err)
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("Transact (-want +got):\n%s", diff)
				}
			},
			"elapse": func(t *rapid.T) {
				clock.elapse(rapid.SampledFrom(spans).Draw(t, "elapsed"))
			},
			"scan": func(t *rapid.T) {
				prefix := rapid.SampledFrom(prefixes).Draw(t, "prefix")
				size := rapid.IntRange(1, 5).Draw(t, "size")
				want := model.scan(prefix, clock.now())
				if diff := cmp.Diff(want, scan(t, store, prefix, size), cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("Scan %q (-want +got):\n%s", prefix, diff)
				}
			},
		})
	})
}

// Few keys and few spans, so that ops meet the same key and expiries coincide.
var (
	keys     = []string{"a", "a:", "a:b", "a:c", "a;", "b", "\xff", "\xff\xff"}
	prefixes = append([]string{"", "a:b:c", "c"}, keys...)
	spans    = []time.Duration{time.Microsecond, time.Millisecond, 1500 * time.Microsecond, 2 * time.Millisecond, time.Second}
)

func drawOp(t *rapid.T, now time.Time) backend.Op {
	key := rapid.SampledFrom(keys).Draw(t, "key")
	switch rapid.IntRange(0, 12).Draw(t, "op") {
	case 0:
		return &backend.Get{Key: key}
	case 1:
		return &backend.Get{Key: key, TTL: drawTTL(t)}
	case 2:
		return &backend.Take{Key: key}
	case 3:
		return &backend.Delete{Key: key}
	case 4:
		return &backend.Exists{Key: key}
	case 5:
		return &backend.TTL{Key: key}
	case 6:
		ttl, at := drawExpiry(t, now)
		return &backend.Expire{Key: key, TTL: ttl, ExpireAt: at}
	case 7:
		return &backend.Persist{Key: key}
	case 8:
		return &backend.ExpireTime{Key: key}
	case 9:
		return &backend.CompareAndDelete{Key: key, Old: drawValue(t, "old")}
	case 10:
		return drawSwap(t, key, now)
	default:
		return drawSet(t, key, now)
	}
}

func drawSwap(t *rapid.T, key string, now time.Time) *backend.CompareAndSwap {
	o := &backend.CompareAndSwap{
		Key: key, Value: drawValue(t, "value"), Old: drawValue(t, "old"),
		Absent: rapid.Bool().Draw(t, "absent"), KeepTTL: rapid.Bool().Draw(t, "keepTTL"),
	}
	if rapid.Bool().Draw(t, "expires") {
		o.TTL, o.ExpireAt = drawExpiry(t, now)
	}
	return o
}

// drawValue is one of few values, so that what is compared is often equal.
func drawValue(t *rapid.T, label string) []byte {
	return []byte(rapid.SampledFrom([]string{"", "v", "w"}).Draw(t, label))
}

func drawSet(t *rapid.T, key string, now time.Time) *backend.Set {
	o := &backend.Set{
		Key:       key,
		Value:     drawValue(t, "value"),
		KeepTTL:   rapid.Bool().Draw(t, "keepTTL"),
		Cond:      rapid.SampledFrom([]backend.Cond{backend.Always, backend.IfAbsent, backend.IfPresent}).Draw(t, "cond"),
		ReturnOld: rapid.Bool().Draw(t, "returnOld"),
	}
	if rapid.Bool().Draw(t, "expires") {
		o.TTL, o.ExpireAt = drawExpiry(t, now)
	}
	return o
}

// drawExpiry is a TTL or an ExpireAt: past, now or to come.
func drawExpiry(t *rapid.T, now time.Time) (ttl time.Duration, at time.Time) {
	if rapid.Bool().Draw(t, "by TTL") {
		return drawTTL(t), time.Time{}
	}
	sign := rapid.SampledFrom([]time.Duration{-1, 0, 1}).Draw(t, "sign")
	return 0, now.Add(sign * rapid.SampledFrom(spans).Draw(t, "distance"))
}

func drawTTL(t *rapid.T) time.Duration {
	return rapid.SampledFrom([]time.Duration{time.Millisecond, 2 * time.Millisecond, time.Second}).Draw(t, "ttl")
}

// model is a store without any of a store's concerns.
type model map[string]held

type held struct {
	value    string
	expireAt time.Time
}

// exec is what op is to be once it is carried out.
func (m model) exec(op backend.Op, now time.Time) backend.Op {
	m.drop(now)
	defer m.drop(now)
	key := backend.Key(op)
	h, found := m[key]
	switch o := op.(type) {
	case *backend.Get:
		want := *o
		if want.Found = found; found {
			want.Value = []byte(h.value)
			m.renew(key, o.TTL, time.Time{}, now)
		}
		return &want
	case *backend.Set:
		return m.set(*o, now)
	case *backend.Take:
		want := *o
		want.Value, want.Found = []byte(h.value), found
		delete(m, key)
		return &want
	case *backend.Delete:
		want := *o
		want.Deleted = found
		delete(m, key)
		return &want
	case *backend.Exists:
		want := *o
		want.Found = found
		return &want
	case *backend.TTL:
		want := *o
		want.Found = found
		for !h.expireAt.IsZero() && now.Add(want.Remaining).Before(h.expireAt) {
			want.Remaining += time.Millisecond
		}
		return &want
	case *backend.Expire:
		want := *o
		want.Applied = found
		m.renew(key, o.TTL, o.ExpireAt, now)
		return &want
	case *backend.Persist:
		want := *o
		want.Applied = !h.expireAt.IsZero()
		if found {
			m[key] = held{value: h.value}
		}
		return &want
	case *backend.ExpireTime:
		want := *o
		want.Found, want.At = found, h.expireAt.Truncate(time.Millisecond)
		return &want
	case *backend.CompareAndSwap:
		return m.swap(*o, now)
	case *backend.CompareAndDelete:
		want := *o
		if want.Deleted = found && h.value == string(o.Old); want.Deleted {
			delete(m, key)
		} else if found {
			want.Current, want.Found = []byte(h.value), true
		}
		return &want
	default:
		panic("the model does not know " + backend.Name(op))
	}
}

// swap is a Set, or else the value that is in its way.
func (m model) swap(o backend.CompareAndSwap, now time.Time) *backend.CompareAndSwap {
	h, found := m[o.Key]
	if o.Absent == found || found && h.value != string(o.Old) {
		o.Current, o.Found = []byte(h.value), found
		return &o
	}
	m.set(backend.Set{Key: o.Key, Value: o.Value, TTL: o.TTL, ExpireAt: o.ExpireAt, KeepTTL: o.KeepTTL}, now)
	o.Applied = true
	return &o
}

func (m model) set(o backend.Set, now time.Time) *backend.Set {
	old, found := m[o.Key]
	if o.ReturnOld {
		o.Old, o.OldFound = []byte(old.value), found
	}
	if o.Cond == backend.IfAbsent && found || o.Cond == backend.IfPresent && !found {
		return &o
	}
	o.Applied = true
	m[o.Key] = held{string(o.Value), old.expireAt}
	if o.KeepTTL && found {
		return &o
	}
	m[o.Key] = held{value: string(o.Value)}
	m.renew(o.Key, o.TTL, o.ExpireAt, now)
	return &o
}

// renew moves the expiry of a key that is there, if there is one to move it to.
func (m model) renew(key string, ttl time.Duration, at, now time.Time) {
	h, found := m[key]
	if ttl > 0 {
		at = now.Add(ttl)
	}
	if found && !at.IsZero() {
		m[key] = held{h.value, at}
	}
}

// drop forgets what has expired.
func (m model) drop(now time.Time) {
	for key, h := range m {
		if !h.expireAt.IsZero() && !h.expireAt.After(now) {
			delete(m, key)
		}
	}
}

func (m model) scan(prefix string, now time.Time) (keys []string) {
	m.drop(now)
	for key := range m {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// scan is all keys of a scan, in the order in which they come.
func scan(t *rapid.T, store *memstore.Store, prefix string, size int) (keys []string) {
	for page, err := range store.ScanPages(t.Context(), prefix, size) {
		if err != nil || len(page) == 0 || len(page) > size {
			t.Fatalf("Scan %q in pages of %d yields %q, %v", prefix, size, page, err)
		}
		keys = append(keys, page...)
	}
	return keys
}
