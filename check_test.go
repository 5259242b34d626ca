package rin_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/memstore"
)

// problems is what Open says about a declaration.
func problems(t *testing.T, root *rin.ClusterNode, opts ...rin.OpenOption) []rin.Problem {
	t.Helper()
	scope, err := rin.Open(root, memstore.New(), opts...)
	if err == nil {
		return nil
	}
	var schema *rin.SchemaError
	if !errors.As(err, &schema) || scope != nil {
		t.Fatalf("Open returned %v and %T %v, want a nil scope and a *SchemaError", scope, err, err)
	}
	return schema.Problems
}

// checkProblems compares problems with wanted parts of their messages.
func checkProblems(t *testing.T, got []rin.Problem, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("there are %d problems, want %d:\n%v", len(got), len(want), got)
	}
	for i, part := range want {
		if !strings.Contains(got[i].Message, part) {
			t.Errorf("problem %d is %q, want one about %q", i, got[i].Message, part)
		}
	}
}

// checkOpenErrors compares what Open says about its arguments with wanted parts.
func checkOpenErrors(t *testing.T, err error, want ...string) {
	t.Helper()
	var op *rin.OpError
	var schema *rin.SchemaError
	if !errors.As(err, &op) || op.Op != "open" || errors.As(err, &schema) {
		t.Fatalf("Open returned %v, want *OpErrors of open and no *SchemaError", err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Fatalf("there are %d errors, want %d:\n%v", len(lines), len(want), err)
	}
	for i, part := range want {
		if !strings.HasPrefix(lines[i], "rin: open: ") || !strings.Contains(lines[i], part) {
			t.Errorf("error %d is %q, want one about %q", i, lines[i], part)
		}
	}
}

func key[T any](pattern string, opts ...rin.KeyOption) *rin.KeyOf[T] {
	return rin.Key[T](pattern, opts...)
}

func TestOpen_refuses(t *testing.T) {
	age, sliding := rin.Key[int]("age"), rin.Key[int]("sliding", rin.Renew(rin.OnAccess))
	for _, tc := range []struct {
		name   string
		root   *rin.ClusterNode
		want   []string
		reason string
	}{
		{
			"bad pattern of the root", rin.Cluster("a::b"),
			[]string{`pattern "a::b": empty segment`},
			"a pattern is checked wherever it stands",
		},
		{
			"bad pattern of a cluster", rin.Cluster("root", rin.Child(rin.Cluster("{x"))),
			[]string{"hash tag is not closed"},
			"a pattern is checked wherever it stands",
		},
		{
			"bad pattern of a key", rin.Cluster("root", rin.Child(key[int]("<a><b>"))),
			[]string{"touch"},
			"a pattern is checked wherever it stands",
		},
		{
			"several mistakes in one pattern", rin.Cluster("a::<1>:{}"),
			[]string{"empty segment", "not a Go identifier", "{} is empty"},
			"one look shows them all",
		},
		{
			"empty pattern of a cluster", rin.Cluster("root", rin.Child(rin.Cluster("", rin.Child(age)))),
			[]string{`cluster below "root": the pattern is empty`},
			"only the root may be without a prefix",
		},
		{
			"empty pattern of a key", rin.Cluster("", rin.Child(key[int](""))),
			[]string{"the pattern is empty"},
			"Redis knows a key without a name; nobody means it",
		},
		{
			"parameter in the root's pattern", rin.Cluster("tenant:<id>"),
			[]string{`cluster "tenant:<id>": the root has a parameter, and nothing gives it a value`},
			"Open takes no parameters",
		},
		{
			"placeholder twice in one pattern", rin.Cluster("root", rin.Child(rin.Cluster("a:<id>:<id>"))),
			[]string{"placeholder <id> is there twice on the path root:a:<id>:<id>"},
			"one name stands for one value",
		},
		{
			"placeholder twice on a path", rin.Cluster("root", rin.Child(rin.Cluster("a:<id>", rin.Child(rin.Cluster("b", rin.Child(key[int]("<id>"))))))),
			[]string{`key "<id>": placeholder <id> is there twice on the path root:a:<id>:b:<id>; rename one`},
			"a child never silently takes its parent's value",
		},

		{
			"TTL of zero", rin.Cluster("root", rin.TTL(0)),
			[]string{`cluster "root": TTL(0s) is not positive; write rin.NoTTL()`},
			"zero means no expiry in one client and an error in the other",
		},
		{
			"negative TTL", rin.Cluster("root", rin.Child(key[int]("age", rin.TTL(-time.Second)))),
			[]string{`key "age": TTL(-1s) is not positive`},
			"go-redis would store the value for ever",
		},
		{
			"TTL of a bare number", rin.Cluster("root", rin.TTL(30)),
			[]string{`cluster "root": 30ns is less than a millisecond; did you mean 30*time.Second?`},
			"a number without a unit is in nanoseconds, and seconds were meant",
		},
		{
			"TTL of almost a millisecond", rin.Cluster("root", rin.Child(key[int]("age", rin.TTL(time.Millisecond-1)))),
			[]string{`key "age": 999.999µs is less than a millisecond`},
			"a store counts in milliseconds",
		},
		{
			"renewal of a key without a TTL", rin.Cluster("root", rin.Child(key[int]("age", rin.Renew(rin.OnAccess)))),
			[]string{`key "age": Renew(OnAccess) has no TTL to renew at root:age; declare rin.TTL on it or above, or leave rin.Renew out`},
			"somebody expects the value to expire, and it never would",
		},
		{
			"renewal beside NoTTL", rin.Cluster("root", rin.TTL(time.Hour), rin.Child(key[int]("age", rin.NoTTL(), rin.Renew(rin.Never)))),
			[]string{`key "age": Renew(Never) has no TTL to renew`},
			"NoTTL stops what is declared above",
		},
		{
			"renewal of a cluster without a TTL in it", rin.Cluster("root", rin.Renew(rin.OnAccess), rin.Child(key[int]("age"))),
			[]string{`cluster "root": Renew(OnAccess) has no TTL to renew at root`},
			"it would have no effect anywhere",
		},
		{
			"renewal in one of two places", rin.Cluster("root", rin.Child(
				rin.Cluster("a", rin.TTL(time.Hour), rin.Child(sliding)), rin.Cluster("b", rin.Child(sliding)),
			)),
			[]string{`key "sliding": Renew(OnAccess) has no TTL to renew at root:b:sliding`},
			"the error names the place that lacks one",
		},
		{
			"placeholder in braces", rin.Cluster("root", rin.Child(rin.Cluster("user:{user_id}", rin.Child(age)))),
			[]string{`cluster "user:{user_id}": {user_id} is a hash tag of that very text, and no parameter; write {<user_id>} for a parameter, or give rin.OneSlot() if the tag is meant`},
			"all users would share one key",
		},
		{
			"placeholder of a key in braces", rin.Cluster("root", rin.Child(key[int]("visits:{day}"))),
			[]string{`key "visits:{day}": {day} is a hash tag`},
			"all days would share one key",
		},
		{
			"OneSlot without a hash tag", rin.Cluster("root", rin.OneSlot()),
			[]string{"OneSlot() is for a hash tag, and the pattern has none"},
			"somebody forgot the braces",
		},
		{
			"negative jitter", rin.Cluster("root", rin.Jitter(-0.1)),
			[]string{"Jitter(-0.1): the fraction must be at least 0 and less than 1"},
			"a spread has no sign",
		},
		{
			"jitter of one", rin.Cluster("root", rin.Jitter(1)),
			[]string{"Jitter(1)"},
			"a TTL may not come out as zero",
		},
		{
			"jitter that is no number", rin.Cluster("root", rin.Jitter(math.NaN())),
			[]string{"Jitter(NaN)"},
			"NaN compares false with everything",
		},
		{
			"renewal out of range", rin.Cluster("root", rin.Renew(3)),
			[]string{"Renew(3): choose rin.OnWrite, rin.OnAccess or rin.Never"},
			"a constant is one of those declared",
		},
		{
			"negative renewal", rin.Cluster("root", rin.Renew(-1)),
			[]string{"Renew(-1)"},
			"a constant is one of those declared",
		},
		{
			"mismatch out of range", rin.Cluster("root", rin.OnMismatch(7)),
			[]string{"OnMismatch(7): choose rin.Fail, rin.TreatAsMissing or rin.TryDecode"},
			"a constant is one of those declared",
		},
		{
			"empty type name", rin.Cluster("root", rin.Child(key[user]("u", rin.TypeName("")))),
			[]string{"the type name is empty"},
			"a stored value must name its type",
		},
		{
			"type name with a separator", rin.Cluster("root", rin.Child(key[user]("u", rin.TypeName("a:b")))),
			[]string{`type name "a:b"`},
			"a colon ends the type in a header",
		},
		{
			"type name that is built in", rin.Cluster("root", rin.Child(key[user]("u", rin.TypeName("int")))),
			[]string{"built in"},
			"a struct may not pass for an int",
		},

		{
			"nil option of a cluster", rin.Cluster("root", nil),
			[]string{`cluster "root": option is nil`},
			"a variable that was not set yet",
		},
		{
			"nil option of a key", rin.Cluster("root", rin.Child(key[int]("age", nil))),
			[]string{`key "age": option is nil`},
			"a variable that was not set yet",
		},
		{
			"nil child", rin.Cluster("root", rin.Child(age, nil)),
			[]string{"a child is nil"},
			"package variables in a circle look like this",
		},
		{
			"nil key as a child", rin.Cluster("root", rin.Child((*rin.KeyOf[int])(nil))),
			[]string{"a child is nil"},
			"a nil pointer in an interface is nil to its user",
		},
		{
			"nil cluster as a child", rin.Cluster("root", rin.Child((*rin.ClusterNode)(nil))),
			[]string{"a child is nil"},
			"a nil pointer in an interface is nil to its user",
		},
		{
			"zero key as a child", rin.Cluster("root", rin.Child(&rin.KeyOf[int]{})),
			[]string{"a zero node stands in the tree; make nodes with rin.Cluster and rin.Key"},
			"a key that was not made by Key knows no type",
		},
		{
			"zero cluster as the root", &rin.ClusterNode{},
			[]string{"a zero node stands in the tree"},
			"a cluster that was not made by Cluster was forgotten to be set",
		},
		{
			"nil codec", rin.Cluster("root", rin.Codec(nil)),
			[]string{"the codec is nil"},
			"leaving it out is what gives the default",
		},
		{
			"nil codec in an interface, inherited", rin.Cluster("root", rin.Codec((*upperCodec)(nil)), rin.Child(key[user]("u"))),
			[]string{"the codec is nil"},
			"a nil pointer in an interface is nil to its user, and Open may not panic",
		},
		{
			"codec that is not registered", rin.Cluster("root", rin.Child(key[user]("u", rin.Codec(&upperCodec{})))),
			[]string{`unknown codec: codec "upper", which the registry does not have`},
			"what is written could not be read back",
		},

		{
			"TTL and NoTTL", rin.Cluster("root", rin.TTL(time.Second), rin.NoTTL()),
			[]string{"TTL(1s) and NoTTL() contradict each other: give one"},
			"both say how long a value lives",
		},
		{
			"two defaults", rin.Cluster("root", rin.Child(key[int]("age", rin.Default(1), rin.Default(2)))),
			[]string{"Default(1) and Default(2) contradict each other"},
			"a key has one default",
		},
		{
			"the same option twice", rin.Cluster("root", rin.Renew(rin.Never), rin.Renew(rin.Never)),
			[]string{"contradict"},
			"somebody forgot one of them",
		},

		{
			"interface that is not any", rin.Cluster("root", rin.Child(key[fmt.Stringer]("s"))),
			[]string{`key "s" holds fmt.Stringer: fmt.Stringer can't be stored`},
			"nothing could read it back",
		},
		{
			"channel", rin.Cluster("root", rin.Child(key[chan int]("c"))),
			[]string{"chan int can't be stored"},
			"nothing could write it",
		},
		{
			"function in a struct", rin.Cluster("root", rin.Child(key[struct{ F func() }]("f"))),
			[]string{"field F"},
			"a write would fail, so the declaration does",
		},
		{
			"plain any", rin.Cluster("root", rin.Plain(), rin.Child(key[any]("a"))),
			[]string{"any can't be stored plain"},
			"without a header nothing says which type a value has",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			checkProblems(t, problems(t, tc.root), tc.want...)
			if t.Failed() {
				t.Log(tc.reason)
			}
		})
	}
}

