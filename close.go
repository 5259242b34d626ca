package rin

import (
	"context"
	"fmt"
)

// Close ends what [Entry.Fetch] does in the background, waits for the loads under
// way, and makes every later operation on the same opened declaration, of
// whatever scope, fail with [ErrClosed]. The backend stays the caller's, to close
// after that. Leases of locks that are still held are renewed no more: their contexts end
// with [ErrClosed], and they run out. Closing twice does no harm.
//
// Where ctx ends first, its error says how many loads were still under way; they
// store nothing any more.
func (s *Scope) Close(ctx context.Context) error {
	if err := s.check(); err != nil {
		return s.fail("close", err)
	}
	st := s.place.store
	left := st.flights.Close(ctx)
	st.closed.Store(true)
	st.endLeases()
	if left > 0 {
		return s.fail("close", fmt.Errorf("%w; %d loads were still under way", ctx.Err(), left))
	}
	return nil
}
