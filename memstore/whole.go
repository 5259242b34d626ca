package memstore

import (
	"time"

	"github.com/redisimnest/rin/backend"
)

var wholeDeeds = []deed{
	writes((*Store).snapshot),
	writes((*Store).deleteUnchanged),
	writes((*Store).restore),
}

// texts are all that a structure holds, as in a [backend.Snapshot].
func texts(in structure) (texts [][]byte) {
	switch in := in.(type) {
	case *list:
		return in.values(0, -1)
	case *hash:
		return in.pairs("", in.len(), nil)
	case *set:
		return all(in)
	case *sortedSet:
		for _, m := range in.members(0, in.len(), false) {
			texts = append(texts, m.Member, backend.Score(m.Score))
		}
	}
	return texts
}

func (s *Store) snapshot(o *backend.Snapshot, it *item, _ time.Time) {
	if it != nil {
		o.Texts = texts(it.other)
	}
	o.Sum = backend.Digest(o.Of, o.Texts)
}

func (s *Store) deleteUnchanged(o *backend.DeleteUnchanged, it *item, _ time.Time) {
	if o.Deleted = it != nil && backend.Digest(o.Of, texts(it.other)) == o.Sum; o.Deleted {
		s.keys.remove(o.Key)
	}
}

func (s *Store) restore(o *backend.Restore, it *item, now time.Time) {
	if o.IfAbsent && it != nil {
		return
	}
	var in structure
	switch o.Of {
	case backend.KindList:
		l := newList()
		for _, text := range o.Texts {
			l.push(false, text)
		}
		in = l
	case backend.KindHash:
		set := &backend.HSet{Key: o.Key, Expiry: o.Expiry, FieldExpiry: o.FieldExpiry, Pairs: o.Texts, Replace: true}
		s.hset(set, it, now)
		o.Applied = true
		return
	case backend.KindSet:
		m := newSet()
		for _, text := range o.Texts {
			m.add(string(text))
		}
		in = m
	case backend.KindSortedSet:
		z := newSortedSet()
		for i := 0; i+1 < len(o.Texts); i += 2 {
			score, err := backend.ScoreOf(o.Texts[i+1])
			if err != nil {
				backend.Fail(o, err)
				return
			}
			z.set(string(o.Texts[i]), score)
		}
		in = z
	}
	s.replace(o.Key, it, in, o.Expiry, now)
	s.wake(o.Key)
	o.Applied = true
}