func TestOpen_accepts(t *testing.T) {
	age := key[int]("age")
	for _, tc := range []struct {
		name   string
		root   *rin.ClusterNode
		reason string
	}{
		{"TTL of a millisecond", rin.Cluster("root", rin.TTL(time.Millisecond)), "it is the shortest that a store can count"},
		{"renewal with a TTL below", rin.Cluster("root", rin.Renew(rin.OnAccess), rin.Child(key[int]("k", rin.TTL(time.Hour)), age)), "it is for those below that have one"},
		{"renewal with a TTL above", rin.Cluster("root", rin.TTL(time.Hour), rin.Child(rin.Cluster("c", rin.Renew(rin.Never)))), "a TTL is inherited"},
		{"default renewal without a TTL", rin.Cluster("root", rin.Renew(rin.OnWrite)), "it says what holds anyway"},
		{"hash tag that is meant", rin.Cluster("root", rin.Child(rin.Cluster("{jobs}", rin.OneSlot(), rin.Child(age)))), "OneSlot says so"},
		{"hash tag of a key that is meant", rin.Cluster("root", rin.Child(key[int]("{jobs}", rin.OneSlot()))), "OneSlot says so"},
		{"hash tag of the root", rin.Cluster("{app}", rin.Child(age)), "the root has no parameters"},
		{"hash tag beside a placeholder", rin.Cluster("root", rin.Child(key[int]("{jobs}:<id>"))), "whoever wrote <id> knows how a parameter is written"},
		{"hash tag that is no name", rin.Cluster("root", rin.Child(key[int]("{job-queue}"))), "a placeholder could not be called so"},
	} {
		if got := problems(t, tc.root); got != nil {
			t.Errorf("%s is refused: %v; %s", tc.name, got, tc.reason)
		}
	}
}

