package rin_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/internal/pattern"
	"github.com/redisimnest/rin/memstore"
)

// fruit has a text for people, which may change, and a number, which may not.
type fruit int

func (f fruit) String() string { return [...]string{"apple", "pear"}[f] }

// colour has no kind that could stand in a key, but a text.
type colour struct{ name string }

func (c colour) String() string { return c.name }

// token writes itself as text.
type token struct {
	text string
	err  error
}

func (t token) MarshalText() ([]byte, error) { return []byte(t.text), t.err }

// bomb panics where it should write itself.
type bomb struct{}

func (bomb) MarshalText() ([]byte, error) { panic("boom") }

type digest [2]byte

// amsterdam has an offset with seconds, as it had until 1937.
var amsterdam = time.FixedZone("AMT", 19*60+32)

// visit writes itself as the time that it embeds.
type visit struct{ time.Time }

// pageAt would write itself as its time only, and colourOn as its colour.
type (
	pageAt struct {
		time.Time
		Page string
	}
	colourOn struct {
		fmt.Stringer
		On string
	}
)

// day is a time that writes itself as a date.
type day struct{ time.Time }

func (d day) MarshalText() ([]byte, error) { return []byte(d.Format(time.DateOnly)), nil }

func TestAt_renders(t *testing.T) {
	v := rin.Key[int]("<v>")
	root := mustOpen(t, rin.Cluster("k", rin.Child(v)), memstore.New())
	for _, tc := range []struct {
		want   string
		param  any
		reason string
	}{
		{"k:alice", "alice", "a plain string stays readable"},
		{"k:Ren é 世界", "Ren é 世界", "so does whatever is printable"},
		{"k:a%3Ab", "a:b", "a parameter may not forge another path segment"},
		{"k:50%25", "50%", "an escape may not be forged"},
		{"k:%7B1%7D", "{1}", "a parameter may not choose the slot"},
		{`k:*?[a-z]\^`, `*?[a-z]\^`, "glob characters mean nothing in a key"},
		{"k:%00%FF", "\x00\xFF", "every byte can be written"},
		{"k:%FF%00", []byte{0xFF, 0}, "bytes are text without an encoding"},
		{"k:alice", userName("alice"), "a named string is a string"},
		{"k:-128", int8(-128), "an integer is its digits"},
		{"k:-32768", int16(math.MinInt16), "an integer is its digits"},
		{"k:-2147483648", int32(math.MinInt32), "an integer is its digits"},
		{"k:-9223372036854775808", int64(math.MinInt64), "the longest integer there is"},
		{"k:-1", -1, "an integer is its digits"},
		{"k:255", uint8(255), "an integer is its digits"},
		{"k:65535", uint16(math.MaxUint16), "an integer is its digits"},
		{"k:4294967295", uint32(math.MaxUint32), "an integer is its digits"},
		{"k:18446744073709551615", uint64(math.MaxUint64), "an integer is its digits"},
		{"k:7", uint(7), "an integer is its digits"},
		{"k:7", uintptr(7), "an integer is its digits"},
		{"k:42", userID(42), "a named integer is an integer"},
		{"k:1", fruit(1), "the kind comes before String, whose text may change"},
		{"k:true", true, "a bool is true or false"},
		{"k:false", flag8(false), "a named bool is a bool"},
		{"k:red", colour{"red"}, "a Stringer of no better kind"},
		{"k:10.0.0.1", netip.MustParseAddr("10.0.0.1"), "a TextMarshaler"},
		{"k:%3A%3A1", netip.MustParseAddr("::1"), "the text is escaped too"},
		{"k:2026-01-02T03%3A04%3A05Z", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "a time is RFC 3339"},
		{"k:2026-01-02T03%3A04%3A05+05%3A30", time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("IST", 5*3600+1800)), "an offset in minutes is part of RFC 3339"},
		{"k:2026-01-01", day{time.Date(2026, 1, 1, 0, 0, 0, 0, amsterdam)}, "a text that says no moment has nothing to be wrong about"},
		{"k:1500000000", 1500 * time.Millisecond, "a duration is an integer kind"},
		{"k:tok", token{text: "tok"}, "a TextMarshaler"},
		{"k:tok", &token{text: "tok"}, "a pointer to one"},
	} {
		entry := v.At(root, tc.param)
		if entry.Key() != tc.want || entry.Err() != nil {
			t.Errorf("%T %v rendered as %q, %v, want %q: %s", tc.param, tc.param, entry.Key(), entry.Err(), tc.want, tc.reason)
		}
		if named := v.At(root, rin.Named("v", tc.param)); named.Key() != tc.want {
			t.Errorf("%T by name rendered as %q, want %q", tc.param, named.Key(), tc.want)
		}
	}
}

