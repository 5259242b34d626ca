package rin

import (
	"strings"

	"github.com/redisimnest/rin/backend"
)

// The keys that rin keeps beside a value. No declared key ends like them: a
// percent sign is always part of an escape, and that has upper-case digits.
const (
	lockSuffix   = "%lock"
	absentSuffix = "%absent"
)

// lockKey is in the value's slot, so that both can be changed at once.
func (h handle) lockKey() string { return backend.Sibling(h.key, lockSuffix) }

// absentKey is below the same clusters as the value, so that clearing them
// forgets the absence.
func (h handle) absentKey() string { return h.key + absentSuffix }

// isBeside reports whether a key is one that rin keeps beside a value. Such keys
// are cleared with the rest, and are otherwise not shown.
func isBeside(key string) bool {
	return strings.HasSuffix(key, lockSuffix) || strings.HasSuffix(key, absentSuffix)
}
