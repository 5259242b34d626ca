package rin

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redisimnest/rin/codec"
)

// ClusterOption is an option of [Cluster].
type ClusterOption interface {
	fmt.Stringer
	validInCluster(*node)
}

// KeyOption is an option of [Key].
type KeyOption interface {
	fmt.Stringer
	validInKey(*node)
}

// WriteOption is an option of a single write, such as [Entry.Set].
type WriteOption interface {
	fmt.Stringer
	validInWrite(*writing) error
}

// ClearOption is an option of [Scope.Clear].
type ClearOption interface {
	fmt.Stringer
	validInClear(*clearing)
}

// OpenOption is an option of [Open].
type OpenOption interface {
	fmt.Stringer
	validInOpen(*store) error
}

// policyOption is an option that nodes inherit.
type policyOption interface {
	override(*policy)
}

// policy is what a node inherits: how long values live, and how they are
// written and read.
type policy struct {
	ttl      time.Duration // zero: no expiry
	renew    Renewal
	jitter   float64
	codec    codec.Codec // nil: the registry's default
	plain    bool
	mismatch Mismatch
}

// forgives reports whether a value that can't be decoded counts as not there.
func (p *policy) forgives(err error) bool {
	return p.mismatch == TreatAsMissing && errors.Is(err, ErrWrongType)
}

// ChildOption holds the children of a cluster. [Child] makes it.
type ChildOption struct{ nodes []Node }

// Child declares what lies below a cluster. It applies to [Cluster] and may be
// given several times. A node may be a child of several clusters.
func Child(nodes ...Node) ChildOption { return ChildOption{nodes} }

func (o ChildOption) validInCluster(n *node) {
	for _, child := range o.nodes {
		if isNil(child) {
			n.problem("a child is nil; package variables that depend on each other in a circle look like this")
			continue
		}
		n.children = append(n.children, child)
	}
}

// String returns the option as it is written, with the children's patterns.
func (o ChildOption) String() string {
	var patterns []string
	for _, child := range o.nodes {
		if !isNil(child) {
			patterns = append(patterns, child.Pattern())
		}
	}
	return "Child(" + strings.Join(patterns, ", ") + ")"
}

// TTLOption says how long values live. [TTL] and [NoTTL] make it.
type TTLOption struct {
	ttl  time.Duration
	none bool
}

// TTL sets how long a value lives, counted from each write unless [Renew] says
// otherwise. It must be positive; what is less than a millisecond counts as
// one.
//
// TTL applies to [Cluster], [Key] and single writes; the one nearest the write
// wins.
//
// By default values do not expire.
func TTL(d time.Duration) TTLOption { return TTLOption{ttl: d} }

// NoTTL says that values do not expire, whatever the clusters above say. It
// applies to [Cluster], [Key] and single writes; the one nearest the write
// wins.
func NoTTL() TTLOption { return TTLOption{none: true} }

func (o TTLOption) validInCluster(n *node) { o.validInKey(n) }

func (o TTLOption) validInKey(n *node) {
	if !o.none && o.ttl <= 0 {
		n.problem("%v is not positive; write rin.NoTTL() for values that do not expire", o)
	}
}

func (o TTLOption) validInWrite(w *writing) error {
	if !o.none && o.ttl <= 0 {
		return fmt.Errorf("%w: %v is not positive; write rin.NoTTL() for a value that does not expire", ErrTTL, o)
	}
	w.expiry = expiry{ttl: wholeMillis(o.ttl)}
	return nil
}

func (o TTLOption) override(p *policy) { p.ttl = wholeMillis(o.ttl) }

// String returns the option as it is written.
func (o TTLOption) String() string {
	if o.none {
		return "NoTTL()"
	}
	return fmt.Sprintf("TTL(%v)", o.ttl)
}

// KeepTTLOption leaves a key the expiry it has. [KeepTTL] makes it.
type KeepTTLOption struct{}

// KeepTTL leaves a key that is there the expiry it has, none included. A key
// that the write creates gets the declared TTL. It applies to single writes.
func KeepTTL() KeepTTLOption { return KeepTTLOption{} }

