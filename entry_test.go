package rin_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/memstore"
)

// kind is a value of one type on its way through a store.
type kind struct {
	name   string
	node   rin.Node
	stored string
	check  func(*testing.T, *rin.Scope)
}

// holds is the kind of T: first and second are written, read, swapped and taken.
func holds[T any](name string, first, second T, stored string, opts ...rin.KeyOption) kind {
	key := rin.Key[T](name, opts...)
	return kind{name, key, stored, func(t *testing.T, root *rin.Scope) { checkLife(t, key.At(root), first, second) }}
}

// checkLife takes an entry through every operation on values.
func checkLife[T any](t *testing.T, e rin.Entry[T], first, second T) {
	t.Helper()
	ctx := t.Context()
	var none T
	want := func(what string, got, want any, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateComparable(netip.Addr{})); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
		}
	}
	wantBool := func(what string, got, want bool, err error) {
		t.Helper()
		if got != want || err != nil {
			t.Errorf("%s: %v, %v, want %v", what, got, err, want)
		}
	}
	got, err := e.Get(ctx)
	if !errors.Is(err, rin.ErrNotFound) {
		t.Errorf("get of a missing key: %v, %v, want ErrNotFound", got, err)
	}
	got, found, err := e.Lookup(ctx)
	want("lookup of a missing key", got, none, err)
	wantBool("lookup of a missing key", found, false, err)
	typ, err := e.Type(ctx)
	want("type of a missing key", typ, "", err)
	raw, found, err := e.Raw(ctx)
	want("raw of a missing key", raw, []byte(nil), err)
	wantBool("raw of a missing key", found, false, err)
	ok, err := e.Exists(ctx)
	wantBool("exists of a missing key", ok, false, err)
	ok, err = e.SetIfPresent(ctx, first)
	wantBool("set if present of a missing key", ok, false, err)
	old, found, err := e.Take(ctx)
	want("take of a missing key", old, none, err)
	wantBool("take of a missing key", found, false, err)

	ok, err = e.SetIfAbsent(ctx, first)
	wantBool("set if absent of a missing key", ok, true, err)
	ok, err = e.SetIfAbsent(ctx, second)
	wantBool("set if absent of a key that is there", ok, false, err)
	got, err = e.Get(ctx)
	want("get", got, first, err)
	got, found, err = e.Lookup(ctx)
	want("lookup", got, first, err)
	wantBool("lookup", found, true, err)
	ok, err = e.Exists(ctx)
	wantBool("exists", ok, true, err)

	old, found, err = e.Swap(ctx, second)
	want("swap", old, first, err)
	wantBool("swap", found, true, err)
	ok, err = e.SetIfPresent(ctx, first)
	wantBool("set if present", ok, true, err)
	got, err = e.Get(ctx)
	want("get after set if present", got, first, err)
	if err := e.Set(ctx, second); err != nil {
		t.Errorf("set: %v", err)
	}
	old, found, err = e.Take(ctx)
	want("take", old, second, err)
	wantBool("take", found, true, err)
	old, found, err = e.Swap(ctx, second)
	want("swap of a missing key", old, none, err)
	wantBool("swap of a missing key", found, false, err)
	ok, err = e.Delete(ctx)
	wantBool("delete", ok, true, err)
	ok, err = e.Delete(ctx)
	wantBool("delete of a missing key", ok, false, err)

	if err := e.Set(ctx, first); err != nil {
		t.Errorf("set at last: %v", err)
	}
}

