package memstore

import (
	"cmp"
	"context"
	"iter"

	"github.com/redisimnest/rin/backend"
)

// Scan yields the keys that begin with prefix, in order, each once, in pages of
// [backend.DefaultPageSize].
func (s *Store) Scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return s.ScanPages(ctx, prefix, backend.DefaultPageSize)
}

// ScanPages is [Store.Scan] with pages of at most size keys. It holds the
// store's lock for a page at a time.
func (s *Store) ScanPages(ctx context.Context, prefix string, size int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for from, more := prefix, true; more; {
			if err := cmp.Or(s.err, ctx.Err()); err != nil {
				yield(nil, err)
				return
			}
			var page []string
			page, from, more = s.page(from, prefix, size)
			if len(page) > 0 && !yield(page, nil) {
				return
			}
		}
	}
}

// page is a page of live keys with the prefix, beginning at from, and where the
// next begins if there may be more.
func (s *Store) page(from, prefix string, size int) (keys []string, next string, more bool) {
	now := s.lock()
	defer s.mu.Unlock()

	keys, last, more := s.keys.page(from, prefix, size, now)
	return keys, last + "\x00", more // no key lies between the two
}