// What is wrong with the call does not hide what is wrong with the declaration.
func TestOpen_bothErrors(t *testing.T) {
	_, err := rin.Open(rin.Cluster("root", rin.TTL(0)), nil)
	var op *rin.OpError
	var schema *rin.SchemaError
	if !errors.As(err, &op) || !errors.As(err, &schema) || len(schema.Problems) != 1 {
		t.Errorf("Open returned %v, want an *OpError about the backend and a *SchemaError about the TTL", err)
	}
}

func TestOpen_arguments(t *testing.T) {
	root := rin.Cluster("root")
	bad := codec.NewRegistry(codec.JSON, codec.JSON)
	for _, tc := range []struct {
		name    string
		root    *rin.ClusterNode
		backend backend.Backend
		opts    []rin.OpenOption
		want    []string
		reason  string
	}{
		{"nil root", nil, memstore.New(), nil, []string{"the root cluster is nil"}, "a nil root is reported, not followed"},
		{"nil backend", root, nil, nil, []string{"the backend is nil; give memstore.New(), goredis.New(client) or valkeygo.New(client)"}, "the error says what to give"},
		{"nil backend in an interface", root, (*memstore.Store)(nil), nil, []string{"the backend is nil"}, "a nil pointer in an interface is nil to its user"},
		{"nil option", root, memstore.New(), []rin.OpenOption{nil}, []string{"an option is nil; leave it out"}, "a nil option is reported, not called"},
		{"nil registry", root, memstore.New(), []rin.OpenOption{rin.Registry(nil)}, []string{"the registry is nil; leave the option out for codec.Standard()"}, "nil is no registry"},
		{"bad registry", rin.Cluster("root", rin.Child(key[user]("u"))), memstore.New(), []rin.OpenOption{rin.Registry(bad)}, []string{`two codecs are named "json"`}, "a registry's mistakes are reported once, and not for each key"},
		{"nil logger", root, memstore.New(), []rin.OpenOption{rin.Logger(nil)}, []string{"the logger is nil"}, "a nil logger would panic at the first operation"},
		{"page of nothing", root, memstore.New(), []rin.OpenOption{rin.PageSize(0)}, []string{"PageSize(0): the size must be positive"}, "a scan would never end"},
		{"everything at once", nil, nil, []rin.OpenOption{nil, rin.PageSize(-1)}, []string{"the backend is nil", "an option is nil", "PageSize(-1)", "the root cluster is nil"}, "one call reports all of it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			scope, err := rin.Open(tc.root, tc.backend, tc.opts...)
			if scope != nil {
				t.Errorf("Open returned a scope and %v", err)
			}
			checkOpenErrors(t, err, tc.want...)
			if t.Failed() {
				t.Log(tc.reason)
			}
		})
	}
}

