// Package wire is the Redis protocol without a client: the words of a command,
// and its reply whatever form that has.
//
// It stands between package backend, whose ops say their command and read its
// reply, and the adapters of the Redis clients, which carry both and know no op.
package wire

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// glob are the bytes that mean something in a pattern of SCAN.
const glob = `*?[]\`

// Match is a pattern for SCAN that matches the keys beginning with prefix, and
// may match others.
//
// Only what needs it is escaped: a cluster's server takes a shortcut to one
// slot if the pattern has a hash tag and no escape up to its end. The pattern
// stops at a byte that is not UTF-8, since not every server takes one.
func Match(prefix string) string {
	var b strings.Builder
	b.Grow(len(prefix) + len("*"))
	for _, r := range prefix {
		if r == utf8.RuneError {
			break
		}
		if strings.ContainsRune(glob, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	b.WriteByte('*')
	return b.String()
}

// Within removes the keys that don't begin with prefix from keys, in place.
func Within(prefix string, keys []string) []string {
	return slices.DeleteFunc(keys, func(key string) bool {
		return !strings.HasPrefix(key, prefix)
	})
}
