package rin

import (
	"context"
	"fmt"

	"github.com/redisimnest/rin/backend"
)

// A recoding turns all texts that a structure holds into those that another one is to hold.
type recoding func(src, dst structure, texts [][]byte) ([][]byte, error)

// copyTo is CopyTo of every structure.
func (s structure) copyTo(ctx context.Context, dst structure, opts []CopyOption, recode recoding) (bool, error) {
	w := s.watch(ctx)
	_, copied, err := s.copied(ctx, dst, opts, recode)
	return copied, s.done(ctx, "copy", w, didOrNot(copied), err)
}

// moveTo is MoveTo of every structure.
func (s structure) moveTo(ctx context.Context, dst structure, opts []CopyOption, recode recoding) (bool, error) {
	w := s.watch(ctx)
	moved, err := s.moved(ctx, dst, opts, recode)
	return moved, s.done(ctx, "move", w, didOrNot(moved), err)
}

func (s structure) moved(ctx context.Context, dst structure, opts []CopyOption, recode recoding) (bool, error) {
	if err := s.movable(dst.handle); err != nil {
		return false, err
	}
	all, copied, err := s.copied(ctx, dst, opts, recode)
	if err != nil || !copied {
		return false, err
	}
	err = s.deleteCopied(ctx, dst.handle, &backend.DeleteUnchanged{Key: s.key, Pattern: s.pattern(), Of: all.Of, Sum: all.Sum})
	return err == nil, err
}

func (s structure) copied(ctx context.Context, dst structure, opts []CopyOption, recode recoding) (*backend.Snapshot, bool, error) {
	c, err := s.copying(dst.handle, opts)
	if err != nil {
		return nil, false, err
	}
	all := &backend.Snapshot{Key: s.key, Pattern: s.pattern(), Of: s.place.node.value.kind}
	if err := s.place.store.exec(ctx, all); err != nil {
		return nil, false, err
	}
	if len(all.Texts) == 0 {
		return nil, false, ErrNotFound
	}
	texts, err := recode(s, dst, all.Texts)
	if err != nil {
		return nil, false, err
	}
	fields, _ := dst.place.fieldExpiry(nil)
	copied, err := dst.writeCopy(ctx, &backend.Restore{
		Key: dst.key, Pattern: dst.pattern(), Of: all.Of, Expiry: dst.life(), FieldExpiry: fields,
		Texts: texts, IfAbsent: !c.overwrite,
	})
	return all, copied, err
}

// recodeInto writes every step-th of the texts, from one on, as the destination has it.
func recodeInto[T any](out [][]byte, from, to elements[T], src, dst string, texts [][]byte, at, step int) error {
	for ; at < len(texts); at += step {
		v, err := from.decode(src, texts[at])
		if err != nil {
			return err
		}
		if out[at], err = to.encode(dst, v); err != nil {
			return fmt.Errorf("the destination %s: %w", dst, err)
		}
	}
	return nil
}

// recoded is a recoding of a list, a set or a sorted set, whose elements have that many
// words.
func recoded[T any](src, dst structure, texts [][]byte, words int) ([][]byte, error) {
	out := append([][]byte{}, texts...) // a score stays as it is
	return out, recodeInto(out, elems[T](src.handle), elems[T](dst.handle), src.key, dst.key, texts, 0, words)
}

// recodedMembers is recoded for members, of which no two may be one in the destination.
func recodedMembers[T any](src, dst structure, texts [][]byte, words int) ([][]byte, error) {
	out, err := recoded[T](src, dst, texts, words)
	if err == nil {
		err = distinctIn(dst, "member", out, words)
	}
	return out, err
}

// distinctIn turns down texts of which two would be one in the destination.
func distinctIn(dst structure, what string, texts [][]byte, words int) error {
	firsts := make([][]byte, 0, len(texts)/words)
	for i := 0; i < len(texts); i += words {
		firsts = append(firsts, texts[i])
	}
	if err := distinct(what, firsts); err != nil {
		return fmt.Errorf("the destination %s: %w", dst.key, err)
	}
	return nil
}

// lastOf are the last n elements, or all where n is 0.
func lastOf(texts [][]byte, n int64, words int) [][]byte {
	return texts[max(0, len(texts)-keep(texts, n, words)):]
}

// firstOf are the first n.
func firstOf(texts [][]byte, n int64, words int) [][]byte { return texts[:keep(texts, n, words)] }

// keep is how many texts n elements are.
func keep(texts [][]byte, n int64, words int) int {
	if n <= 0 || n > int64(len(texts)/words) {
		return len(texts)
	}
	return int(n) * words
}