// defaultCase is a Default on a Key[T].
type defaultCase struct {
	name   string
	key    rin.Node
	want   string // part of the message; empty: accepted
	reason string
}

func defaultsTo[T, D any](name string, dflt D, want, reason string) defaultCase {
	return defaultCase{name, rin.Key[T]("k", rin.Default(dflt)), want, reason}
}

type (
	userID   int64
	userName string
	flag8    bool
)

func TestOpen_defaults(t *testing.T) {
	const wide = 1 << 53
	for _, tc := range []defaultCase{
		defaultsTo[int64]("int for int64", 0, "", "an untyped constant can't say more"),
		defaultsTo[int8]("int for int8", -128, "", "it fits"),
		defaultsTo[int8]("int for int8, too large", 128, "holds int8, which can't hold its default 128", "it does not fit"),
		defaultsTo[int16]("int for int16, too large", 1<<15, "can't hold", "it does not fit"),
		defaultsTo[int32]("int for int32, too large", 1<<31, "can't hold", "it does not fit"),
		defaultsTo[uint]("int for uint", 7, "", "it fits"),
		defaultsTo[uint]("negative int for uint", -1, "holds uint, which can't hold its default -1", "the bits survive a round trip, the value does not"),
		defaultsTo[uint8]("int for uint8, too large", 256, "can't hold", "it does not fit"),
		defaultsTo[uint16]("int for uint16, too large", 1<<16, "can't hold", "it does not fit"),
		defaultsTo[uint32]("int for uint32, too large", 1<<32, "can't hold", "it does not fit"),
		defaultsTo[uint64]("negative int8 for uint64", int8(-1), "can't hold", "it has a sign"),
		defaultsTo[int64]("uint64 overflow", uint64(math.MaxUint64), "can't hold its default 18446744073709551615", "the bits survive a round trip, the value does not"),
		defaultsTo[int64]("uint64 that fits", uint64(math.MaxInt64), "", "it fits"),
		defaultsTo[uint64]("int64 for uint64", int64(math.MaxInt64), "", "it fits"),
		defaultsTo[float64]("int for float64", 0, "", "an untyped constant can't say more"),
		defaultsTo[float64]("widest exact int", wide, "", "a float64 has 53 bits"),
		defaultsTo[float64]("int with too many bits", wide+1, "can't hold", "a float64 has 53 bits"),
		defaultsTo[float64]("largest int", math.MaxInt64, "can't hold", "it would be rounded up, past every int64"),
		defaultsTo[float64]("largest uint64", uint64(math.MaxUint64), "can't hold", "it would be rounded up, past every uint64"),
		defaultsTo[float32]("int with too many bits for float32", 1<<24+1, "can't hold", "a float32 has 24 bits"),
		defaultsTo[float32]("half", 0.5, "", "a float32 holds it exactly"),
		defaultsTo[float32]("tenth", 0.1, "can't hold its default 0.1", "a float32 holds another number"),
		defaultsTo[float32]("too large a float", 1e300, "can't hold", "it would become infinite"),
		defaultsTo[float64]("float32 for float64", float32(0.1), "", "a float64 holds every float32"),
		defaultsTo[int]("whole float for int", 3.0, "", "it is a whole number"),
		defaultsTo[int]("fraction for int", 3.5, "can't hold its default 3.5", "the fraction would be lost"),
		defaultsTo[int64]("float beyond int64", float64(1<<63), "can't hold", "it is one more than fits"),
		defaultsTo[uint64]("float beyond uint64", float64(1<<64), "can't hold", "it is one more than fits"),
		defaultsTo[uint64]("largest float below 2⁶⁴", math.Nextafter(1<<64, 0), "", "it fits"),
		defaultsTo[uint]("negative float for uint", -1.0, "can't hold", "it has a sign"),
		defaultsTo[int]("NaN for int", math.NaN(), "can't hold its default NaN", "NaN is no integer"),
		defaultsTo[int]("infinity for int", math.Inf(1), "can't hold its default +Inf", "infinity is no integer"),
		defaultsTo[float64]("NaN", math.NaN(), "", "a float64 is what it is"),
		defaultsTo[float32]("infinity for float32", math.Inf(-1), "", "a float32 holds it exactly"),
		defaultsTo[userID]("int for a named int", 1, "", "an untyped constant can't say more"),
		defaultsTo[userID]("named int", userID(1), "", "it is the type itself"),
		defaultsTo[int]("named int for int", userID(1), "", "a number is a number"),
		defaultsTo[time.Duration]("int for a duration", 0, "", "an untyped constant can't say more"),
		defaultsTo[userName]("string for a named string", "x", "", "an untyped constant can't say more"),
		defaultsTo[flag8]("bool for a named bool", true, "", "an untyped constant can't say more"),

		defaultsTo[int64]("string for int64", "0", `key "k" holds int64, but its default is a string; write rin.Default[int64](0)`, "the text is the one that the style page shows"),
		defaultsTo[string]("int for string", 0, `key "k" holds string, but its default is an int; write rin.Default[string]("")`, "a string of one rune is not meant"),
		defaultsTo[bool]("int for bool", 0, `holds bool, but its default is an int; write rin.Default[bool](false)`, "a number is no truth"),
		defaultsTo[int]("bool for int", true, `holds int, but its default is a bool; write rin.Default[int](0)`, "a truth is no number"),
		defaultsTo[string]("bytes for string", []byte("x"), "but its default is a []uint8", "they are stored under other tags"),
		defaultsTo[[]string]("string for a slice", "x", "but its default is a string; write rin.Default[[]string](…)", "one is not many"),
		defaultsTo[user]("another struct", struct{ Name string }{"x"}, "write rin.Default[rin_test.user](…)", "types are told apart by name"),
		defaultsTo[string]("named string for string", userName("x"), "but its default is a rin_test.userName", "a name was given for a reason"),
		defaultsTo[any]("int for any", 1, "", "any holds it"),
		defaultsTo[any]("struct for any", user{}, "default that can't be stored", "any could not give it back"),
		defaultsTo[any]("nil for any", any(nil), "has a nil default; leave the option out", "nothing is what no default says"),
		defaultsTo[*user]("nil pointer", (*user)(nil), "default that can't be stored: nil can't be stored", "nothing is what no default says"),
		defaultsTo[[]string]("empty slice", []string{}, "", "it is a slice"),
		defaultsTo[*user]("pointer", &user{Name: "x"}, "", "it is the type itself"),
	} {
		t.Run(tc.name, func(t *testing.T) {
			var want []string
			if tc.want != "" {
				want = []string{tc.want}
			}
			checkProblems(t, problems(t, rin.Cluster("root", rin.Child(tc.key))), want...)
			if t.Failed() {
				t.Log(tc.reason)
			}
		})
	}
}