func (KeepTTLOption) validInWrite(w *writing) error {
	w.expiry = expiry{ttl: w.declared, keep: true}
	return nil
}

// String returns the option as it is written.
func (KeepTTLOption) String() string { return "KeepTTL()" }

// ExpireAtOption sets the moment at which a value expires. [ExpireAt] makes it.
type ExpireAtOption struct{ at time.Time }

// ExpireAt sets the moment at which the value expires, to the millisecond. It
// must lie in the future. It applies to single writes, and wins over the
// declared TTL.
func ExpireAt(t time.Time) ExpireAtOption { return ExpireAtOption{t} }

func (o ExpireAtOption) validInWrite(w *writing) error {
	if !o.at.After(w.now()) {
		return fmt.Errorf("%w: %v has passed", ErrTTL, o.at)
	}
	w.expiry = expiry{at: o.at}
	return nil
}

// String returns the option as it is written, with the time in RFC 3339.
func (o ExpireAtOption) String() string {
	return "ExpireAt(" + o.at.Format(time.RFC3339Nano) + ")"
}

// Renewal says when a value's TTL begins anew. It is an option for [Renew].
type Renewal int

const (
	// OnWrite counts a TTL from each write. It is the default.
	OnWrite Renewal = iota
	// OnAccess counts a TTL from each write and each Get or Lookup: a sliding
	// expiry. The read renews it in the same command, GETEX.
	OnAccess
	// Never counts a TTL from the key's creation: a fixed window. Later writes
	// leave it as it is.
	Never
)

// String returns the constant's name.
func (r Renewal) String() string { return constant(int(r), "OnWrite", "OnAccess", "Never") }

// RenewOption says when a TTL begins anew. [Renew] makes it.
type RenewOption struct{ when Renewal }

// Renew sets when a value's TTL begins anew. It applies to [Cluster] and [Key]
// and is inherited. The default is [OnWrite]. A [TTL] or an [ExpireAt] given to
// a single write is applied whatever Renew says.
func Renew(when Renewal) RenewOption { return RenewOption{when} }

func (o RenewOption) validInCluster(n *node) { o.validInKey(n) }

func (o RenewOption) validInKey(n *node) {
	if o.when < OnWrite || o.when > Never {
		n.problem("%v: choose rin.OnWrite, rin.OnAccess or rin.Never", o)
	}
}

func (o RenewOption) override(p *policy) { p.renew = o.when }

// String returns the option as it is written.
func (o RenewOption) String() string { return fmt.Sprintf("Renew(%v)", o.when) }

// JitterOption spreads TTLs. [Jitter] makes it.
type JitterOption struct{ fraction float64 }

// Jitter spreads each TTL evenly over ± fraction of itself, so that keys that
// are written together do not expire together: Jitter(0.1) makes an hour 54 to
// 66 minutes. The fraction lies between 0 and 1. Jitter applies to [Cluster]
// and [Key] and is inherited.
//
// By default TTLs are exact. A TTL given to a single write is always exact.
func Jitter(fraction float64) JitterOption { return JitterOption{fraction} }

func (o JitterOption) validInCluster(n *node) { o.validInKey(n) }

func (o JitterOption) validInKey(n *node) {
	if !(o.fraction >= 0 && o.fraction < 1) {
		n.problem("%v: the fraction must be at least 0 and less than 1", o)
	}
}

func (o JitterOption) override(p *policy) { p.jitter = o.fraction }

// String returns the option as it is written.
func (o JitterOption) String() string { return fmt.Sprintf("Jitter(%v)", o.fraction) }

// DefaultOption is the value of a key that is not there. [Default] makes it.
type DefaultOption struct{ value any }

// Default sets what [Entry.Get] returns where the key is not there. Nothing is
// stored. It applies to [Key]. A default that holds slices, maps or pointers is
// a fresh copy each time.
//
// A number that the key's type holds without loss is converted: Default(0)
// suits a Key[int64] and a Key[float64].
func Default[T any](value T) DefaultOption { return DefaultOption{value} }