func TestEntry_values(t *testing.T) {
	var (
		text  = "a\x00b\r\n~json:x:\xFF世"
		when  = time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)
		addr  = netip.MustParseAddr("2001:db8::1")
		ann   = user{"Ann", 30, []string{"a", "b"}}
		bob   = user{Name: "Bob"}
		kinds = []kind{
			holds("int", 30, -1, "~text:int:30"),
			holds[int8]("int8", math.MinInt8, math.MaxInt8, "~text:int8:-128"),
			holds[int16]("int16", math.MinInt16, 0, "~text:int16:-32768"),
			holds[int32]("int32", math.MinInt32, 0, "~text:int32:-2147483648"),
			holds[int64]("int64", math.MinInt64, math.MaxInt64, "~text:int64:-9223372036854775808"),
			holds[uint]("uint", 1, 2, "~text:uint:1"),
			holds[uint8]("uint8", 255, 0, "~text:uint8:255"),
			holds[uint16]("uint16", math.MaxUint16, 0, "~text:uint16:65535"),
			holds[uint32]("uint32", math.MaxUint32, 0, "~text:uint32:4294967295"),
			holds[uint64]("uint64", math.MaxUint64, 0, "~text:uint64:18446744073709551615"),
			holds[float32]("float32", 0.1, -1, "~text:float32:0.1"),
			holds("float64", 0.1, math.Inf(-1), "~text:float64:0.1"),
			holds("nan", math.NaN(), 0, "~text:float64:NaN"),
			holds("bool", true, false, "~text:bool:true"),
			holds("string", text, "", "~text:string:"+text),
			holds("bytes", []byte(text), []byte{}, "~text:bytes:"+text),
			holds("struct", ann, bob, `~json:struct:{"Name":"Ann","Age":30,"Tags":["a","b"]}`),
			holds("slice", []string{"<a>", "b"}, []string{}, `~json:[]string:["<a>","b"]`),
			holds("map", map[string]int{"a": 1}, map[string]int{}, `~json:map[string]int:{"a":1}`),
			holds("time", when, when.Add(time.Hour), "~text:time:2026-01-02T03:04:05.6Z"),
			holds("duration", 90*time.Second, -time.Nanosecond, "~text:duration:1m30s"),
			holds("addr", addr, netip.MustParseAddr("10.0.0.1"), "~text:text:2001:db8::1"),
			holds("pointer", &ann, &bob, `~json:struct:{"Name":"Ann","Age":30,"Tags":["a","b"]}`),
			holds("pointer to int", new(30), new(0), "~text:int:30"),
			holds[userID]("named int", 7, 8, "~text:int64:7"),
			holds[any]("any int", 7, "text", "~text:int:7"),
			holds[any]("any map", map[string]int{"a": 1}, true, `~json:map[string]int:{"a":1}`),
			holds("named", ann, bob, `~json:user.v2:{"Name":"Ann","Age":30,"Tags":["a","b"]}`, rin.TypeName("user.v2")),
			holds("plain int", 30, -1, "30", rin.Plain()),
			holds("plain string", text, "", text, rin.Plain()),
			holds("plain struct", ann, bob, `{"Name":"Ann","Age":30,"Tags":["a","b"]}`, rin.Plain()),
			holds("large", strings.Repeat("x", 1<<20), "small", "~text:string:"+strings.Repeat("x", 1<<20)),
		}
		nodes []rin.Node
	)
	for _, k := range kinds {
		nodes = append(nodes, k.node)
	}
	tree := rin.Cluster("root", rin.Child(nodes...))
	onEveryBackend(t, func(t *testing.T, r rig) {
		root := mustOpen(t, tree, r)
		for _, k := range kinds {
			t.Run(k.name, func(t *testing.T) {
				k.check(t, root)
				if got := look(t, r, "root:"+k.name).Value; got != k.stored {
					t.Errorf("stored %.100q, want %.100q", got, k.stored)
				}
			})
		}
	})
}

func TestEntry_type(t *testing.T) {
	var (
		age   = rin.Key[int]("age")
		ann   = rin.Key[user]("ann", rin.TypeName("user.v2"))
		plain = rin.Key[[]string]("plain", rin.Plain())
		some  = rin.Key[any]("any")
		root  = mustOpen(t, rin.Cluster("root", rin.Child(age, ann, plain, some)), memstore.New())
		ctx   = t.Context()
	)
	for _, set := range []error{
		age.At(root).Set(ctx, 1), ann.At(root).Set(ctx, user{}), plain.At(root).Set(ctx, nil), some.At(root).Set(ctx, time.Second),
	} {
		if set != nil {
			t.Fatal(set)
		}
	}
	for _, tc := range []struct {
		typ    func(context.Context) (string, error)
		want   string
		reason string
	}{
		{age.At(root).Type, "int", "the tag of the stored type"},
		{ann.At(root).Type, "user.v2", "the name that was given"},
		{plain.At(root).Type, "[]string", "without a header the declared type is all there is"},
		{some.At(root).Type, "duration", "each value has a type of its own"},
	} {
		if got, err := tc.typ(ctx); got != tc.want || err != nil {
			t.Errorf("Type() = %q, %v, want %q: %s", got, err, tc.want, tc.reason)
		}
	}
}