func TestOpen_collisions(t *testing.T) {
	age, name := rin.Key[int]("age"), rin.Key[string]("name")
	cluster := func(pattern string, nodes ...rin.Node) *rin.ClusterNode {
		return rin.Cluster(pattern, rin.Child(nodes...))
	}
	for _, tc := range []struct {
		name   string
		root   *rin.ClusterNode
		want   []string
		reason string
	}{
		{
			"two keys of one pattern", cluster("root", key[int]("age"), key[string]("age")),
			[]string{"key root:age could be the same key as root:age"},
			"one would read the other's values",
		},
		{
			"a literal beside a placeholder", cluster("root", key[int]("<id>"), key[int]("tag")),
			[]string{"key root:tag could be the same key as root:<id>"},
			"the value tag is as good as any",
		},
		{
			"through clusters", cluster("root", cluster("user:<id>", key[int]("tag")), cluster("user", key[int]("<id>:<what>"))),
			[]string{
				"key root:user:<id>:<what> could lie under the prefix of cluster root:user:<id>", "key root:user:<id>:tag could lie under the prefix of cluster root:user",
				"key root:user:<id>:<what> could be the same key as root:user:<id>:tag",
			},
			"what counts is the whole key",
		},
		{
			"a key under another cluster's prefix", cluster("root", cluster("user:<id>", age), key[int]("user:<id>:tag")),
			[]string{"key root:user:<id>:tag could lie under the prefix of cluster root:user:<id>"},
			"clearing the one would clear the other",
		},
		{
			"a cluster under another's prefix", cluster("root", cluster("user:<id>", age), cluster("user:<id>:archive", name)),
			[]string{"key root:user:<id>:archive:name could lie under the prefix of cluster root:user:<id>"},
			"clearing the one would clear the other",
		},
		{
			"a placeholder that could be a literal", cluster("root", cluster("user", name), cluster("<kind>", age)),
			[]string{"key root:<kind>:age could lie under the prefix of cluster root:user", "key root:user:name could lie under the prefix of cluster root:<kind>"},
			"each would clear the other",
		},
		{
			"a rune apart from its bytes", cluster("root", key[int]("<a>→<b>"), key[int]("←→x")),
			[]string{"could be the same key"},
			"← and → share bytes, but only → is kept out of values",
		},
		{
			"the same key twice under one cluster", cluster("root", age, age),
			[]string{`cluster "root": child "age" is listed twice; remove one`},
			"that it collides with itself would be hard to understand",
		},
		{
			"the same node in two options", rin.Cluster("root", rin.Child(age), rin.Child(name, age)),
			[]string{`child "age" is listed twice; remove one`},
			"Child may be given several times, and a node once",
		},
		{
			"two clusters of one prefix", cluster("root", cluster("a", age), cluster("a", age)),
			[]string{"key root:a:age could lie under the prefix of cluster root:a", "key root:a:age could be the same key as root:a:age"},
			"one of them was meant to be another",
		},

		{
			"hash tag beside none", cluster("root", cluster("user:{<id>}", age), cluster("user:<id>", name)), nil,
			"a value never shows a brace",
		},
		{
			"different literals", cluster("root", cluster("user:<id>", age), cluster("users:<id>", age)), nil,
			"a prefix ends with its colon",
		},
		{
			"a key that is a cluster's prefix", cluster("root", key[string]("user:<id>"), cluster("user:<id>", age)), nil,
			"it does not lie below the prefix, so clearing leaves it",
		},
		{
			"one node under several clusters", cluster("root", cluster("user:<id>", age, name), cluster("company:<id>", age, name)), nil,
			"a node is a template, a scope is a place",
		},
		{
			"the same placeholder on two paths", cluster("root", cluster("a:<id>", age), cluster("b:<id>", age)), nil,
			"the name is unique on each path",
		},
		{
			"different lengths", cluster("root", key[int]("<a>"), key[int]("<a>:<b>")), nil,
			"a value never shows a colon",
		},
		{
			"different numbers of dashes", cluster("root", key[int]("<a>-<b>"), key[int]("<a>-<b>-<c>")), nil,
			"values that are kept apart show no dash",
		},
		{
			"clusters of one prefix without keys", cluster("root", cluster("a"), cluster("a")), nil,
			"there is no key to lose",
		},
		{
			"empty root", cluster("", cluster("user:<id>", age), key[string]("motd")), nil,
			"the root holds everything, by intention",
		},
		{"an empty tree", rin.Cluster(""), nil, "it does nothing, soundly"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			checkProblems(t, problems(t, tc.root), tc.want...)
			if t.Failed() {
				t.Log(tc.reason)
			}
		})
	}
}

