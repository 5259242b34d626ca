package memstore

import (
	"math/rand/v2"
	"time"

	"github.com/tidwall/btree"

	"github.com/redisimnest/rin/backend"
)

// set is members, in their order.
type set struct {
	members btree.Set[string]
	bytes   int
}

func newSet() *set { return &set{} }

func (*set) kind() backend.Kind { return backend.KindSet }
func (s *set) len() int         { return s.members.Len() }
func (s *set) size() int        { return s.bytes + s.len()*elementOverhead }

// add adds a member, and says whether it is new.
func (s *set) add(member string) bool {
	if s.members.Contains(member) {
		return false
	}
	s.members.Insert(member)
	s.bytes += len(member)
	return true
}

// remove removes a member, and says whether it was there.
func (s *set) remove(member string) bool {
	if !s.members.Contains(member) {
		return false
	}
	s.members.Delete(member)
	s.bytes -= len(member)
	return true
}

var setDeeds = []deed{
	writes((*Store).sadd),
	changes(newSet, func(o *backend.SRem) backend.Expiry { return o.Expiry }, func(o *backend.SRem, in *set) bool {
		for _, member := range o.Members {
			if in.remove(string(member)) {
				o.Removed++
			}
		}
		return o.Removed > 0
	}),
	looks(func(o *backend.SIsMember, in *set) { o.Found = in.members.Contains(string(o.Member)) }),
	writes(smismember),
	looks(func(o *backend.SCard, in *set) { o.Len = int64(in.len()) }),
	looks(func(o *backend.SScan, in *set) {
		in.members.Ascend(cursorKey(o.Cursor), func(member string) bool {
			if len(o.Members) >= o.Count {
				o.Next = keyCursor(member)
				return false
			}
			o.Members = append(o.Members, []byte(member))
			return true
		})
	}),
	changes(newSet, func(o *backend.SPop) backend.Expiry { return o.Expiry }, func(o *backend.SPop, in *set) bool {
		for range min(o.Count, int64(in.len())) {
			member, _ := in.members.GetAt(rand.IntN(in.len())) //nolint:gosec // nothing depends on who can guess it
			in.remove(member)
			o.Members = append(o.Members, []byte(member))
		}
		return len(o.Members) > 0
	}),
	looks(func(o *backend.SRandMember, in *set) {
		if o.Count >= int64(in.len()) {
			o.Members = all(in)
			return
		}
		for picked := map[int]bool{}; int64(len(picked)) < o.Count; {
			i := rand.IntN(in.len()) //nolint:gosec // nothing depends on who can guess it
			if !picked[i] {
				member, _ := in.members.GetAt(i)
				o.Members = append(o.Members, []byte(member))
			}
			picked[i] = true
		}
	}),
	writes((*Store).smove),
	writes((*Store).scombine),
	writes((*Store).scombineStore),
}

func (s *Store) sadd(o *backend.SAdd, it *item, now time.Time) {
	in := structureIn(it, newSet)
	if o.Replace {
		in = newSet()
	}
	for _, member := range o.Members {
		if in.add(string(member)) {
			o.Added++
		}
	}
	if o.Replace {
		s.replace(o.Key, it, in, o.Expiry, now)
	} else {
		s.settle(o.Key, it, in, o.Expiry, true, now)
	}
}

// smismember answers for a set that is not there, too.
func smismember(_ *Store, o *backend.SMIsMember, it *item, _ time.Time) {
	in := structureIn(it, newSet)
	o.Found = make([]bool, len(o.Members))
	for i, member := range o.Members {
		o.Found[i] = in.members.Contains(string(member))
	}
}

func all(in *set) [][]byte {
	members := make([][]byte, 0, in.len())
	in.members.Scan(func(member string) bool {
		members = append(members, []byte(member))
		return true
	})
	return members
}

func (s *Store) smove(o *backend.SMove, it *item, now time.Time) {
	if it == nil {
		return
	}
	to, into, err := other(s, o.To, newSet, now)
	if err != nil {
		backend.Fail(o, err)
		return
	}
	in := it.other.(*set)
	if o.Moved = in.members.Contains(string(o.Member)); !o.Moved {
		return
	}
	if o.Key == o.To {
		s.settle(o.To, it, in, o.Expiry, true, now)
		return
	}
	in.remove(string(o.Member))
	into.add(string(o.Member))
	s.settle(o.Key, it, in, backend.Expiry{}, true, now)
	s.settle(o.To, to, into, o.Expiry, true, now)
}

// other is the structure of a second key, which fresh makes where there is none.
func other[S structure](s *Store, key string, fresh func() S, now time.Time) (*item, S, error) {
	it := s.keys.live(key, now)
	none := fresh()
	if err := wants(none.kind(), it); err != nil {
		return it, none, err
	}
	return it, structureIn(it, fresh), nil
}

func (s *Store) scombine(o *backend.SCombine, it *item, now time.Time) {
	result, err := s.combine(o.How, structureIn(it, newSet), o.Others, now)
	if err != nil {
		backend.Fail(o, err)
		return
	}
	o.Members = all(result)
}

func (s *Store) scombineStore(o *backend.SCombineStore, it *item, now time.Time) {
	first, _, err := sets(s, o.From[:1], now)
	var result *set
	if err == nil {
		result, err = s.combine(o.How, first[0], o.From[1:], now)
	}
	if err != nil {
		backend.Fail(o, err)
		return
	}
	o.Len = int64(result.len())
	s.replace(o.Key, it, result, o.Expiry, now)
}

// sets are the sets of keys, empty where there are none.
func sets(s *Store, keys []string, now time.Time) (found []*set, items []*item, err error) {
	for _, key := range keys {
		it, in, err := other(s, key, newSet, now)
		if err != nil {
			return nil, nil, err
		}
		found, items = append(found, in), append(items, it)
	}
	return found, items, nil
}

// combine is a new set of what sets combined have.
func (s *Store) combine(how backend.Combination, first *set, keys []string, now time.Time) (*set, error) {
	others, _, err := sets(s, keys, now)
	if err != nil {
		return nil, err
	}
	result := newSet()
	first.members.Scan(func(member string) bool {
		if how == backend.Union || everyOther(others, member, how == backend.Inter) {
			result.add(member)
		}
		return true
	})
	if how == backend.Union {
		for _, in := range others {
			in.members.Scan(func(member string) bool {
				result.add(member)
				return true
			})
		}
	}
	return result, nil
}

// everyOther says that all sets have the member, or that none has.
func everyOther(others []*set, member string, has bool) bool {
	for _, in := range others {
		if in.members.Contains(member) != has {
			return false
		}
	}
	return true
}
