package rin

import (
	"strings"

	"github.com/redisimnest/rin/backend"
)

// The keys that rin keeps beside a value, in its slot and below its clusters, so
// that both can be changed at once and are cleared together. No declared key is
// like them: a percent sign is always part of an escape, and that has upper-case
// digits.
const (
	leasesSuffix = "%loads" // of the loads under way: see [backend.Claim]
	keptSuffix   = "%stale" // the value, for longer: see [StaleIfError]
	wakeSuffix   = "%freed" // a list with an element while a lease may be had that others wait for
)

func (h handle) leasesKey() string { return backend.Sibling(h.key, leasesSuffix) }

// loads are the leases of the loads under way.
func (h handle) loads() permits { return permits{handle{place: h.place, key: h.leasesKey()}} }

func (h handle) keptKey() string { return backend.Sibling(h.key, keptSuffix) }

func (h handle) wakeKey() string { return backend.Sibling(h.key, wakeSuffix) }

// isSibling reports whether a key is one that rin keeps beside a value. Such keys
// are cleared with the rest, and are otherwise not shown.
func (s *store) isSibling(key string) bool {
	for _, suffix := range []string{leasesSuffix, keptSuffix, wakeSuffix} {
		base, tag, found := cutLast(key, suffix)
		if found && (tag == "" || tag[0] == '{') && backend.Sibling(base, suffix) == key {
			p, _ := s.root.parse(strings.Split(base, ":"), nil)
			return p != nil
		}
	}
	return false
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