// here is the line that it is called from.
func here() int {
	_, _, line, _ := runtime.Caller(1)
	return line
}

func TestSchemaError_lines(t *testing.T) {
	badCluster, clusterLine := rin.Cluster("a::b"), here()
	badKey, keyLine := rin.Key[string]("b::c"), here()
	badGeneric, genericLine := rin.Key[map[string][]user]("c::d"), here()
	badOption, optionLine := rin.Key[int]("d",
		rin.TTL(0),
	), here()-2
	first, firstLine := rin.Key[int]("same"), here()
	second, secondLine := rin.Key[int]("same"), here()

	got := problems(t, rin.Cluster("root", rin.Child(badCluster, badKey, badGeneric, badOption, first, second)))
	var lines []int
	for _, p := range got {
		lines = append(lines, p.Line)
		if filepath.Base(p.File) != "check_test.go" {
			t.Errorf("problem %v is in file %q", p, p.File)
		}
	}
	want := []int{clusterLine, keyLine, genericLine, optionLine, secondLine}
	if !slices.Equal(lines, want) {
		t.Errorf("problems are at lines %v, want %v:\n%v", lines, want, got)
	}
	last := got[len(got)-1].String()
	if !strings.HasPrefix(last, fmt.Sprintf("check_test.go:%d: ", secondLine)) || !strings.Contains(last, fmt.Sprintf("check_test.go:%d", firstLine)) {
		t.Errorf("%q does not name both lines %d and %d", last, secondLine, firstLine)
	}
}