func TestAt_paths(t *testing.T) {
	var (
		age     = rin.Key[int]("age")
		post    = rin.Key[int]("post-<year>-<slug>")
		day     = rin.Key[int]("<m>.<d>:done")
		app     = rin.Cluster("app:v1", rin.Child(day))
		device  = rin.Cluster("device:<device_id>", rin.Child(age))
		profile = rin.Cluster("profile", rin.Child(device, post))
		user    = rin.Cluster("{user:<user_id>}", rin.Child(profile))
		rootOf  = rin.Cluster("root", rin.Child(user, app))
		bare    = rin.Cluster("", rin.Child(user, rin.Cluster("x:<n>", rin.Child(age))))
	)
	root, empty := mustOpen(t, rootOf, memstore.New()), mustOpen(t, bare, memstore.New())
	alice := user.At(root, 1)
	for _, tc := range []struct{ name, got, want, reason string }{
		{"from the root", age.At(root, 1, 2).Key(), "root:{user:1}:profile:device:2:age", "clusters on the way are passed through"},
		{"from a scope", age.At(alice, 2).Key(), "root:{user:1}:profile:device:2:age", "the same entry"},
		{"step by step", age.At(device.At(profile.At(alice), 2)).Key(), "root:{user:1}:profile:device:2:age", "the same entry"},
		{"by name", age.At(root, rin.Named("device_id", 2), rin.Named("user_id", 1)).Key(), "root:{user:1}:profile:device:2:age", "names have no order"},
		{"kept apart", post.At(alice, 2026, "a-b").Key(), "root:{user:1}:profile:post-2026-a%2Db", "the literal between two placeholders may not show in a value"},
		{"kept apart by a dot", day.At(root, "1.2", "3-4").Key(), "root:app:v1:1%2E2.3-4:done", "each segment has its own literals"},
		{"prefix of a scope", alice.Prefix(), "root:{user:1}", "a scope is a prefix without its colon"},
		{"prefix of the root", root.Prefix(), "root", "a scope is a prefix without its colon"},
		{"scope as text", alice.String(), "root:{user:1}", "a scope prints as its prefix"},
		{"empty root", empty.Prefix(), "", "there is no common prefix"},
		{"below an empty root", user.At(empty, 1).Prefix(), "{user:1}", "there is no leading colon"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q: %s", tc.name, tc.got, tc.want, tc.reason)
		}
	}
}

// a tree with everything that can go wrong on the way to a node.
var (
	atAge     = rin.Key[int]("age", rin.Default(1))
	atAddress = rin.Cluster("address", rin.Child(atAge))
	atUser    = rin.Cluster("user:<user_id>", rin.Child(atAddress))
	atCompany = rin.Cluster("company:<name>-<country>", rin.Child(atAddress))
	atName    = rin.Key[string]("name")
	atRoot    = rin.Cluster("root", rin.Child(atUser, atCompany, atName))
	atStray   = rin.Key[int]("stray")
)

