package rin

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redisimnest/rin/codec"
)

// ClusterOption is an option of [Cluster].
type ClusterOption interface {
	fmt.Stringer
	declare(*node)
	validInCluster()
}

// KeyOption is an option of [Key].
type KeyOption interface {
	fmt.Stringer
	declare(*node)
	validInKey()
}

// CounterOption is an option of [Counter].
type CounterOption interface {
	fmt.Stringer
	declare(*node)
	validInCounter()
}

// HashOption is an option of [Hash].
type HashOption interface {
	fmt.Stringer
	declare(*node)
	validInHash()
}

// ListOption is an option of [List].
type ListOption interface {
	fmt.Stringer
	declare(*node)
	validInList()
}

// SetOption is an option of [Set].
type SetOption interface {
	fmt.Stringer
	declare(*node)
	validInSet()
}

// SortedSetOption is an option of [SortedSet].
type SortedSetOption interface {
	fmt.Stringer
	declare(*node)
	validInSortedSet()
}

// LockOption is an option of [Lock].
type LockOption interface {
	fmt.Stringer
	declare(*node)
	validInLock()
}

// SemaphoreOption is an option of [Semaphore].
type SemaphoreOption interface {
	fmt.Stringer
	declare(*node)
	validInSemaphore()
}

// LimiterOption is an option of [Limiter].
type LimiterOption interface {
	fmt.Stringer
	declare(*node)
	validInLimiter()
}

// OnceOption is an option of [Once].
type OnceOption interface {
	fmt.Stringer
	declare(*node)
	validInOnce()
}

// NodeOption is an option of every node that holds values, or clusters of them: of
// [Cluster], [Key], [Counter], [Hash], [List], [Set], [SortedSet] and [Once].
type NodeOption interface {
	ClusterOption
	KeyOption
	CounterOption
	HashOption
	ListOption
	SetOption
	SortedSetOption
	OnceOption
}

// PatternOption is an option of every node, since it is about its pattern.
type PatternOption interface {
	NodeOption
	LockOption
	SemaphoreOption
	LimiterOption
}

// WriteOption is an option of a single write, such as [Entry.Set].
type WriteOption interface {
	fmt.Stringer
	validInWrite(*writing) error
}

// anyNode makes an option valid for every sort of node.
type anyNode struct{}

func (anyNode) validInCluster()   {}
func (anyNode) validInKey()       {}
func (anyNode) validInCounter()   {}
func (anyNode) validInHash()      {}
func (anyNode) validInList()      {}
func (anyNode) validInSet()       {}
func (anyNode) validInSortedSet() {}
func (anyNode) validInOnce()      {}

// inheritedOption is an option that clusters hand down to what is below them.
type inheritedOption interface {
	override(*policy)
}

// policy is what a node inherits: how long values live, and how they are
// written and read.
type policy struct {
	ttl    time.Duration // zero: no expiry
	renew  Renewal
	jitter float64
	codec  codec.Codec // nil: the registry's default
	// transforms are applied to what the codec writes, the first one first.
	transforms []codec.Transform
	plain      bool
	mismatch   Mismatch
}

// forgives reports whether a value that can't be decoded counts as not there.
func (p *policy) forgives(err error) bool {
	return p.mismatch == TreatAsMissing && errors.Is(err, ErrWrongType)
}

type codecOption struct {
	anyNode
	codec codec.Codec
}

// Codec chooses what writes values that are not scalars. Reads follow the
// stored header, so a codec can be changed while old values are still there. It
// applies to [Cluster] and [Key] and is inherited. The codec must be in the
// registry that the schema is opened with.
//
// Given to a key itself, it also writes a type that marshals itself as text. On a
// key that holds a string, a number or the like it would have no effect, which
// [Open] refuses: see [Transforms] for what is to reach every value.
//
// The default is the registry's: JSON, unless [Registry] says otherwise.
func Codec(c codec.Codec) NodeOption { return codecOption{codec: c} }

func (o codecOption) declare(n *node) {
	if isNil(o.codec) {
		n.problem("the codec is nil")
	}
}

func (o codecOption) override(p *policy) {
	if !isNil(o.codec) {
		p.codec = o.codec
	}
}

