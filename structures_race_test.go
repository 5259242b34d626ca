package rin_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// crowd is how many work on one structure at a time.
const crowd = 64

// together calls f in as many goroutines, and waits for them.
func together(f func(i int)) {
	var group sync.WaitGroup
	for i := range crowd {
		group.Go(func() { f(i) })
	}
	group.Wait()
}

// Whatever many do at a time: nothing is lost, nothing is done twice, no bound is passed, and
// what is replaced is replaced as a whole.
func TestStructures_contended(t *testing.T) {
	const each, limit = 10, 300
	onEveryBackend(t, func(t *testing.T, r rig) {
		user, ctx := someone.At(mustOpen(t, manyRoot, r), 1), t.Context()
		v, p, l, s, z := visits.At(user), profile.At(user), recent.At(user), tags.At(user), scores.At(user)
		ann := player{Name: "Ann"}
		var granted, moved atomic.Int64
		together(func(i int) {
			for j := range each {
				_, ok, err := v.AddCapped(ctx, 1, limit)
				if ok {
					granted.Add(1)
				}
				length, failed := l.Push(ctx, fmt.Sprint(i, ":", j))
				if length > 3 {
					t.Errorf("a list of at most 3 has %d", length)
				}
				pair := []string{fmt.Sprint(i), fmt.Sprint(i) + "'"}
				members, unread := s.Members(ctx)
				if n := len(members); n != 0 && (n != 2 || min(members[0], members[1])+"'" != max(members[0], members[1])) {
					t.Errorf("a set that is replaced as a whole has %q", members)
				}
				higher, refused := z.AddIfHigher(ctx, player{Name: "Bob"}, float64(i*each+j))
				if higher {
					moved.Add(1)
				}
				if err := errors.Join(err, failed, unread, refused, second(p.Add(ctx, "n", 1)), second(z.Increment(ctx, ann, 1)), s.Replace(ctx, pair)); err != nil {
					t.Error(err)
				}
			}
		})
		checkTold(t, []telling{
			{"granted", said(granted.Load()), said(limit)},
			{"counted", said(v.Get(ctx)), said(limit)},
			{"the list", said(l.Len(ctx)), "3"},
			{"added to a field", said(p.Get(ctx, "n")), said(crowd * each)},
			{"incremented", said(z.Score(ctx, ann)), said(crowd*each, true)},
			{"the highest", said(z.Score(ctx, player{Name: "Bob"})), said(crowd*each-1, true)},
			{"the set", said(s.Len(ctx)), "2"},
		})
		if n := moved.Load(); n < 1 || n > crowd*each {
			t.Errorf("the score was raised %d times", n)
		}
	})
}
