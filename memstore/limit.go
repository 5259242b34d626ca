package memstore

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/redisimnest/rin/backend"
)

var limitDeeds = []deed{writes((*Store).limit)}

// limit computes as the script of the op does, in float64.
func (s *Store) limit(o *backend.Limit, it *item, now time.Time) {
	l := limiter{s, o, now, float64(now.UnixMicro() - backend.LimitEpoch*1_000_000)}
	var held string
	if it != nil {
		held = string(it.value)
	}
	count := l.cell
	if o.Window {
		count = l.window
	}
	err := count(held)
	if err != nil {
		backend.Fail(o, fmt.Errorf("%w: the value is not that of such a limiter", err))
	}
}

// A limiter carries out one op. Its times are in microseconds.
type limiter struct {
	*Store
	o   *backend.Limit
	at  time.Time
	now float64
}

// cell is the generic cell rate algorithm. The key holds the time when all that was allowed
// is earned.
func (l limiter) cell(held string) error {
	due := l.now
	if held != "" {
		var err error
		if due, err = strconv.ParseFloat(held, 64); err != nil {
			return err
		}
	}
	each := float64(l.o.Per.Microseconds()) / float64(l.o.Rate)
	due = max(due, l.now)
	wait := due + each*float64(l.o.N-l.o.Burst) - l.now
	if l.o.Allowed = wait < 0.1; !l.o.Allowed {
		l.o.RetryAfter = micros(wait)
	} else if !l.o.Peek {
		due += each * float64(l.o.N)
		l.note(strconv.FormatFloat(due, 'g', 17, 64), due-l.now)
	}
	l.o.Remaining = remaining(float64(l.o.Burst) - (due-l.now)/each)
	l.o.ResetAfter = micros(due - l.now)
	return nil
}

// window is a sliding window counter. The key holds the number of the last window in which
// something was counted, how much, and how much in the one before.
func (l limiter) window(held string) error {
	var last, count, before float64
	if _, err := fmt.Sscanf(held, "%g %g %g", &last, &count, &before); err != nil && held != "" {
		return err
	}
	per, n, rate := float64(l.o.Per.Microseconds()), float64(l.o.N), float64(l.o.Rate)
	at := math.Floor(l.now / per)
	switch last {
	case at:
	case at - 1:
		count, before = 0, count
	default:
		count, before = 0, 0
	}
	left := (at+1)*per - l.now
	free := rate - count - before*left/per
	switch l.o.Allowed = n <= free+1e-6; {
	case !l.o.Allowed && count+n <= rate:
		l.o.RetryAfter = micros(left - (rate-count-n)*per/before)
	case !l.o.Allowed:
		l.o.RetryAfter = micros(left + max(0, per-(rate-n)*per/count))
	case !l.o.Peek:
		count, free = count+n, free-n
		l.note(fmt.Sprintf("%.0f %.0f %.0f", at, count, before), left+per)
	}
	l.o.Remaining = remaining(free)
	switch {
	case count > 0:
		l.o.ResetAfter = micros(left + per)
	case before > 0:
		l.o.ResetAfter = micros(left)
	}
	return nil
}

func (l limiter) note(text string, life float64) {
	l.write(l.o.Key, []byte(text), l.at.Add(time.Duration(math.Ceil(life/1000))*time.Millisecond), l.at)
}

func remaining(n float64) int64 { return int64(max(0, math.Floor(n+1e-6))) }

func micros(n float64) time.Duration { return time.Duration(math.Ceil(n)) * time.Microsecond }