func (o codecOption) String() string {
	if isNil(o.codec) {
		return "Codec(nil)"
	}
	return "Codec(" + o.codec.Name() + ")"
}

// choosesCodec says that a codec is given to the node itself.
func (n *node) choosesCodec() bool {
	return slices.ContainsFunc(n.options, func(o fmt.Stringer) bool { _, ok := o.(codecOption); return ok })
}

type transformsOption struct {
	anyNode
	transforms []codec.Transform
}

// Transforms changes the bytes of every value on their way into the store, and
// back: what the codec has written, and strings and numbers too, the first
// transform first. It is how values are compressed or encrypted. It applies to
// [Cluster] and [Key] and is inherited; without arguments it ends that.
//
// A stored value names its transforms, so that old values without them stay
// readable. The registry has to know transforms of values that are read by a
// declaration without them: see codec.Registry.AddTransforms.
//
// By default nothing is transformed.
func Transforms(transforms ...codec.Transform) NodeOption {
	return transformsOption{transforms: transforms}
}

func (o transformsOption) declare(n *node) {
	if slices.ContainsFunc(o.transforms, func(t codec.Transform) bool { return isNil(t) }) {
		n.problem("a transform is nil")
	}
}

func (o transformsOption) override(p *policy) { p.transforms = o.transforms }

func (o transformsOption) String() string {
	var names []string
	for _, t := range o.transforms {
		if isNil(t) {
			names = append(names, "nil")
		} else {
			names = append(names, t.Name())
		}
	}
	return "Transforms(" + strings.Join(names, ", ") + ")"
}

type plainOption struct{ anyNode }

// Plain stores the bare value without rin's header, for keys that are shared
// with programs that do not use rin: text for strings, digits for numbers, and
// the chosen codec's payload, JSON by default, for the rest. Nothing then checks
// the stored type. It applies to [Cluster] and [Key] and is inherited.
func Plain() NodeOption { return plainOption{} }

func (plainOption) declare(*node) {}

func (plainOption) override(p *policy) { p.plain = true }

func (plainOption) String() string { return "Plain()" }

type typeNameOption struct{ name string }

// TypeName sets the name by which stored values say their type, such as
// "user.v2", in place of the derived one ("struct", "[]int"). Change it when a
// type changes so that old values must not be read as new ones. It applies to
// [Key].
func TypeName(name string) KeyOption { return typeNameOption{name} }

func (typeNameOption) validInKey() {}

func (o typeNameOption) declare(n *node) {
	n.value.typeName = o.name
	if o.name == "" {
		n.problem("the type name is empty")
	}
}

func (o typeNameOption) String() string { return fmt.Sprintf("TypeName(%q)", o.name) }

// Mismatch says what reading does with a value of another type. It is an option
// for [OnMismatch].
type Mismatch int

const (
	// Fail returns ErrWrongType. It is the default.
	Fail Mismatch = iota
	// TreatAsMissing reads a value of another type as if it were not there. It
	// suits caches. A value that is damaged is an error all the same.
	TreatAsMissing
	// TryDecode decodes the value whatever type it says it has, and a value
	// without a header as if [Plain] had written it. It suits rolling deploys.
	TryDecode
)

// String returns the constant's name.
func (m Mismatch) String() string {
	return constant(int(m), "Fail", "TreatAsMissing", "TryDecode")
}

type mismatchOption struct {
	anyNode
	what Mismatch
}

// OnMismatch sets what reading does with a value of another type than the
// declared one. It applies to [Cluster] and [Key] and is inherited. The default
// is [Fail].
func OnMismatch(what Mismatch) NodeOption { return mismatchOption{what: what} }

func (o mismatchOption) declare(n *node) {
	if o.what < Fail || o.what > TryDecode {
		n.problem("%v: choose rin.Fail, rin.TreatAsMissing or rin.TryDecode", o)
	}
}

func (o mismatchOption) override(p *policy) { p.mismatch = o.what }

func (o mismatchOption) String() string { return fmt.Sprintf("OnMismatch(%v)", o.what) }

// constant names the i-th of a set of constants.
func constant(i int, names ...string) string {
	if i < 0 || i >= len(names) {
		return strconv.Itoa(i)
	}
	return names[i]
}