func TestAt_errors(t *testing.T) {
	root := mustOpen(t, atRoot, memstore.New())
	user := atUser.At(root, 1)
	noon := time.Date(1936, 5, 1, 12, 0, 0, 0, amsterdam)
	for _, tc := range []struct {
		name   string
		err    error
		is     error
		text   string
		reason string
	}{
		{"missing", atAddress.At(atUser.At(root)).Err(), rin.ErrMissingParam, "rin: at root:user:<user_id>:address: missing parameter: <user_id>", "a scope carries its error down"},
		{"one missing", atCompany.At(root, "Rin").Err(), rin.ErrMissingParam, "rin: at root:company:<name>-<country>: missing parameter: <country>", "only what is missing is named"},
		{"all missing", atCompany.At(root).Err(), rin.ErrMissingParam, "missing parameter: <name>, <country>", "everything that is missing is named"},
		{"missing by name", atCompany.At(root, rin.Named("country", "de")).Err(), rin.ErrMissingParam, "missing parameter: <name>", "everything that is missing is named"},
		{"extra", atUser.At(root, 1, 2).Err(), rin.ErrExtraParam, "rin: at root:user:<user_id>: extra parameter: 2 given, wanted <user_id>", "the error says what was wanted"},
		{"extra where none is wanted", atName.At(root, 1).Err(), rin.ErrExtraParam, "rin: at root:name: extra parameter: 1 given, wanted none", "the error says what was wanted"},
		{"a parameter of the scope again", atAge.At(user, 1).Err(), rin.ErrExtraParam, "1 given, wanted none", "the scope has it already"},
		{"unknown name", atUser.At(root, rin.Named("id", 1)).Err(), rin.ErrExtraParam, "there is no <id> here, wanted <user_id>", "a misspelt name is shown beside the right one"},
		{"name given twice", atUser.At(root, rin.Named("user_id", 1), rin.Named("user_id", 1)).Err(), rin.ErrExtraParam, "<user_id> is given twice", "which one is meant is anybody's guess"},
		{"named and positional", atCompany.At(root, "Rin", rin.Named("country", "de")).Err(), rin.ErrExtraParam, "give all parameters by name or all by position", "they do not mix"},
		{"empty", atUser.At(root, "").Err(), rin.ErrEmptyParam, "rin: at root:user:<user_id>: <user_id>: empty parameter", "root:user::age is always somebody's bug"},
		{"empty bytes", atUser.At(root, []byte(nil)).Err(), rin.ErrEmptyParam, "<user_id>: empty parameter", "root:user::age is always somebody's bug"},
		{"empty named string", atUser.At(root, userName("")).Err(), rin.ErrEmptyParam, "empty parameter", "root:user::age is always somebody's bug"},
		{"empty marshalled text", atUser.At(root, token{}).Err(), rin.ErrEmptyParam, "empty parameter", "root:user::age is always somebody's bug"},
		{"nil", atUser.At(root, nil).Err(), rin.ErrParamType, "<user_id>: unsupported parameter: <nil>", "nil has no text"},
		{"float", atUser.At(root, 1.5).Err(), rin.ErrParamType, "unsupported parameter: float64; use a string, integer, bool or []byte", "a float has many texts"},
		{"struct", atUser.At(root, struct{}{}).Err(), rin.ErrParamType, "give the type a MarshalText or String method", "the error says what helps"},
		{"array", atUser.At(root, digest{1, 2}).Err(), rin.ErrParamType, "rin_test.digest", "an array has no text"},
		{"pointer to an integer", atUser.At(root, new(int)).Err(), rin.ErrParamType, "*int", "an address is no identity"},
		{"offset with seconds", atUser.At(root, noon).Err(), rin.ErrParamType, "<user_id>: unsupported parameter: time.Time: 1936-05-01T12:00:00+00:19 leaves out the seconds of the time's offset; give its UTC()", "two moments would have one key"},
		{"embedded offset with seconds", atUser.At(root, visit{noon}).Err(), rin.ErrParamType, "leaves out the seconds", "it writes itself as the time does"},
		{"promoted MarshalText", atUser.At(root, pageAt{noon.UTC(), "a"}).Err(), rin.ErrParamType, "the MarshalText of rin_test.pageAt is that of its embedded Time, and leaves out the other fields", "two pages would have one key"},
		{"pointer to one", atUser.At(root, &pageAt{noon.UTC(), "a"}).Err(), rin.ErrParamType, "is that of its embedded Time", "as the value"},
		{"promoted String", atUser.At(root, colourOn{time.Second, "wall"}).Err(), rin.ErrParamType, "the String of rin_test.colourOn is that of its embedded Stringer", "a wall and a door would have one key"},
		{"failing MarshalText", atUser.At(root, token{err: errInk}).Err(), errInk, "unsupported parameter: rin_test.token: out of ink", "its error is kept"},
		{"failing MarshalText, as a kind", atUser.At(root, token{err: errInk}).Err(), rin.ErrParamType, "", "it is told from a server's error"},
		{"panicking MarshalText", atUser.At(root, bomb{}).Err(), rin.ErrParamType, "rin_test.bomb panicked: boom", "At never panics"},
		{"nil pointer with a MarshalText", atUser.At(root, (*token)(nil)).Err(), rin.ErrParamType, "panicked", "At never panics"},
		{"nil Stringer", atUser.At(root, (*url.URL)(nil)).Err(), rin.ErrParamType, "panicked", "At never panics"},
		{"String that panics", atUser.At(root, colourOf(nil)).Err(), rin.ErrParamType, "panicked", "At never panics"},
		{"not under the root", atStray.At(root).Err(), rin.ErrNotUnder, `rin: at stray: not declared under this scope: key "stray" is not below root; add it to rin.Child of root, or of a cluster below it`, "a Child was forgotten"},
		{"not under a scope", atName.At(user).Err(), rin.ErrNotUnder, `key "name" is not below root:user:<user_id>; it is root:name, so start from a scope above that`, "a scope does not look up"},
		{"the scope itself", atUser.At(user, 1).Err(), rin.ErrNotUnder, `cluster "user:<user_id>" is not below root:user:<user_id>`, "a cluster is not below itself"},
		{"the root itself", atRoot.At(root).Err(), rin.ErrNotUnder, "is not below root; it is the root; rin.Open returns its scope", "a cluster is not below itself"},
		{"not under an empty root", atStray.At(mustOpen(t, rin.Cluster(""), memstore.New())).Err(), rin.ErrNotUnder, `key "stray" is not below the root`, "an empty pattern has no text to show"},
		{"ambiguous key", atAge.At(root, 1).Err(), rin.ErrAmbiguous, "declared more than once under this scope: root:user:<user_id>:address:age and root:company:<name>-<country>:address:age; start from a scope nearer to it", "both places are named"},
		{"ambiguous cluster", atAddress.At(root, 1).Err(), rin.ErrAmbiguous, "root:user:<user_id>:address and root:company", "both places are named"},
		{"nil scope", atName.At(nil).Err(), nil, "rin: at name: the scope is nil: make it with rin.Open", "At never panics"},
		{"zero scope", atName.At(&rin.Scope{}).Err(), nil, "the scope is nil", "At never panics"},
		{"nil key", (*rin.KeyOf[int])(nil).At(root).Err(), nil, "rin: at: the declared node is nil", "At never panics"},
		{"nil cluster", (*rin.ClusterNode)(nil).At(root).Err(), nil, "rin: at: the declared node is nil", "At never panics"},
		{"zero entry", rin.Entry[int]{}.Err(), nil, "rin: at: the entry is not bound to a store: make it with the At method of its key", "a zero value says how to make a real one"},
		{"nil scope itself", (*rin.Scope)(nil).Err(), nil, "rin: at: the scope is nil", "a nil handle answers"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var op *rin.OpError
			if !errors.As(tc.err, &op) {
				t.Fatalf("the error is %v, want an *OpError: %s", tc.err, tc.reason)
			}
			if tc.is != nil && !errors.Is(tc.err, tc.is) {
				t.Errorf("the error is %v, want one that is %v: %s", tc.err, tc.is, tc.reason)
			}
			if !strings.Contains(tc.err.Error(), tc.text) {
				t.Errorf("the text is %q, want %q in it: %s", tc.err, tc.text, tc.reason)
			}
			if op.Op != "at" || op.Key != "" {
				t.Errorf("the error is about %q on %q, want at and no key", op.Op, op.Key)
			}
		})
	}
}