func (o DefaultOption) validInKey(n *node) { n.value.hasDefault, n.value.dflt = true, o.value }

// String returns the option as it is written.
func (o DefaultOption) String() string { return fmt.Sprintf("Default(%#v)", o.value) }

// CodecOption chooses a codec. [Codec] makes it.
type CodecOption struct{ codec codec.Codec }

// Codec chooses what writes values that are not scalars. Reads follow the
// stored header, so a codec can be changed while old values are still there. It
// applies to [Cluster] and [Key] and is inherited. The codec must be in the
// registry that the schema is opened with.
//
// The default is the registry's: JSON, unless [Registry] says otherwise.
func Codec(c codec.Codec) CodecOption { return CodecOption{c} }

func (o CodecOption) validInCluster(n *node) { o.validInKey(n) }

func (o CodecOption) validInKey(n *node) {
	if isNil(o.codec) {
		n.problem("the codec is nil")
	}
}

func (o CodecOption) override(p *policy) {
	if !isNil(o.codec) {
		p.codec = o.codec
	}
}

// String returns the option with the codec's name.
func (o CodecOption) String() string {
	if isNil(o.codec) {
		return "Codec(nil)"
	}
	return "Codec(" + o.codec.Name() + ")"
}

// PlainOption stores values without a header. [Plain] makes it.
type PlainOption struct{}

// Plain stores the bare value without rin's header, for keys that are shared
// with programs that do not use rin: text for strings, digits for numbers, and
// the chosen codec's payload, JSON by default, for the rest. Nothing then checks
// the stored type. It applies to [Cluster] and [Key] and is inherited.
func Plain() PlainOption { return PlainOption{} }

func (PlainOption) validInCluster(*node) {}

func (PlainOption) validInKey(*node) {}

func (PlainOption) override(p *policy) { p.plain = true }

// String returns the option as it is written.
func (PlainOption) String() string { return "Plain()" }

// TypeNameOption names a key's type. [TypeName] makes it.
type TypeNameOption struct{ name string }

// TypeName sets the name by which stored values say their type, such as
// "user.v2", in place of the derived one ("struct", "[]int"). Change it when a
// type changes so that old values must not be read as new ones. It applies to
// [Key].
func TypeName(name string) TypeNameOption { return TypeNameOption{name} }

func (o TypeNameOption) validInKey(n *node) {
	n.value.typeName = o.name
	if o.name == "" {
		n.problem("the type name is empty")
	}
}

// String returns the option as it is written.
func (o TypeNameOption) String() string { return fmt.Sprintf("TypeName(%q)", o.name) }

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

// MismatchOption says what reading does with a value of another type.
// [OnMismatch] makes it.
type MismatchOption struct{ what Mismatch }

// OnMismatch sets what reading does with a value of another type than the
// declared one. It applies to [Cluster] and [Key] and is inherited. The default
// is [Fail].
func OnMismatch(what Mismatch) MismatchOption { return MismatchOption{what} }

func (o MismatchOption) validInCluster(n *node) { o.validInKey(n) }

func (o MismatchOption) validInKey(n *node) {
	if o.what < Fail || o.what > TryDecode {
		n.problem("%v: choose rin.Fail, rin.TreatAsMissing or rin.TryDecode", o)
	}
}

func (o MismatchOption) override(p *policy) { p.mismatch = o.what }

// String returns the option as it is written.
func (o MismatchOption) String() string { return fmt.Sprintf("OnMismatch(%v)", o.what) }

// ProtectedOption guards a cluster. [Protected] makes it.
type ProtectedOption struct{}

// Protected makes [Scope.Clear] refuse to clear the cluster, or a cluster above
// it, unless [Force] is given. It applies to [Cluster].
func Protected() ProtectedOption { return ProtectedOption{} }

func (ProtectedOption) validInCluster(n *node) { n.protected = true }

// String returns the option as it is written.
func (ProtectedOption) String() string { return "Protected()" }

// ClearMode is an option of [Scope.Clear]: [DryRun] or [Force].
type ClearMode int