func TestSchemaError_eachProblemOnce(t *testing.T) {
	bad := rin.Key[int]("age", rin.TTL(0))
	root := rin.Cluster("root", rin.Child(rin.Cluster("a", rin.Child(bad)), rin.Cluster("b", rin.Child(bad))))
	checkProblems(t, problems(t, root), "TTL(0s) is not positive")
}

func TestSchemaError_text(t *testing.T) {
	_, err := rin.Open(brokenDeclaration(), nil, rin.PageSize(0))
	if err == nil {
		t.Fatal("the broken declaration is accepted")
	}
	golden(t, "broken.txt", err.Error()+"\n")
}

func richDeclaration() *rin.ClusterNode {
	address := rin.Cluster("address:<kind>", rin.Child(
		rin.Key[string]("street"),
		rin.Key[string]("city", rin.TTL(time.Hour)),
	))
	return rin.Cluster("root", rin.TTL(2*time.Minute), rin.Child(
		rin.Cluster("app", rin.NoTTL(), rin.Codec(codec.Gob), rin.Child(
			rin.Key[[]string]("tokens", rin.Default([]string{"a"})),
			rin.Key[map[string]int]("hits", rin.TTL(1500*time.Millisecond), rin.Jitter(0.1)),
		)),
		rin.Cluster("user:{<user_id>}", rin.Protected(), rin.Renew(rin.OnAccess), rin.Child(
			rin.Key[int]("age", rin.Default(0)),
			rin.Key[user]("profile", rin.TypeName("user.v2"), rin.OnMismatch(rin.TreatAsMissing)),
			address,
		)),
		rin.Cluster("company:<id>", rin.Plain(), rin.Child(address)),
		rin.Key[any]("anything", rin.Renew(rin.Never)),
	))
}