// No two moments have one key, whatever their offsets: a time is written exactly
// or not at all.
func TestAt_moments(t *testing.T) {
	v := rin.Key[int]("<v>")
	root := mustOpen(t, rin.Cluster("k", rin.Child(v)), memstore.New())
	rapid.Check(t, func(t *rapid.T) {
		offset := rapid.IntRange(-23*3600, 23*3600).Draw(t, "offset")
		at := time.Unix(rapid.Int64Range(-5e9, 5e9).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).
			In(time.FixedZone("", offset))
		e := v.At(root, at)
		if offset%60 != 0 {
			if !errors.Is(e.Err(), rin.ErrParamType) {
				t.Fatalf("%v gives %q, %v, want ErrParamType", at, e.Key(), e.Err())
			}
			e = v.At(root, at.UTC())
		}
		found, err := root.Parse(e.Key())
		if err != nil {
			t.Fatalf("%v gives %q, %v", at, e.Key(), err)
		}
		if back, err := time.Parse(time.RFC3339Nano, found.Params[0].Value); err != nil || !back.Equal(at) {
			t.Fatalf("%v gives %q, which says %v, %v", at, e.Key(), back, err)
		}
	})
}

// Braces are a hash tag, and whoever gives a parameter for one is told so.
func TestAt_braces(t *testing.T) {
	age := rin.Key[int]("age")
	user := rin.Cluster("user:{user_id}", rin.OneSlot(), rin.Child(age))
	root := mustOpen(t, rin.Cluster("root", rin.Child(user)), memstore.New())
	const help = "; {user_id} in root:user:{user_id}%s is a hash tag of that very text, and no parameter: write {<user_id>} for one"
	for name, tc := range map[string]struct {
		err  error
		path string
	}{
		"cluster":         {user.At(root, 1).Err(), ""},
		"cluster by name": {user.At(root, rin.Named("user_id", 1)).Err(), ""},
		"key below":       {age.At(root, 1).Err(), ":age"},
		"key of a scope":  {age.At(user.At(root), 1).Err(), ":age"},
	} {
		if want := fmt.Sprintf(help, tc.path); !errors.Is(tc.err, rin.ErrExtraParam) || !strings.HasSuffix(tc.err.Error(), want) {
			t.Errorf("%s: %v, want ErrExtraParam that ends in %q", name, tc.err, want)
		}
	}
	if e := age.At(root); e.Key() != "root:user:{user_id}:age" || e.Err() != nil {
		t.Errorf("a tag that is meant gives %q, %v", e.Key(), e.Err())
	}
}

// A dropped error never becomes a write elsewhere.
func TestUse(t *testing.T) {
	root := mustOpen(t, atRoot, memstore.New())
	none := mustOpen(t, rin.Cluster("", rin.Child(atStray)), memstore.New())
	type uses interface {
		Use(func(string) error) error
		Err() error
	}
	for _, tc := range []struct {
		name, want string
		handle     uses
		reason     string
	}{
		{"entry", "root:name", atName.At(root), "a good entry gives its key"},
		{"scope", "root:user:1", atUser.At(root, 1), "a good scope gives its prefix"},
		{"empty root", "", none, "an empty prefix is one where it is declared so"},
	} {
		var got []string
		use := func(text string) error { got = append(got, text); return nil }
		if err := tc.handle.Use(use); err != nil || !cmp.Equal(got, []string{tc.want}) {
			t.Errorf("%s: called with %q, %v, want once with %q: %s", tc.name, got, err, tc.want, tc.reason)
		}
		err := tc.handle.Use(func(string) error { return errInk })
		var op *rin.OpError
		if !errors.As(err, &op) || op.Op != "use" || op.Key != tc.want || !errors.Is(op.Err, errInk) {
			t.Errorf("%s: %v, want the function's own error in an *OpError of use", tc.name, err)
		}
		if err := tc.handle.Use(nil); err == nil || !strings.HasSuffix(err.Error(), "the function is nil") {
			t.Errorf("%s: %v, want an error about the function", tc.name, err)
		}
	}
	for name, bad := range map[string]uses{
		"entry without a parameter": atAge.At(atUser.At(root)), "stray entry": atStray.At(root), "zero entry": rin.Entry[int]{},
		"scope without a parameter": atUser.At(root), "nil scope": (*rin.Scope)(nil), "zero scope": &rin.Scope{},
	} {
		err := bad.Use(func(text string) error { t.Errorf("%s: called with %q", name, text); return nil })
		var got, want *rin.OpError
		if !errors.As(err, &got) || !errors.As(bad.Err(), &want) || got.Op != "use" || !errors.Is(got, want.Err) {
			t.Errorf("%s: %v, want what is wrong with the handle: %v", name, err, bad.Err())
		}
	}
}