func TestEntry_defaults(t *testing.T) {
	var (
		age    = rin.Key[int64]("age", rin.Default(18))
		tags   = rin.Key[[]string]("tags", rin.Default([]string{"a", "b"}))
		byName = rin.Key[map[string][]int]("by_name", rin.Default(map[string][]int{"x": {1}}))
		boss   = rin.Key[*user]("boss", rin.Default(&user{Name: "Ann", Tags: []string{"t"}}))
		blob   = rin.Key[[]byte]("blob", rin.Default([]byte("blob")))
		some   = rin.Key[any]("any", rin.Default([]string{"x"}))
		tree   = rin.Cluster("root", rin.Child(age, tags, byName, boss, blob, some))
	)
	onEveryBackend(t, func(t *testing.T, r rig) {
		root, ctx := mustOpen(t, tree, r), t.Context()
		for range 2 { // what the first reader does must not reach the second
			if got, err := age.At(root).Get(ctx); got != 18 || err != nil {
				t.Errorf("age is %d, %v, want the default", got, err)
			}
			list, err := tags.At(root).Get(ctx)
			if diff := cmp.Diff([]string{"a", "b"}, list); diff != "" || err != nil {
				t.Errorf("tags: %v\n%s", err, diff)
			}
			list[0] = "spoilt"
			m, err := byName.At(root).Get(ctx)
			if diff := cmp.Diff(map[string][]int{"x": {1}}, m); diff != "" || err != nil {
				t.Errorf("by_name: %v\n%s", err, diff)
			}
			m["x"][0], m["y"] = 9, nil
			p, err := boss.At(root).Get(ctx)
			if diff := cmp.Diff(&user{Name: "Ann", Tags: []string{"t"}}, p); diff != "" || err != nil {
				t.Errorf("boss: %v\n%s", err, diff)
			}
			p.Name, p.Tags[0] = "spoilt", "spoilt"
			b, err := blob.At(root).Get(ctx)
			if string(b) != "blob" || err != nil {
				t.Errorf("blob: %q, %v", b, err)
			}
			b[0] = 'X'
			x, err := some.At(root).Get(ctx)
			if diff := cmp.Diff(any([]string{"x"}), x); diff != "" || err != nil {
				t.Errorf("any: %v\n%s", err, diff)
			}
			x.([]string)[0] = "spoilt"
		}
		if _, found, err := age.At(root).Lookup(ctx); found || err != nil {
			t.Errorf("lookup: %v, %v; defaults play no part in it", found, err)
		}
		if left := keys(t, r); len(left) > 0 {
			t.Errorf("reading defaults stored %v", left)
		}
	})
}

// What the opener does to its slice later does not reach the default.
func TestEntry_defaultIsNotTheCallersSlice(t *testing.T) {
	mine := []string{"a"}
	tags := rin.Key[[]string]("tags", rin.Default(mine))
	root := mustOpen(t, rin.Cluster("root", rin.Child(tags)), memstore.New())
	mine[0] = "spoilt"
	if got, err := tags.At(root).Get(t.Context()); err != nil || got[0] != "a" {
		t.Errorf("the default is %v, %v, want [a]", got, err)
	}
}

type (
	flat   struct{ X, Y int }
	deep   struct{ In struct{ List []int } }
	cached struct {
		Name string
		Hits int `json:"-"`
	}
)

// A default is copied as deep as it must be, and no deeper than it need be.
func TestEntry_defaultsOfCompositeTypes(t *testing.T) {
	var (
		point = rin.Key[flat]("point", rin.Default(flat{1, 2}))
		nest  = rin.Key[deep]("nest", rin.Default(deep{struct{ List []int }{[]int{1}}}))
		row   = rin.Key[[2][]int]("row", rin.Default([2][]int{{1}, {2}}))
		grid  = rin.Key[[2]flat]("grid", rin.Default([2]flat{{1, 2}, {3, 4}}))
		hits  = rin.Key[cached]("hits", rin.Default(cached{"x", 3}))
		root  = mustOpen(t, rin.Cluster("root", rin.Child(point, nest, row, grid, hits)), memstore.New())
		ctx   = t.Context()
	)
	for range 2 { // what the first reader does must not reach the second
		if p, err := point.At(root).Get(ctx); p != (flat{1, 2}) || err != nil {
			t.Errorf("point: %v, %v", p, err)
		}
		n, err := nest.At(root).Get(ctx)
		if len(n.In.List) != 1 || n.In.List[0] != 1 || err != nil {
			t.Fatalf("nest: %v, %v", n, err)
		}
		n.In.List[0] = 9
		r, err := row.At(root).Get(ctx)
		if r[1][0] != 2 || err != nil {
			t.Fatalf("row: %v, %v", r, err)
		}
		r[1][0] = 9
		if g, err := grid.At(root).Get(ctx); g != [2]flat{{1, 2}, {3, 4}} || err != nil {
			t.Errorf("grid: %v, %v", g, err)
		}
		if c, err := hits.At(root).Get(ctx); c != (cached{"x", 3}) || err != nil {
			t.Errorf("hits: %v, %v: what needs no copy comes whole", c, err)
		}
	}
}

