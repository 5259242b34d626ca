package memstore

import (
	"bytes"
	"slices"
	"time"

	"github.com/tidwall/btree"

	"github.com/redisimnest/rin/backend"
)

// list is elements by numbers that grow from front to back, so that one in the middle
// can go without another being moved.
type list struct {
	elems btree.Map[int64, []byte]
	bytes int
}

func newList() *list { return &list{} }

func (*list) kind() backend.Kind { return backend.KindList }
func (l *list) len() int         { return l.elems.Len() }
func (l *list) size() int        { return l.bytes + l.len()*elementOverhead }

func (l *list) push(front bool, value []byte) {
	at := int64(0)
	if front {
		if first, _, ok := l.elems.Min(); ok {
			at = first - 1
		}
	} else if last, _, ok := l.elems.Max(); ok {
		at = last + 1
	}
	l.elems.Set(at, bytes.Clone(value))
	l.bytes += len(value)
}

func (l *list) pop(front bool) (value []byte, found bool) {
	if front {
		_, value, found = l.elems.PopMin()
	} else {
		_, value, found = l.elems.PopMax()
	}
	l.bytes -= len(value)
	return slices.Clip(value), found
}

// span is the range that two indexes mean, of n elements, as Redis has it: empty where
// from is n or more, or behind to.
func span(start, stop int64, n int) (from, to int) {
	if start < 0 {
		start = max(start+int64(n), 0)
	}
	if stop < 0 {
		stop += int64(n)
	}
	stop = min(stop, int64(n)-1)
	if start > stop {
		return 0, 0
	}
	return int(start), int(stop) + 1
}

// at is the place of an index, and whether there is one.
func (l *list) at(index int64) (key int64, value []byte, found bool) {
	if index < 0 {
		index += int64(l.len())
	}
	if index < 0 || index >= int64(l.len()) {
		return 0, nil, false
	}
	return l.elems.GetAt(int(index))
}

// trim leaves the elements of a range.
func (l *list) trim(start, stop int64) {
	from, to := span(start, stop, l.len())
	for behind := l.len() - to; behind > 0; behind-- {
		l.pop(false)
	}
	for range from {
		l.pop(true)
	}
}

// values are copies of the elements of a range.
func (l *list) values(start, stop int64) (values [][]byte) {
	from, to := span(start, stop, l.len())
	if from == to {
		return nil
	}
	values = make([][]byte, 0, to-from)
	first, _, _ := l.elems.GetAt(from)
	l.elems.Ascend(first, func(_ int64, value []byte) bool {
		values = append(values, append([]byte{}, value...))
		return len(values) < to-from
	})
	return values
}

// remove removes count elements that equal value from the front, or from the back where
// count is negative, or all.
func (l *list) remove(count int64, value []byte) (removed int64) {
	var keys []int64
	look := func(key int64, elem []byte) bool {
		if bytes.Equal(elem, value) {
			keys = append(keys, key)
		}
		return count == 0 || int64(len(keys)) < max(count, -count)
	}
	if count < 0 {
		l.elems.Reverse(look)
	} else {
		l.elems.Scan(look)
	}
	for _, key := range keys {
		l.elems.Delete(key)
		l.bytes -= len(value)
	}
	return int64(len(keys))
}

func (l *list) pushAll(front bool, values [][]byte, maxLen int64) int64 {
	for _, value := range values {
		l.push(front, value)
	}
	if maxLen > 0 && front {
		l.trim(0, maxLen-1)
	} else if maxLen > 0 {
		l.trim(-maxLen, -1)
	}
	return int64(l.len())
}

func (l *list) popAll(front bool, count int64) (values [][]byte) {
	for range min(count, int64(l.len())) {
		value, _ := l.pop(front)
		values = append(values, append([]byte{}, value...))
	}
	return values
}

var listDeeds = []deed{
	changes(newList, func(o *backend.LPush) backend.Expiry { return o.Expiry }, func(o *backend.LPush, l *list) bool {
		o.Len = l.pushAll(true, o.Values, o.MaxLen)
		return true
	}),
	changes(newList, func(o *backend.RPush) backend.Expiry { return o.Expiry }, func(o *backend.RPush, l *list) bool {
		o.Len = l.pushAll(false, o.Values, o.MaxLen)
		return true
	}),
	changes(newList, func(o *backend.LPop) backend.Expiry { return o.Expiry }, func(o *backend.LPop, l *list) bool {
		o.Values = l.popAll(true, o.Count)
		return len(o.Values) > 0
	}),
	changes(newList, func(o *backend.RPop) backend.Expiry { return o.Expiry }, func(o *backend.RPop, l *list) bool {
		o.Values = l.popAll(false, o.Count)
		return len(o.Values) > 0
	}),
	looks(func(o *backend.LIndex, l *list) {
		_, value, found := l.at(o.Index)
		o.Value, o.Found = bytes.Clone(value), found
	}),
	changes(newList, func(o *backend.LSet) backend.Expiry { return o.Expiry }, func(o *backend.LSet, l *list) bool {
		key, old, found := l.at(o.Index)
		if found {
			l.elems.Set(key, bytes.Clone(o.Value))
			l.bytes += len(o.Value) - len(old)
		}
		o.Applied = found
		return found
	}),
	looks(func(o *backend.LRange, l *list) { o.Values = l.values(o.Start, o.Stop) }),
	looks(func(o *backend.LLen, l *list) { o.Len = int64(l.len()) }),
	changes(newList, func(o *backend.LTrim) backend.Expiry { return o.Expiry }, func(o *backend.LTrim, l *list) bool {
		l.trim(o.Start, o.Stop)
		return true
	}),
	changes(newList, func(o *backend.LRem) backend.Expiry { return o.Expiry }, func(o *backend.LRem, l *list) bool {
		o.Removed = l.remove(o.Count, o.Value)
		return o.Removed > 0
	}),
	writes((*Store).lmove),
}

func (s *Store) lmove(o *backend.LMove, it *item, now time.Time) {
	if it == nil {
		return
	}
	to, into, err := other(s, o.To, newList, now)
	if err != nil {
		backend.Fail(o, err)
		return
	}
	in := it.other.(*list)
	if o.Key == o.To {
		into = in
	}
	o.Value, o.Found = in.pop(o.FromFront)
	into.push(o.ToFront, o.Value)
	o.Value = append([]byte{}, o.Value...)
	s.settle(o.Key, it, in, backend.Expiry{}, true, now)
	s.settle(o.To, to, into, o.Expiry, true, now)
}