func TestScope_params(t *testing.T) {
	for _, tc := range []struct {
		name   string
		scope  *rin.Scope
		want   []rin.Param
		reason string
	}{
		{"root", mustOpen(t, atRoot, memstore.New()), nil, "the root has no parameters"},
		{"empty root", mustOpen(t, rin.Cluster(""), memstore.New()), nil, "the root has no parameters"},
		{"user", atUser.At(mustOpen(t, atRoot, memstore.New()), "a:1"), []rin.Param{{Name: "user_id", Value: "a:1"}}, "a value comes back as it was given"},
		{"below the user", atAddress.At(atUser.At(mustOpen(t, atRoot, memstore.New()), 1)), []rin.Param{{Name: "user_id", Value: "1"}}, "the clusters above have parameters too"},
		{"two in a segment", atCompany.At(mustOpen(t, atRoot, memstore.New()), "a-b", "de"), []rin.Param{{Name: "name", Value: "a-b"}, {Name: "country", Value: "de"}}, "they come in path order"},
		{"below an empty root", trailRoot.At(openTrail(t), 7), []rin.Param{{Name: "a", Value: "7"}}, "there is no first segment to skip"},
		{"bad", atUser.At(mustOpen(t, atRoot, memstore.New())), nil, "a scope with an error has no values"},
		{"nil", nil, nil, "a nil handle answers"},
	} {
		if diff := cmp.Diff(tc.want, tc.scope.Params()); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", tc.name, tc.reason, diff)
		}
		for _, p := range tc.want {
			if got, ok := tc.scope.Param(p.Name); got != p.Value || !ok {
				t.Errorf("%s: <%s> is %q, %v, want %q", tc.name, p.Name, got, ok, p.Value)
			}
		}
		if got, ok := tc.scope.Param("nobody"); got != "" || ok {
			t.Errorf("%s: a placeholder that is not there is %q, %v", tc.name, got, ok)
		}
	}
}

// The scopes that Each yields say whose they are.
func TestEach_params(t *testing.T) {
	root, ctx := mustOpen(t, atRoot, memstore.New()), t.Context()
	for _, id := range []string{"1", "b:2"} {
		check(t, atAge.At(atUser.At(root, id)).Set(ctx, 1))
	}
	got := map[string]bool{}
	for user, err := range atUser.Each(ctx, root) {
		check(t, err)
		id, ok := user.Param("user_id")
		got[id] = ok
	}
	if want := map[string]bool{"1": true, "b:2": true}; !cmp.Equal(got, want) {
		t.Errorf("Each yields users %v, want %v", got, want)
	}
}

// Handles print for people: what they are, or what is wrong with them.
func TestHandles_print(t *testing.T) {
	root := mustOpen(t, atRoot, memstore.New())
	bad := atAge.At(atUser.At(root))
	for _, tc := range []struct {
		handle any
		want   string
	}{
		{atName.At(root), "root:name"},
		{bad, bad.Err().Error()},
		{rin.Entry[int]{}, rin.Entry[int]{}.Err().Error()},
		{atUser.At(root, 1), "root:user:1"},
		{atUser.At(root), atUser.At(root).Err().Error()},
	} {
		if got := fmt.Sprint(tc.handle); got != tc.want {
			t.Errorf("%T prints %q, want %q", tc.handle, got, tc.want)
		}
	}
}

var errInk = errors.New("out of ink")

// colourOf is a Stringer that looks before it leaps, and does not.
type colourOf []*colour

func (c colourOf) String() string { return c[0].name }

// After a mistake the next At works as if nothing had been.
func TestAt_chains(t *testing.T) {
	root := mustOpen(t, atRoot, memstore.New())
	bad := atAge.At(atAddress.At(atUser.At(root, "")))
	if err := bad.Err(); !errors.Is(err, rin.ErrEmptyParam) || bad.Key() != "" {
		t.Errorf("the last handle has key %q and error %v, want the first one's error", bad.Key(), err)
	}
	if good := atAge.At(atUser.At(root, 1)); good.Key() != "root:user:1:address:age" || good.Err() != nil {
		t.Errorf("a good handle has key %q and error %v", good.Key(), good.Err())
	}
}