// misread is a stored value that is not what is declared.
type misread struct {
	name   string
	stored string
	read   func(*rin.Scope) error
	want   error // nil: it can be read
	text   string
	reason string
}

func TestEntry_misreads(t *testing.T) {
	var (
		age   = rin.Key[int]("age")
		small = rin.Key[int8]("small")
		count = rin.Key[uint]("count")
		ratio = rin.Key[float32]("ratio")
		name  = rin.Key[string]("name")
		ann   = rin.Key[user]("ann")
		tags  = rin.Key[[]string]("tags")
		some  = rin.Key[any]("some")
		plain = rin.Key[int]("plain", rin.Plain())
		one   = rin.Cluster("user:<id>", rin.Child(age, small, count, ratio, name, ann, tags, some, plain))
		tree  = rin.Cluster("root", rin.Child(one))
	)
	cases := []misread{
		{
			"another type", "~text:string:30", get(age), rin.ErrWrongType, "rin: get root:user:42:age: stored value has another type: stored string, want int",
			"the text is the one that the style page shows",
		},
		{"a struct for an int", "~json:struct:{}", get(age), rin.ErrWrongType, "stored struct, want int", "both types are named"},
		{"a float for an int", "~text:float64:3", get(age), rin.ErrWrongType, "stored float64, want int", "numbers are converted within their family only"},
		{"an int for a float", "~text:int:3", get(ratio), rin.ErrWrongType, "stored int, want float32", "numbers are converted within their family only"},
		{"a slice of another type", "~json:[]int:[1]", get(tags), rin.ErrWrongType, "stored []int, want []string", "the element type counts"},
		{"a named type for a struct", "~json:user.v2:{}", get(ann), rin.ErrWrongType, "stored user.v2, want struct", "a name was given for a reason"},
		{"an int64 for an int", "~text:int64:-7", get(age), nil, "", "an integer is converted if it fits"},
		{"an int8 for a uint", "~text:int8:7", get(count), nil, "", "an integer is converted if it fits"},
		{"too large for an int8", "~text:int:300", get(small), rin.ErrWrongType, "stored int, want int8: the number does not fit", "it says why"},
		{"negative for a uint", "~text:int:-1", get(count), rin.ErrWrongType, "stored int, want uint", "it does not fit"},
		{"a float64 for a float32", "~text:float64:0.5", get(ratio), nil, "", "a float is converted if it fits"},
		{"too precise for a float32", "~text:float64:16777217", get(ratio), rin.ErrWrongType, "stored float64, want float32: the number does not fit", "it would be another number"},
		{"foreign digits", "30", get(age), rin.ErrForeign, "declare keys that other programs write with rin.Plain()", "the remedy is named"},
		{"foreign emptiness", "", get(name), rin.ErrForeign, "stored value has no rin header", "rin never writes nothing"},
		{"cut short in the header", "~text:in", get(age), rin.ErrMalformed, "stored value is damaged: its header has no end", "a torn value is no value"},
		{"cut short in the payload", "~text:int:", get(age), rin.ErrMalformed, "stored value is damaged: text payload of int", "a torn value is no value"},
		{"cut short JSON", `~json:struct:{"Name":"A`, get(ann), rin.ErrMalformed, "json payload of struct", "a torn value is no value"},
		{"no codec", "~:int:30", get(age), rin.ErrMalformed, "names no codec or no type", "a header says both"},
		{"unknown codec", "~zstd:struct:x", get(ann), rin.ErrUnknownCodec, `codec "zstd", which the registry does not have; give the codec to codec.NewRegistry`, "the remedy is named"},
		{"unknown type of an any", "~json:user.v9:{}", get(some), codec.ErrUnknownType, `no Go type goes by "user.v9"`, "a tag without a type"},
		{"plain that is no number", "x", get(plain), rin.ErrMalformed, "stored value is damaged", "a decode error is never a miss"},
		{"plain", "30", get(plain), nil, "", "that is what plain is for"},
		{"type of a foreign value", "30", typeOf(age), rin.ErrForeign, "rin: type root:user:42:age: stored value has no rin header", "there is no type to tell"},
		{"lookup", "~text:string:30", lookup(age), rin.ErrWrongType, "rin: lookup root:user:42:age: ", "every read checks"},
	}
	onEveryBackend(t, func(t *testing.T, r rig) {
		root := mustOpen(t, tree, r)
		scope := one.At(root, 42)
		for _, tc := range cases {
			t.Run(tc.name, func(t *testing.T) {
				for _, n := range []string{"age", "small", "count", "ratio", "name", "ann", "tags", "some", "plain"} {
					put(t, r, "root:user:42:"+n, tc.stored)
				}
				err := tc.read(scope)
				var op *rin.OpError
				switch {
				case tc.want == nil && err == nil:
				case tc.want == nil || !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text):
					t.Errorf("reading %q: %v, want %v about %q: %s", tc.stored, err, tc.want, tc.text, tc.reason)
				case !errors.As(err, &op) || !strings.HasPrefix(op.Pattern, "root:user:<id>:"):
					t.Errorf("%#v does not name the pattern", err)
				}
				if got := look(t, r, "root:user:42:age").Value; got != tc.stored {
					t.Errorf("reading changed %q to %q", tc.stored, got)
				}
			})
		}
	})
}

