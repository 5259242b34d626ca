package memstore

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/redisimnest/rin/backend"
)

var counterDeeds = []deed{
	timeless(writes((*Store).incrBy), func(o *backend.IncrBy) bool { return o.TTL == 0 }),
	timeless(writes((*Store).incrByFloat), func(o *backend.IncrByFloat) bool { return o.TTL == 0 }),
}

func (s *Store) incrBy(o *backend.IncrBy, it *item, now time.Time) {
	digits, applied, err := addInt(number(it), o.By, o.Bounded, o.Min, o.Max)
	if err != nil {
		backend.Fail(o, err)
		return
	}
	o.Now, o.Applied = digits, applied
	if applied {
		s.count(o.Key, strconv.AppendInt(nil, digits, 10), it, o.Expiry, now)
	}
}

func (s *Store) incrByFloat(o *backend.IncrByFloat, it *item, now time.Time) {
	text, applied, err := addFloat(number(it), o.By, o.Bounded, o.Min, o.Max)
	if err != nil {
		backend.Fail(o, err)
		return
	}
	o.Now, _ = strconv.ParseFloat(text, 64)
	if o.Applied = applied; applied {
		s.count(o.Key, []byte(text), it, o.Expiry, now)
	}
}

// number is the text of a counter, which begins at 0.
func number(it *item) string {
	if it == nil {
		return "0"
	}
	return string(it.value)
}

// count gives the key its new number.
func (s *Store) count(key string, text []byte, it *item, e backend.Expiry, now time.Time) {
	next := &item{value: text}
	if it != nil {
		next.expireAt = it.expireAt
	}
	if renews(e, next) {
		next.expireAt = now.Add(e.TTL)
	}
	s.keys.put(key, next, now)
}

// addInt adds to the number that is in text, if the result is within bounds; else it is
// what there was.
func addInt(text string, by int64, bounded bool, least, most int64) (sum int64, applied bool, err error) {
	var digits [20]byte
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || string(strconv.AppendInt(digits[:0], n, 10)) != text {
		return 0, false, fmt.Errorf("%w: not a whole number of 64 bits", backend.ErrNoNumber)
	}
	sum = n + by
	if sum > n != (by > 0) && by != 0 {
		return 0, false, fmt.Errorf("%w: it has 64 bits", backend.ErrOverflow)
	}
	if bounded && (sum < least || sum > most) {
		return n, false, nil
	}
	return sum, true, nil
}

// longDouble is how many bits Redis computes with, on x86.
const longDouble = 64

// addFloat adds to the number that is in text, if the result is within bounds; else it
// is what there was. It computes as Redis does, with 64 bits and 17 digits behind the
// point.
func addFloat(text string, by float64, bounded bool, least, most float64) (sum string, applied bool, err error) {
	n, ok := new(big.Float).SetPrec(longDouble).SetString(text)
	if !ok || strings.ContainsAny(text, " _") {
		return "", false, fmt.Errorf("%w: not a number", backend.ErrNoNumber)
	}
	if n.IsInf() || math.IsInf(by, 0) || math.IsNaN(by) {
		return "", false, fmt.Errorf("%w: it would be NaN or infinite", backend.ErrOverflow)
	}
	// What is added goes to the server as a text, too.
	add, _ := new(big.Float).SetPrec(longDouble).SetString(strconv.FormatFloat(by, 'g', -1, 64))
	sum = humanDigits(new(big.Float).SetPrec(longDouble).Add(n, add))
	if f, _ := strconv.ParseFloat(sum, 64); bounded && (f < least || f > most) {
		return text, false, nil
	}
	return sum, true, nil
}

// humanDigits is a number as Redis writes it.
func humanDigits(n *big.Float) string {
	text := n.Text('f', 17)
	text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	if text == "-0" {
		return "0"
	}
	return text
}