func TestPrintedTree(t *testing.T) {
	root := richDeclaration()
	mustOpen(t, root, memstore.New()) // What is printed is valid.
	golden(t, "tree.txt", fmt.Sprintln(root))

	empty := rin.Cluster("", rin.Child(rin.Key[string]("motd")))
	if want := "\"\"\n└── motd  string"; empty.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", empty, want)
	}
	if got := rin.Key[int]("age", rin.Default(1)).String(); got != "age  int  Default(1)" {
		t.Errorf("printed %q", got)
	}
}

func TestNode(t *testing.T) {
	age := rin.Key[int]("age:<n>")
	user := rin.Cluster("user:<id>", rin.Child(age))
	for _, tc := range []struct {
		node rin.Node
		want string
	}{{age, "age:<n>"}, {user, "user:<id>"}} {
		if got := tc.node.Pattern(); got != tc.want {
			t.Errorf("Pattern() = %q, want %q", got, tc.want)
		}
	}
}

func TestOptions_print(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
	for _, tc := range []struct {
		option fmt.Stringer
		want   string
	}{
		{rin.Child(rin.Key[int]("age"), nil, rin.Cluster("user:<id>")), "Child(age, user:<id>)"},
		{rin.TTL(90 * time.Second), "TTL(1m30s)"},
		{rin.NoTTL(), "NoTTL()"},
		{rin.TTL(rin.NoExpiry), "NoTTL()"},
		{rin.OneSlot(), "OneSlot()"},
		{rin.KeepTTL(), "KeepTTL()"},
		{rin.ExpireAt(at), "ExpireAt(2030-01-02T03:04:05.006Z)"},
		{rin.Renew(rin.OnWrite), "Renew(OnWrite)"},
		{rin.Renew(rin.OnAccess), "Renew(OnAccess)"},
		{rin.Renew(rin.Never), "Renew(Never)"},
		{rin.Renew(9), "Renew(9)"},
		{rin.Renew(-1), "Renew(-1)"},
		{rin.Jitter(0.1), "Jitter(0.1)"},
		{rin.Default(0), "Default(0)"},
		{rin.Default("x"), `Default("x")`},
		{rin.Default([]string{"a"}), `Default([]string{"a"})`},
		{rin.Codec(codec.Gob), "Codec(gob)"},
		{rin.Codec(nil), "Codec(nil)"},
		{rin.Codec((*upperCodec)(nil)), "Codec(nil)"},
		{rin.Plain(), "Plain()"},
		{rin.TypeName("user.v2"), `TypeName("user.v2")`},
		{rin.OnMismatch(rin.Fail), "OnMismatch(Fail)"},
		{rin.OnMismatch(rin.TreatAsMissing), "OnMismatch(TreatAsMissing)"},
		{rin.OnMismatch(rin.TryDecode), "OnMismatch(TryDecode)"},
		{rin.Protected(), "Protected()"},
		{rin.DryRun(), "DryRun()"},
		{rin.Force(), "Force()"},
		{rin.Registry(codec.Standard()), "Registry(…)"},
		{rin.Logger(slog.Default()), "Logger(…)"},
		{rin.PageSize(10), "PageSize(10)"},
		{rin.FromEnv(), "FromEnv()"},
		{rin.Named("user_id", 1), "user_id=1"},
		{rin.Param{Name: "user_id", Value: "1"}, "user_id=1"},
	} {
		if got := tc.option.String(); got != tc.want {
			t.Errorf("%T prints %q, want %q", tc.option, got, tc.want)
		}
	}
}

// A template opened twice gives two schemas that know nothing of each other.
func TestOpen_manyTimes(t *testing.T) {
	age := rin.Key[int]("age", rin.Default(1))
	root := rin.Cluster("root", rin.Child(age))
	one, two := mustOpen(t, root, memstore.New()), mustOpen(t, root, memstore.New())
	if err := age.At(one).Set(t.Context(), 30); err != nil {
		t.Fatal(err)
	}
	if got, err := age.At(two).Get(t.Context()); got != 1 || err != nil {
		t.Errorf("the other store says %d, %v, want the default 1", got, err)
	}
	if diff := cmp.Diff(fmt.Sprint(root), "root\n└── age  int  Default(1)"); diff != "" {
		t.Errorf("opening changed the declaration:\n%s", diff)
	}
}

// upperCodec is a codec that no standard registry has.
type upperCodec struct{ name string }

func (c *upperCodec) Name() string {
	if c.name != "" {
		return c.name
	}
	return "upper"
}

func (c *upperCodec) Append(dst []byte, v any) ([]byte, error) { return codec.JSON.Append(dst, v) }
func (c *upperCodec) Decode(data []byte, v any) error          { return codec.JSON.Decode(data, v) }

type user struct {
	Name string
	Age  int
	Tags []string
}