func get[T any](k *rin.KeyOf[T]) func(*rin.Scope) error {
	return func(s *rin.Scope) error { _, err := k.At(s).Get(context.Background()); return err }
}

func lookup[T any](k *rin.KeyOf[T]) func(*rin.Scope) error {
	return func(s *rin.Scope) error { _, _, err := k.At(s).Lookup(context.Background()); return err }
}

func typeOf[T any](k *rin.KeyOf[T]) func(*rin.Scope) error {
	return func(s *rin.Scope) error { _, err := k.At(s).Type(context.Background()); return err }
}

// Swap and Take have done their work by the time that the old value turns out to
// be of another type.
func TestEntry_misreadsWhatItReplaces(t *testing.T) {
	age := rin.Key[int]("age")
	onEveryBackend(t, func(t *testing.T, r rig) {
		e, ctx := age.At(mustOpen(t, rin.Cluster("root", rin.Child(age)), r)), t.Context()
		put(t, r, "root:age", "~text:string:x")
		if old, existed, err := e.Swap(ctx, 5); old != 0 || !existed || !errors.Is(err, rin.ErrWrongType) {
			t.Errorf("swap: %d, %v, %v", old, existed, err)
		}
		if got, err := e.Get(ctx); got != 5 || err != nil {
			t.Errorf("the new value is %d, %v, want 5", got, err)
		}
		put(t, r, "root:age", "~text:string:x")
		if old, found, err := e.Take(ctx); old != 0 || !found || !errors.Is(err, rin.ErrWrongType) {
			t.Errorf("take: %d, %v, %v", old, found, err)
		}
		if found, err := e.Exists(ctx); found || err != nil {
			t.Errorf("after take the key is there: %v, %v", found, err)
		}
	})
}

func TestEntry_wrongKind(t *testing.T) {
	age := rin.Key[int]("age", rin.Default(1), rin.TTL(time.Hour))
	tree := rin.Cluster("root", rin.Child(age))
	onEveryBackend(t, func(t *testing.T, r rig) {
		e, ctx := age.At(mustOpen(t, tree, r)), t.Context()
		ops := entryOps(e)
		r.list("root:age")
		for _, op := range []string{"get", "lookup", "swap", "take", "type", "raw"} {
			if err := ops[op](ctx); !errors.Is(err, rin.ErrWrongKind) {
				t.Errorf("%s of a list: %v, want ErrWrongKind", op, err)
			}
			if left, err := e.TTL(ctx); left != rin.NoExpiry || err != nil {
				t.Errorf("after %s the list has a TTL of %v, %v, want none", op, left, err)
			}
		}
		if ok, err := e.SetIfAbsent(ctx, 1); ok || err != nil {
			t.Errorf("set if absent: %v, %v; the key is there, whatever it holds", ok, err)
		}
		if ok, err := e.Exists(ctx); !ok || err != nil {
			t.Errorf("exists: %v, %v; the key is there, whatever it holds", ok, err)
		}
		if ok, err := e.Expire(ctx, time.Minute); !ok || err != nil {
			t.Errorf("expire: %v, %v; any key can expire", ok, err)
		}
		if err := e.Set(ctx, 2); err != nil {
			t.Errorf("set: %v; it replaces whatever the key holds", err)
		}
		if got, err := e.Get(ctx); got != 2 || err != nil {
			t.Errorf("get: %d, %v", got, err)
		}
	})
}