// entryOps are all operations of an entry that return an error.
func entryOps(e rin.Entry[int]) map[string]func(context.Context) error {
	later := time.Now().Add(time.Hour)
	return map[string]func(context.Context) error{
		"get":            func(ctx context.Context) error { _, err := e.Get(ctx); return err },
		"lookup":         func(ctx context.Context) error { _, _, err := e.Lookup(ctx); return err },
		"set":            func(ctx context.Context) error { return e.Set(ctx, 1) },
		"set if absent":  func(ctx context.Context) error { _, err := e.SetIfAbsent(ctx, 1); return err },
		"set if present": func(ctx context.Context) error { _, err := e.SetIfPresent(ctx, 1); return err },
		"swap":           func(ctx context.Context) error { _, _, err := e.Swap(ctx, 1); return err },
		"take":           func(ctx context.Context) error { _, _, err := e.Take(ctx); return err },
		"type":           func(ctx context.Context) error { _, err := e.Type(ctx); return err },
		"raw":            func(ctx context.Context) error { _, _, err := e.Raw(ctx); return err },
		"delete":         func(ctx context.Context) error { _, err := e.Delete(ctx); return err },
		"exists":         func(ctx context.Context) error { _, err := e.Exists(ctx); return err },
		"ttl":            func(ctx context.Context) error { _, err := e.TTL(ctx); return err },
		"expire":         func(ctx context.Context) error { _, err := e.Expire(ctx, time.Minute); return err },
		"expire at":      func(ctx context.Context) error { _, err := e.ExpireAt(ctx, later); return err },
		"persist":        func(ctx context.Context) error { _, err := e.Persist(ctx); return err },
		"touch":          func(ctx context.Context) error { _, err := e.Touch(ctx); return err },
		"forget":         func(ctx context.Context) error { _, err := e.Forget(ctx); return err },
		"expire time":    func(ctx context.Context) error { _, err := e.ExpireTime(ctx); return err },
		"memory usage":   func(ctx context.Context) error { _, err := e.MemoryUsage(ctx); return err },
		"compare and swap": func(ctx context.Context) error {
			_, err := e.CompareAndSwap(ctx, 1, 2)
			return err
		},
		"compare and delete": func(ctx context.Context) error {
			_, err := e.CompareAndDelete(ctx, 1)
			return err
		},
		"update": func(ctx context.Context) error {
			_, err := e.Update(ctx, func(int, bool) (int, error) { return 1, nil })
			return err
		},
		"fetch": func(ctx context.Context) error {
			_, err := e.Fetch(ctx, func(context.Context) (int, error) { return 1, nil })
			return err
		},
		"copy": func(ctx context.Context) error { _, err := e.CopyTo(ctx, elsewhere()); return err },
		"move": func(ctx context.Context) error { _, err := e.MoveTo(ctx, elsewhere()); return err },
	}
}

// elsewhere is an entry of an empty store of its own.
func elsewhere() rin.Entry[int] {
	root, err := rin.Open(faultRoot, memstore.New())
	if err != nil {
		panic(err)
	}
	return faultAge.At(root, "elsewhere")
}

// scopeOps are all operations of a scope that return an error.
func scopeOps(s *rin.Scope) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"subkeys": func(ctx context.Context) error { return lastErr(s.Subkeys(ctx)) },
		"entries": func(ctx context.Context) error { return lastErr(s.Entries(ctx)) },
		"count":   func(ctx context.Context) error { _, err := s.Count(ctx); return err },
		"clear":   func(ctx context.Context) error { _, err := s.Clear(ctx, rin.Force()); return err },
		"parse":   func(context.Context) error { _, err := s.Parse("root:name"); return err },
		"each":    func(ctx context.Context) error { return lastErr(atAddress.Each(ctx, s)) },
		"batch":   func(ctx context.Context) error { return s.Batch().Run(ctx) },
	}
}

// lastErr is the error that ends a sequence.
func lastErr[T any](seq iter.Seq2[T, error]) (last error) {
	for _, err := range seq {
		last = err
	}
	return last
}

// The tables of operations above are what "every operation" means below.
func TestEveryOperationIsKnown(t *testing.T) {
	plain := map[string]bool{"Key": true, "Err": true, "Prefix": true, "Close": true, "String": true, "In": true, "To": true, "Use": true, "Params": true, "Param": true}
	for _, tc := range []struct {
		handle any
		known  int
	}{
		{rin.Entry[int]{}, len(entryOps(rin.Entry[int]{}))},
		{&rin.Scope{}, len(scopeOps(nil)) - 1}, // Each is a cluster's
	} {
		typ, n := reflect.TypeOf(tc.handle), 0
		for i := range typ.NumMethod() {
			if !plain[typ.Method(i).Name] {
				n++
			}
		}
		if n != tc.known {
			t.Errorf("%v has %d operations, and the tests know %d; add the new ones to entryOps or scopeOps", typ, n, tc.known)
		}
	}
}

// Every operation of an entry has its batched form, with the same parameters but
// for the context, except those that need several round trips.
func TestEveryOperationHasItsBatchedForm(t *testing.T) {
	several := map[string]bool{"CompareAndSwap": true, "CompareAndDelete": true, "Update": true, "Fetch": true, "CopyTo": true, "MoveTo": true}
	contextType := reflect.TypeFor[context.Context]()
	for _, entry := range []reflect.Type{reflect.TypeFor[rin.Entry[int]]()} {
		in, _ := entry.MethodByName("In")
		batched := in.Type.Out(0)
		for i := range entry.NumMethod() {
			m := entry.Method(i)
			if m.Type.NumIn() < 2 || m.Type.In(1) != contextType {
				continue
			}
			form, ok := batched.MethodByName(m.Name)
			if ok == several[m.Name] {
				t.Errorf("%v.%s: batched %t, several round trips %t", entry, m.Name, ok, several[m.Name])
			}
			if ok && !sameParams(m.Type, form.Type) {
				t.Errorf("%v.%s is %v, its batched form %v", entry, m.Name, m.Type, form.Type)
			}
		}
	}
}