// CopyTo copies the list to dst, with dst's own TTL, codec and [MaxLen], and returns
// whether it did: false where dst is there already and [Overwrite] is not given. Where the
// list is not there it is [ErrNotFound]. The two may lie in different slots, and in
// different stores. An element that can't be decoded is an error, and nothing is written.
//
// It is a script that reads all and one that writes all: two round trips, O(n) each, in
// which a server does nothing else, and not atomic. A change between them is not copied.
func (e ListEntry[T]) CopyTo(ctx context.Context, dst ListEntry[T], opts ...CopyOption) (bool, error) {
	return e.copyTo(ctx, dst.structure, opts, recodeList[T])
}

// MoveTo is CopyTo, after which the list is deleted if it still holds what was copied. If
// it holds anything else by then, both stay, and the error is [ErrConflict]. It is three
// round trips. [ListEntry.Move] moves one element.
func (e ListEntry[T]) MoveTo(ctx context.Context, dst ListEntry[T], opts ...CopyOption) (bool, error) {
	return e.moveTo(ctx, dst.structure, opts, recodeList[T])
}

func recodeList[T any](src, dst structure, texts [][]byte) ([][]byte, error) {
	return recoded[T](src, dst, lastOf(texts, dst.place.node.value.maxLen, 1), 1)
}

// CopyTo copies the set to dst. See [ListEntry.CopyTo].
func (e SetEntry[T]) CopyTo(ctx context.Context, dst SetEntry[T], opts ...CopyOption) (bool, error) {
	return e.copyTo(ctx, dst.structure, opts, recodeSet[T])
}

// MoveAllTo moves the whole set to dst. See [ListEntry.MoveTo]; [SetEntry.MoveTo] moves one
// member.
func (e SetEntry[T]) MoveAllTo(ctx context.Context, dst SetEntry[T], opts ...CopyOption) (bool, error) {
	return e.structure.moveTo(ctx, dst.structure, opts, recodeSet[T])
}

func recodeSet[T any](src, dst structure, texts [][]byte) ([][]byte, error) {
	return recodedMembers[T](src, dst, texts, 1)
}

// CopyTo copies the sorted set to dst. See [ListEntry.CopyTo].
func (e SortedSetEntry[T]) CopyTo(ctx context.Context, dst SortedSetEntry[T], opts ...CopyOption) (bool, error) {
	return e.copyTo(ctx, dst.structure, opts, recodeSortedSet[T])
}

// MoveTo moves the sorted set to dst. See [ListEntry.MoveTo].
func (e SortedSetEntry[T]) MoveTo(ctx context.Context, dst SortedSetEntry[T], opts ...CopyOption) (bool, error) {
	return e.moveTo(ctx, dst.structure, opts, recodeSortedSet[T])
}

func recodeSortedSet[T any](src, dst structure, texts [][]byte) ([][]byte, error) {
	if v := dst.place.node.value; v.keepLowest {
		texts = firstOf(texts, v.maxLen, 2)
	} else {
		texts = lastOf(texts, v.maxLen, 2)
	}
	return recodedMembers[T](src, dst, texts, 2)
}

// CopyTo copies the hash to dst, whose [FieldTTL] its fields get, too. See
// [ListEntry.CopyTo].
func (e HashEntry[F, V]) CopyTo(ctx context.Context, dst HashEntry[F, V], opts ...CopyOption) (bool, error) {
	return e.copyTo(ctx, dst.structure, opts, recodeHash[F, V])
}

// MoveTo moves the hash to dst. See [ListEntry.MoveTo].
func (e HashEntry[F, V]) MoveTo(ctx context.Context, dst HashEntry[F, V], opts ...CopyOption) (bool, error) {
	return e.moveTo(ctx, dst.structure, opts, recodeHash[F, V])
}

func recodeHash[F comparable, V any](src, dst structure, texts [][]byte) ([][]byte, error) {
	from, to := hashOf[F, V](src.handle), hashOf[F, V](dst.handle)
	out := make([][]byte, len(texts))
	if err := recodeInto(out, from.field, to.field, src.key, dst.key, texts, 0, 2); err != nil {
		return nil, err
	}
	if err := recodeInto(out, from.value, to.value, src.key, dst.key, texts, 1, 2); err != nil {
		return nil, err
	}
	return out, distinctIn(dst, "field", out, 2)
}

// CopyTo copies the counter to dst. See [Entry.CopyTo].
func (c CounterEntry[N]) CopyTo(ctx context.Context, dst CounterEntry[N], opts ...CopyOption) (bool, error) {
	return c.plain().CopyTo(ctx, dst.plain(), opts...)
}

// MoveTo moves the counter to dst. See [Entry.MoveTo].
func (c CounterEntry[N]) MoveTo(ctx context.Context, dst CounterEntry[N], opts ...CopyOption) (bool, error) {
	return c.plain().MoveTo(ctx, dst.plain(), opts...)
}