func TestOnMismatch(t *testing.T) {
	for _, tc := range []struct {
		name   string
		what   rin.Mismatch
		stored string
		want   int
		found  bool
		err    error
		reason string
	}{
		{"fail, another type", rin.Fail, "~text:string:30", 0, true, rin.ErrWrongType, "the default is to fail"},
		{"fail, foreign", rin.Fail, "30", 0, true, rin.ErrForeign, "the default is to fail"},
		{"missing, another type", rin.TreatAsMissing, "~text:string:30", 0, false, nil, "a cache may start anew"},
		{"missing, damaged", rin.TreatAsMissing, "~text:int:x", 0, true, rin.ErrMalformed, "a decode error is never a miss"},
		{"missing, foreign", rin.TreatAsMissing, "30", 0, true, rin.ErrForeign, "a stranger's value is not another version of ours"},
		{"missing, right type", rin.TreatAsMissing, "~text:int:30", 30, true, nil, "it is there"},
		{"try, another type that fits", rin.TryDecode, "~text:string:30", 30, true, nil, "the payload decides"},
		{"try, another type that does not", rin.TryDecode, "~text:string:x", 0, true, rin.ErrWrongType, "the payload decides"},
		{"try, foreign", rin.TryDecode, "30", 30, true, nil, "as if it were plain"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// The option is inherited.
			age := rin.Key[int]("age", rin.Default(7))
			b, ctx := memstore.New(), t.Context()
			e := age.At(mustOpen(t, rin.Cluster("root", rin.OnMismatch(tc.what), rin.Child(age)), b))
			put(t, b, "root:age", tc.stored)
			got, found, err := e.Lookup(ctx)
			if got != tc.want || found != tc.found || !errors.Is(err, tc.err) {
				t.Errorf("lookup: %d, %v, %v, want %d, %v, %v: %s", got, found, err, tc.want, tc.found, tc.err, tc.reason)
			}
			got, err = e.Get(ctx)
			if want := map[bool]int{true: tc.want, false: 7}[tc.found]; got != want || !errors.Is(err, tc.err) {
				t.Errorf("get: %d, %v, want %d, %v: %s", got, err, want, tc.err, tc.reason)
			}
		})
	}
}

// The codec of a key can be changed while old values are still there.
func TestCodec_change(t *testing.T) {
	var (
		before = rin.Key[user]("u", rin.Codec(codec.Gob))
		after  = rin.Key[user]("u")
		ann    = user{"Ann", 30, []string{"a"}}
	)
	onEveryBackend(t, func(t *testing.T, r rig) {
		old := before.At(mustOpen(t, rin.Cluster("root", rin.Child(before)), r))
		now := after.At(mustOpen(t, rin.Cluster("root", rin.Child(after)), r))
		ctx := t.Context()
		if err := old.Set(ctx, ann); err != nil {
			t.Fatal(err)
		}
		if got := look(t, r, "root:u").Value; !strings.HasPrefix(got, "~gob:struct:") {
			t.Errorf("stored %q, want it written by gob", got)
		}
		got, existed, err := now.Swap(ctx, ann)
		if diff := cmp.Diff(ann, got); diff != "" || !existed || err != nil {
			t.Errorf("JSON's key reads gob's value: %v, %v\n%s", existed, err, diff)
		}
		if got := look(t, r, "root:u").Value; !strings.HasPrefix(got, "~json:struct:") {
			t.Errorf("stored %q, want it written by json", got)
		}
		got, err = old.Get(ctx)
		if diff := cmp.Diff(ann, got); diff != "" || err != nil {
			t.Errorf("gob's key reads JSON's value: %v\n%s", err, diff)
		}
	})
}