const (
	dryRun ClearMode = iota
	force
)

// DryRun makes Clear count what it would delete, and delete nothing. It needs
// no [Force].
func DryRun() ClearMode { return dryRun }

// Force clears what is declared [Protected].
func Force() ClearMode { return force }

func (m ClearMode) validInClear(c *clearing) {
	c.dryRun = c.dryRun || m == dryRun
	c.force = c.force || m == force
}

// String returns the option as it is written.
func (m ClearMode) String() string { return constant(int(m), "DryRun()", "Force()") }

// RegistryOption sets the registry of codecs. [Registry] makes it.
type RegistryOption struct{ registry *codec.Registry }

// Registry sets the codecs and type names that values are written and read
// with. It applies to [Open]. The default is codec.Standard().
func Registry(reg *codec.Registry) RegistryOption { return RegistryOption{reg} }

func (o RegistryOption) validInOpen(s *store) error {
	if o.registry == nil {
		return fmt.Errorf("Registry: the registry is nil; leave the option out for codec.Standard()")
	}
	s.registry = o.registry
	return nil
}

// String returns the option's name.
func (o RegistryOption) String() string { return "Registry(…)" }

// LoggerOption sets a logger. [Logger] makes it.
type LoggerOption struct{ logger *slog.Logger }

// Logger logs each operation at debug level: what it was, the key's pattern,
// the key, how long it took, and its error. Values are not logged. It applies to
// [Open]. By default nothing is logged.
func Logger(logger *slog.Logger) LoggerOption { return LoggerOption{logger} }

func (o LoggerOption) validInOpen(s *store) error {
	if o.logger == nil {
		return fmt.Errorf("Logger: the logger is nil; leave the option out to log nothing")
	}
	s.logger = o.logger
	return nil
}

// String returns the option's name.
func (o LoggerOption) String() string { return "Logger(…)" }

// PageSizeOption sets the size of a page. [PageSize] makes it.
type PageSizeOption struct{ size int }

// PageSize sets how many keys a scan looks at, and a clear deletes, at a time.
// It applies to [Open]. The default is 1000.
func PageSize(n int) PageSizeOption { return PageSizeOption{n} }

func (o PageSizeOption) validInOpen(s *store) error {
	if o.size <= 0 {
		return fmt.Errorf("%v: the size must be positive", o)
	}
	s.pageSize = o.size
	return nil
}

// String returns the option as it is written.
func (o PageSizeOption) String() string { return fmt.Sprintf("PageSize(%d)", o.size) }

// EnvOption reads options from the environment. [FromEnv] makes it.
type EnvOption struct{}

// FromEnv reads options from the environment: [PageSize] from
// REDIS_DELETE_CHUNK_SIZE, a positive number, and [Logger] from
// SHOW_METHOD_DISPATCH_LOGS, a bool as strconv.ParseBool reads it, which logs
// to standard error. A variable that is not set, or is empty, leaves things as
// they are. It applies to [Open]; of several options the last one wins.
func FromEnv() EnvOption { return EnvOption{} }

func (EnvOption) validInOpen(s *store) error {
	if text := os.Getenv("REDIS_DELETE_CHUNK_SIZE"); text != "" {
		size, err := strconv.Atoi(text)
		if err != nil || size <= 0 {
			return fmt.Errorf("FromEnv: REDIS_DELETE_CHUNK_SIZE is %q; it must be a positive number", text)
		}
		s.pageSize = size
	}
	if text := os.Getenv("SHOW_METHOD_DISPATCH_LOGS"); text != "" {
		show, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("FromEnv: SHOW_METHOD_DISPATCH_LOGS is %q; it must be true or false", text)
		}
		if show {
			s.logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}
	}
	return nil
}

// String returns the option as it is written.
func (EnvOption) String() string { return "FromEnv()" }

// constant names the i-th of a set of constants.
func constant(i int, names ...string) string {
	if i < 0 || i >= len(names) {
		return strconv.Itoa(i)
	}
	return names[i]
}
