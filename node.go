package rin

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/pattern"
)

// Node is a part of a declared tree: a [*ClusterNode] or a key such as
// [*KeyOf]. Nodes are immutable and safe for concurrent use; one node may be a
// child of several clusters.
type Node interface {
	// Pattern is the node's own pattern, as it was declared.
	Pattern() string
	// String prints the node and everything below it.
	String() string

	base() *node
}

// ClusterNode is a declared cluster: a pattern with child nodes below it.
// [Cluster] makes it; [ClusterNode.At] binds it to a place in a store.
type ClusterNode struct{ node }

// Cluster declares a cluster of nodes whose keys share a prefix. The pattern is
// one or more segments joined by colons; a segment holds literals and
// placeholders:
//
//	rin.Cluster("user:<user_id>", rin.TTL(time.Hour), rin.Child(Age, Name))
//
// A pattern may hold a hash tag, as in user:{<user_id>}, so that all keys below
// one user share a slot of a Redis Cluster. Only the root's pattern may be
// empty.
//
// Mistakes are reported by [Open], all of them together.
func Cluster(pattern string, opts ...ClusterOption) *ClusterNode {
	c := &ClusterNode{newNode(pattern)}
	c.self = c
	for _, opt := range opts {
		c.add(opt)
	}
	return c
}

type childOption struct{ nodes []Node }

// Child declares what lies below a cluster. It applies to [Cluster] and may be
// given several times. A node may be a child of several clusters.
func Child(nodes ...Node) ClusterOption { return childOption{nodes} }

func (childOption) validInCluster() {}

func (o childOption) declare(n *node) {
	for _, child := range o.nodes {
		switch {
		case isNil(child):
			n.problem("a child is nil; package variables that depend on each other in a circle look like this")
		case slices.Contains(n.children, child):
			n.problem("child %q is listed twice; remove one", child.Pattern())
		default:
			n.children = append(n.children, child)
		}
	}
}

func (o childOption) String() string {
	var patterns []string
	for _, child := range o.nodes {
		if !isNil(child) {
			patterns = append(patterns, child.Pattern())
		}
	}
	return "Child(" + strings.Join(patterns, ", ") + ")"
}

type oneSlotOption struct{ anyNode }

// OneSlot says that a hash tag without a parameter, such as {jobs}, is meant:
// all keys below it lie in one slot of a Redis Cluster, and so on one server. It
// applies to every node. Below the root, [Open] takes such a tag for a
// placeholder that is written wrongly unless OneSlot is given.
func OneSlot() PatternOption { return oneSlotOption{} }

func (oneSlotOption) validInLock()      {}
func (oneSlotOption) validInSemaphore() {}
func (oneSlotOption) validInLimiter()   {}

func (o oneSlotOption) declare(n *node) {
	n.oneSlot = true
	if !strings.Contains(n.pattern, "{") {
		n.problem("%v is for a hash tag, and the pattern has none", o)
	}
}

func (oneSlotOption) String() string { return "OneSlot()" }

// node is what all nodes have in common, without type parameters.
type node struct {
	self     Node
	pattern  string
	segments []pattern.Segment
	garbled  bool // the pattern can't be read
	file     string
	line     int
	problems []string

	options   []fmt.Stringer // as declared, without the children
	policies  []inheritedOption
	children  []Node
	protected bool
	oneSlot   bool
	value     *value // nil for a cluster
}

// value is what a node that holds values says about them.
type value struct {
	holds      string // what is printed: int, hash[string]int
	kind       backend.Kind
	goType     reflect.Type
	limits     limits // of a counter
	maxLen     int64
	fieldTTL   time.Duration
	keepLowest bool
	permits    int64         // of a semaphore
	poll       time.Duration // of what waits for others
	lease      time.Duration // of a Once
	limit      limit         // of a limiter
	hasDefault bool
	dflt       any
	typeName   string
	staleFor   time.Duration
	// bind resolves the encoder, the decoder and the default for one place.
	bind func(*place) (any, error)
}

// newNode is called by the exported constructors only: the declaration's
// file:line is that of their caller.
func newNode(declared string) node {
	_, file, line, _ := runtime.Caller(2)
	segments, problems := pattern.Parse(declared)
	return node{pattern: declared, segments: segments, garbled: len(problems) > 0, file: file, line: line, problems: problems}
}

// Pattern returns the node's own pattern, as it was declared.
func (n *node) Pattern() string { return n.pattern }

func (n *node) base() *node { return n }

// option is an option of a declaration, wherever it is valid.
type option interface {
	fmt.Stringer
	declare(*node)
}

// add applies an option, and complains about one that is nil or given twice.
func (n *node) add(opt option) {
	if opt == nil {
		n.problem("option is nil")
		return
	}
	opt.declare(n)
	if _, ok := opt.(childOption); ok {
		return
	}
	for _, earlier := range n.options {
		if sameSetting(earlier, opt) {
			n.problem("%v and %v contradict each other: give one", earlier, opt)
		}
	}
	n.options = append(n.options, opt)
	if p, ok := opt.(inheritedOption); ok {
		n.policies = append(n.policies, p)
	}
}

func sameSetting(a, b fmt.Stringer) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b)
}

func (n *node) problem(format string, args ...any) {
	n.problems = append(n.problems, fmt.Sprintf("%s %q: ", n.kind(), n.pattern)+fmt.Sprintf(format, args...))
}

func (n *node) kind() string {
	if n.value == nil {
		return "cluster"
	}
	return "key"
}

// goName is a type as it is written in Go.
func goName(t reflect.Type) string { return strings.ReplaceAll(t.String(), "interface {}", "any") }

// String prints the node and everything below it, a line each: the pattern, the
// type, the options, and a TTL that it inherits.
func (n *node) String() string {
	var text strings.Builder
	n.print(&text, "", "", policy{})
	return strings.TrimSuffix(text.String(), "\n")
}

func (n *node) print(text *strings.Builder, lead, below string, inherited policy) {
	text.WriteString(lead)
	text.WriteString(n.describe(inherited))
	text.WriteByte('\n')
	mine := n.policy(inherited)
	for i, child := range n.children {
		if i < len(n.children)-1 {
			child.base().print(text, below+"├── ", below+"│   ", mine)
		} else {
			child.base().print(text, below+"└── ", below+"    ", mine)
		}
	}
}

func (n *node) describe(inherited policy) string {
	words := []string{n.pattern}
	if n.pattern == "" {
		words[0] = `""`
	}
	if n.value != nil {
		words = append(words, n.value.holds)
	}
	for _, opt := range n.options {
		words = append(words, opt.String())
	}
	if mine := n.policy(inherited); n.value != nil && mine.ttl > 0 && !n.setsTTL() {
		words = append(words, fmt.Sprintf("(inherits %v)", TTL(mine.ttl)))
	}
	return strings.Join(words, "  ")
}

func (n *node) setsTTL() bool {
	for _, p := range n.policies {
		if _, ok := p.(ttlOption); ok {
			return true
		}
	}
	return false
}

// policy is what n's values live by: its own options on top of what it
// inherits.
func (n *node) policy(inherited policy) policy {
	for _, p := range n.policies {
		p.override(&inherited)
	}
	return inherited
}