func TestRegistry(t *testing.T) {
	var (
		upper = &upperCodec{}
		reg   = codec.NewRegistry(upper, codec.JSON)
		one   = rin.Key[user]("one")
		list  = rin.Key[[]user]("list", rin.Codec(codec.JSON))
		some  = rin.Key[any]("some")
		tree  = rin.Cluster("root", rin.Child(one, list, some))
		b     = memstore.New()
		ctx   = t.Context()
	)
	codec.Name[user](reg, "user.v2")
	root := mustOpen(t, tree, b, rin.Registry(reg))
	for _, err := range []error{
		one.At(root).Set(ctx, user{Name: "Ann"}), list.At(root).Set(ctx, []user{{Name: "Bob"}}), some.At(root).Set(ctx, user{Name: "Eve"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for key, want := range map[string]string{
		"root:one":  `~upper:user.v2:{"Name":"Ann","Age":0,"Tags":null}`,
		"root:list": `~json:[]user.v2:[{"Name":"Bob","Age":0,"Tags":null}]`,
		"root:some": `~upper:user.v2:{"Name":"Eve","Age":0,"Tags":null}`,
	} {
		if got := look(t, b, key).Value; got != want {
			t.Errorf("%s holds %s, want %s", key, got, want)
		}
	}
	if got, err := some.At(root).Get(ctx); err != nil || !cmp.Equal(got, any(user{Name: "Eve"})) {
		t.Errorf("any came back as %#v, %v", got, err)
	}
	without := mustOpen(t, rin.Cluster("root", rin.Child(one)), b)
	if _, err := one.At(without).Get(ctx); !errors.Is(err, rin.ErrUnknownCodec) {
		t.Errorf("without the codec: %v, want ErrUnknownCodec", err)
	}
}

// unwritable fails or succeeds to be written, as told.
type unwritable struct{ Err string }

func (u unwritable) MarshalJSON() ([]byte, error) {
	if u.Err != "" {
		return nil, errors.New(u.Err)
	}
	return []byte("{}"), nil
}

func (*unwritable) UnmarshalJSON([]byte) error { return nil }

// A call that fails leaves the value and its TTL as they were.
func TestBadInputChangesNothing(t *testing.T) {
	var (
		ptr   = rin.Key[*user]("ptr")
		bad   = rin.Key[unwritable]("bad")
		some  = rin.Key[any]("some")
		when  = rin.Key[time.Time]("when")
		scope = rin.Cluster("u:<id>", rin.TTL(time.Hour), rin.Child(ptr, bad, some, when))
		tree  = rin.Cluster("root", rin.Child(scope))
		names = []string{"root:u:1:ptr", "root:u:1:bad", "root:u:1:some", "root:u:1:when"}
		year  = time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)
		past  = time.Now().Add(-time.Hour)
	)
	onEveryBackend(t, func(t *testing.T, r rig) {
		one, ctx := scope.At(mustOpen(t, tree, r), 1), t.Context()
		p, b, s, w := ptr.At(one), bad.At(one), some.At(one), when.At(one)
		calls := map[string]func() error{
			"nil pointer":          func() error { return p.Set(ctx, nil) },
			"nil pointer, swap":    func() error { _, _, err := p.Swap(ctx, nil); return err },
			"nil pointer, absent":  func() error { _, err := p.SetIfAbsent(ctx, nil); return err },
			"nil pointer, present": func() error { _, err := p.SetIfPresent(ctx, nil); return err },
			"failing encoder":      func() error { return b.Set(ctx, unwritable{"no"}) },
			"nil any":              func() error { return s.Set(ctx, nil) },
			"any without a name":   func() error { return s.Set(ctx, user{}) },
			"any that is a chan":   func() error { return s.Set(ctx, make(chan int)) },
			"year 12345":           func() error { return w.Set(ctx, year) },
			"TTL of zero":          func() error { return p.Set(ctx, &user{}, rin.TTL(0)) },
			"negative TTL":         func() error { _, _, err := p.Swap(ctx, &user{}, rin.TTL(-1)); return err },
			"past":                 func() error { return p.Set(ctx, &user{}, rin.ExpireAt(past)) },
			"zero time":            func() error { return p.Set(ctx, &user{}, rin.ExpireAt(time.Time{})) },
			"nil option":           func() error { return p.Set(ctx, &user{}, nil) },
			"bad option first":     func() error { return p.Set(ctx, &user{}, rin.TTL(0), rin.TTL(time.Minute)) },
			"expire by zero":       func() error { _, err := p.Expire(ctx, 0); return err },
			"expire by less":       func() error { _, err := p.Expire(ctx, -time.Second); return err },
			"expire in the past":   func() error { _, err := p.ExpireAt(ctx, past); return err },
			"nil clear option":     func() error { _, err := one.Clear(ctx, nil); return err },
		}
		for name, call := range calls {
			t.Run(name, func(t *testing.T) {
				for _, key := range names {
					seed := &backend.Set{Key: key, Value: []byte("before"), TTL: 30 * time.Minute}
					if err := r.Exec(ctx, seed); err != nil {
						t.Fatal(err)
					}
				}
				err := call()
				if op := (*rin.OpError)(nil); !errors.As(err, &op) || op.Op == "" || !strings.HasPrefix(op.Pattern, "root:u:<id>") {
					t.Fatalf("the call returned %#v, want an *OpError", err)
				}
				for _, key := range names {
					got := look(t, r, key)
					if got.Value != "before" || got.Left > 30*time.Minute || got.Left < 29*time.Minute {
						t.Errorf("%s is now %+v, after %v", key, got, err)
					}
				}
			})
		}
		t.Run("wrongly typed reads", func(t *testing.T) {
			for op, err := range map[string]error{"get": get(ptr)(one), "lookup": get(some)(one), "type": typeOf(bad)(one)} {
				if !errors.Is(err, rin.ErrForeign) {
					t.Errorf("%s: %v, want ErrForeign", op, err)
				}
			}
			if got := look(t, r, names[0]); got.Value != "before" || got.Left > 30*time.Minute {
				t.Errorf("reading changed it to %+v", got)
			}
		})
	})
}

func TestOpError(t *testing.T) {
	for _, tc := range []struct {
		err    rin.OpError
		want   string
		reason string
	}{
		{rin.OpError{Op: "get", Pattern: "u:<id>", Key: "u:1", Err: rin.ErrNotFound}, "rin: get u:1: not found", "the key says more than its pattern"},
		{rin.OpError{Op: "at", Pattern: "u:<id>", Err: rin.ErrMissingParam}, "rin: at u:<id>: missing parameter", "without a key the pattern has to do"},
		{rin.OpError{Op: "clear", Err: rin.ErrUnscoped}, "rin: clear: " + rin.ErrUnscoped.Error(), "an empty scope has neither"},
		{rin.OpError{Op: "get", Key: "u:a  b\u00a0:age", Err: rin.ErrNotFound}, "rin: get u:a  b\u00a0:age: not found", "a key is shown as it is, spaces and all"},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("%q, want %q: %s", got, tc.want, tc.reason)
		}
		if !errors.Is(&tc.err, tc.err.Err) {
			t.Errorf("%v is not what it wraps", &tc.err)
		}
	}
}

// What operations say when they fail, all of it in one place.
func TestOpError_texts(t *testing.T) {
	var (
		age   = rin.Key[int]("age")
		some  = rin.Key[any]("some")
		safe  = rin.Cluster("safe", rin.Protected(), rin.Child(age))
		one   = rin.Cluster("user:<id>", rin.Child(age, some))
		tree  = rin.Cluster("root", rin.Child(one, safe))
		all   = rin.Cluster("", rin.Child(tree))
		b     = memstore.New()
		ctx   = t.Context()
		root  = mustOpen(t, all, b)
		e     = age.At(one.At(root, 42))
		text  strings.Builder
		print = func(err error) { fmt.Fprintln(&text, err) }
		twice = func(_ any, err error) { print(err) }
	)
	twice(e.Get(ctx))
	twice(e.TTL(ctx))
	put(t, b, "root:user:42:age", "~text:string:x")
	twice(e.Get(ctx))
	put(t, b, "root:user:42:age", "30")
	twice(e.Get(ctx))
	put(t, b, "root:user:42:age", "~zip:int:30")
	twice(e.Get(ctx))
	put(t, b, "root:user:42:age", "~text:int:x")
	twice(e.Get(ctx))
	print(e.Set(ctx, 1, rin.TTL(0)))
	print(e.Set(ctx, 1, nil))
	print(e.Set(ctx, 1, rin.ExpireAt(time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC))))
	twice(e.Expire(ctx, 0))
	twice(e.ExpireAt(ctx, time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)))
	print(some.At(one.At(root, 42)).Set(ctx, user{}))
	print(some.At(one.At(root, 42)).Set(ctx, nil))
	twice(root.Clear(ctx))
	twice(safe.At(root).Clear(ctx))
	twice(tree.At(root).Clear(ctx))
	twice(safe.At(root).Clear(ctx, nil))
	twice(root.Parse("root:nobody"))
	twice(one.At(root, 42).Parse("root:user:4:age"))
	golden(t, "errors.txt", text.String())
}