// sameParams says that a batched form takes what its operation takes behind the
// context.
func sameParams(operation, form reflect.Type) bool {
	if operation.NumIn() != form.NumIn()+1 {
		return false
	}
	for i := 1; i < form.NumIn(); i++ {
		if operation.In(i+1) != form.In(i) {
			return false
		}
	}
	return true
}

func TestBadHandle_everyOperationSaysTheSame(t *testing.T) {
	s := &spy{Backend: memstore.New()}
	root := mustOpen(t, atRoot, s)
	entries := map[string]rin.Entry[int]{
		"missing parameter": atAge.At(atUser.At(root)),
		"empty parameter":   atAge.At(atUser.At(root, "")),
		"panicking":         atAge.At(atUser.At(root, bomb{})),
		"not under":         atStray.At(root),
		"ambiguous":         atAge.At(root, 1),
		"nil scope":         atAge.At(nil),
		"zero scope":        atAge.At(&rin.Scope{}),
		"nil key":           (*rin.KeyOf[int])(nil).At(root),
		"zero entry":        {},
	}
	for name, e := range entries {
		for op, run := range entryOps(e) {
			t.Run("entry/"+name+"/"+op, func(t *testing.T) { checkCarried(t, s, e.Err(), op, run) })
		}
	}
	scopes := map[string]*rin.Scope{
		"missing parameter": atUser.At(root),
		"bad parent":        atAddress.At(atUser.At(root, "")),
		"nil":               nil,
		"zero":              {},
		"nil cluster":       (*rin.ClusterNode)(nil).At(root),
		"ambiguous":         atAddress.At(root),
	}
	for name, scope := range scopes {
		for op, run := range scopeOps(scope) {
			t.Run("scope/"+name+"/"+op, func(t *testing.T) { checkCarried(t, s, scope.Err(), op, run) })
		}
		if scope.Prefix() != "" || scope.String() != scope.Err().Error() {
			t.Errorf("%s scope has prefix %q and prints %q", name, scope.Prefix(), scope)
		}
	}
}

// checkCarried runs an operation on a bad handle whose Err is carried.
func checkCarried(t *testing.T, s *spy, carried error, op string, run func(context.Context) error) {
	t.Helper()
	err := run(t.Context())
	if sent := s.taken(); len(sent) > 0 {
		t.Errorf("sent %v to the store", sent)
	}
	var got, want *rin.OpError
	if !errors.As(err, &got) || !errors.As(carried, &want) {
		t.Fatalf("the error is %v, and the handle's is %v; want two *OpErrors", err, carried)
	}
	op = strings.TrimSuffix(op, " at") // ExpireAt is an expire
	if got.Op != op || !errors.Is(got, want.Err) || got.Pattern != want.Pattern || got.Key != want.Key {
		t.Errorf("the error is %#v, want %q with the handle's %#v", got, op, want)
	}
}

// An option or a value that is wrong too does not hide what is wrong with the
// handle.
func TestBadHandle_winsOverBadArguments(t *testing.T) {
	s := &spy{Backend: memstore.New()}
	root := mustOpen(t, atRoot, s)
	bad := atAge.At(atUser.At(root))
	past := time.Now().Add(-time.Hour)
	_, expire := bad.Expire(t.Context(), -1)
	_, expireAt := bad.ExpireAt(t.Context(), past)
	_, clear := atUser.At(root).Clear(t.Context(), nil)
	for name, err := range map[string]error{
		"expire": expire, "expire at": expireAt, "clear": clear,
		"set": bad.Set(t.Context(), 1, rin.TTL(-1), nil),
	} {
		if !errors.Is(err, rin.ErrMissingParam) {
			t.Errorf("%s: %v, want the handle's own error", name, err)
		}
	}
	if sent := s.taken(); len(sent) > 0 {
		t.Errorf("sent %v to the store", sent)
	}
}

// plainKey builds a key the obvious way, by the rules as the documentation
// states them. Escaping has an obvious implementation of its own to be tested
// against.
func plainKey(path string, values ...string) string {
	var out strings.Builder
	for i, segment := range strings.Split(path, ":") {
		if i > 0 {
			out.WriteByte(':')
		}
		for {
			lit, rest, found := strings.Cut(segment, "<")
			out.WriteString(lit)
			if !found {
				break
			}
			_, segment, _ = strings.Cut(rest, ">")
			apart := ""
			if between := strings.Count(strings.Split(path, ":")[i], "<"); between > 1 {
				apart = "-"
			}
			out.Write(pattern.AppendEscaped(nil, values[0], apart))
			values = values[1:]
		}
	}
	return out.String()
}

// trail is a tree with each sort of segment.
var (
	trailKey  = rin.Key[int]("<c>-<d>:{x<e>}")
	trailUser = rin.Cluster("u-<b>", rin.Child(trailKey))
	trailRoot = rin.Cluster("r:<a>", rin.Child(trailUser))
)

