package memstore

import (
	"fmt"
	"reflect"
	"runtime"
	"time"
)

// Option is an option of [New].
type Option interface {
	fmt.Stringer
	apply(*Store)
}

// Clock makes now the store's time. The store calls it from any goroutine, and
// under its lock, so now may not call the store.
//
// By default, and with a nil now, a store goes by time.Now.
func Clock(now func() time.Time) Option {
	if now == nil {
		now = time.Now
	}
	return clock(now)
}

type clock func() time.Time

func (c clock) apply(s *Store) { s.now = c }

func (c clock) String() string {
	return fmt.Sprintf("memstore.Clock(%s)", runtime.FuncForPC(reflect.ValueOf(c).Pointer()).Name())
}