const trailPattern = "r:<a>:u-<b>:<c>-<d>:{x<e>}"

func TestKey_roundTrip(t *testing.T) {
	root := openTrail(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringN(1, 8, -1), rapid.StringMatching(`[:%{}<>\-a2F]{1,6}`),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 6), func(b []byte) string { return string(b) }))
		values := rapid.SliceOfN(text, 4, 4).Draw(t, "values")
		checkKey(t, root, values)
	})
}

// No two parameter lists give one key.
func TestKey_injective(t *testing.T) {
	root := trailRoot.At(openTrail(t), 1)
	text := rapid.StringMatching(`[:%{}\-A2]{1,3}`)
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(text, 4, 4).Draw(t, "a")
		b := rapid.SliceOfN(text, 4, 4).Draw(t, "b")
		one, two := trailKey.At(root, anys(a)...), trailKey.At(root, anys(b)...)
		if same := cmp.Equal(a, b); one.Key() == "" || two.Key() == "" || (one.Key() == two.Key()) != same {
			t.Fatalf("%q and %q give %q and %q", a, b, one.Key(), two.Key())
		}
	})
}

func FuzzKey(f *testing.F) {
	root := openTrail(f)
	f.Add("1", "alice", "2026", "a-b")
	f.Add("a:b", "{x}", "%3A", "\xFF\x00")
	f.Add("*?[]", "世界", "-", ":")
	f.Fuzz(func(t *testing.T, b, c, d, e string) {
		values := []string{b, c, d, e}
		for _, v := range values {
			if v == "" {
				return
			}
		}
		checkKey(t, root, values)
	})
}

// openTrail binds the first parameter of the trail, so that a scope with values
// of its own is on the way.
func openTrail(t testing.TB) *rin.Scope {
	t.Helper()
	return mustOpen(t, rin.Cluster("", rin.Child(trailRoot)), memstore.New())
}

// checkKey renders and parses a key, against the plain implementation.
func checkKey(t interface {
	Helper()
	Fatalf(string, ...any)
}, root *rin.Scope, values []string,
) {
	t.Helper()
	scope := trailRoot.At(root, "a:1")
	entry := trailKey.At(scope, anys(values)...)
	all := append([]string{"a:1"}, values...)
	if want := plainKey(trailPattern, all...); entry.Key() != want || entry.Err() != nil {
		t.Fatalf("%q gives %q, %v, want %q", values, entry.Key(), entry.Err(), want)
	}
	found, err := root.Parse(entry.Key())
	if err != nil || found.Node != rin.Node(trailKey) || found.Key != entry.Key() {
		t.Fatalf("%q parses as %v, %v", entry.Key(), found, err)
	}
	var want []rin.Param
	for i, name := range []string{"a", "b", "c", "d", "e"} {
		want = append(want, rin.Param{Name: name, Value: all[i]})
	}
	if diff := cmp.Diff(want, found.Params); diff != "" {
		t.Fatalf("%q parses to other values (-want +got):\n%s", entry.Key(), diff)
	}
	if inner, err := scope.Parse(entry.Key()); err != nil || !cmp.Equal(inner.Params, found.Params) {
		t.Fatalf("the scope parses %q as %v, %v", entry.Key(), inner, err)
	}
}

func anys(values []string) []any {
	params := make([]any, len(values))
	for i, v := range values {
		params[i] = v
	}
	return params
}

// What parsing accepts is what At would have rendered, and nothing else.
func TestParse_isTheExactInverse(t *testing.T) {
	root := openTrail(t)
	rapid.Check(t, func(t *rapid.T) {
		segment := rapid.StringMatching(`[a%25DC:\-]{0,4}`)
		key := fmt.Sprintf("r:%s:u-%s:%s-%s:{x%s}", segment.Draw(t, "a"), segment.Draw(t, "b"), segment.Draw(t, "c"), segment.Draw(t, "d"), segment.Draw(t, "e"))
		found, err := root.Parse(key)
		if err != nil {
			if !errors.Is(err, rin.ErrUndeclared) {
				t.Fatalf("Parse(%q): %v, want ErrUndeclared", key, err)
			}
			return
		}
		params := make([]any, len(found.Params))
		for i, p := range found.Params {
			params[i] = rin.Named(p.Name, p.Value)
		}
		if again := trailKey.At(root, params...).Key(); again != key {
			t.Fatalf("%q parses to %v, which renders as %q", key, found.Params, again)
		}
	})
}

// What the caller's compiler boxes for an any comes on top of it.
func TestAt_allocatesTheKeyOnly(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates too")
	}
	pair := rin.Key[int]("<a>:<b>")
	scope := mustOpen(t, rin.Cluster("root", rin.Child(pair)), memstore.New())
	for _, params := range [][]any{
		{"alice", strings.Repeat("x", 40)},
		{70000, uint64(math.MaxUint64)},
		{int8(-1), []byte("bytes")},
		{true, "a:b"},
	} {
		if n := testing.AllocsPerRun(200, func() { pair.At(scope, params...) }); n != 1 {
			t.Errorf("At(%v): %v allocations, want 1, the key", params, n)
		}
	}
}
