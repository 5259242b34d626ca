package docs_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/servertest"
)

var (
	Tokens = rin.Key[[]string]("tokens", rin.Default([]string{}))
	App    = rin.Cluster("app", rin.TTL(80*time.Second), rin.Child(Tokens))

	Age  = rin.Key[int]("age", rin.Default(0))
	Name = rin.Key[string]("name", rin.Default("Unknown"))
	User = rin.Cluster("user:<user_id>", rin.TTL(120*time.Second), rin.Child(Age, Name))

	Project = rin.Key[string]("project_name")
	Root    = rin.Cluster("root", rin.Child(App, User, Project))
)

// What the page on redisimnest says of rin is so.
func TestRedisimnest(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	defer client.Close()
	root, err := rin.Open(Root, goredis.New(client))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	check := func(what string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	check("the key", Age.At(root, 1).Key(), "root:user:1:age")
	check("the prefix", User.At(root, 1).Prefix(), "root:user:1")
	check("the prefix by name", User.At(root, rin.Named("user_id", 1)).Prefix(), "root:user:1")
	check("a missing parameter", errors.Is(Age.At(root).Err(), rin.ErrMissingParam), true)

	_, err = Project.At(root).Get(ctx)
	check("no default", errors.Is(err, rin.ErrNotFound), true)
	_, err = Age.At(root, 1).TTL(ctx)
	check("the TTL of an absent key", errors.Is(err, rin.ErrNotFound), true)
	tag, err := Age.At(root, 1).Type(ctx)
	check("the type of an absent key", tag, "")
	check("its error", err, nil)

	for _, user := range []int{1, 10} {
		check("Set", Age.At(root, user).Set(ctx, 30), nil)
	}
	tag, err = Age.At(root, 1).Type(ctx)
	check("the type", tag, "int")
	check("its error", err, nil)
	deleted, err := User.At(root, 1).Clear(ctx)
	check("deleted below user 1", deleted, 1)
	check("its error", err, nil)
	age, err := Age.At(root, 10).Get(ctx)
	check("the age of user 10", age, 30)
	check("its error", err, nil)
}

type pythonInt struct {
	Type  string `json:"__type__"`
	Value int    `json:"value"`
}

// A value that redisimnest wrote is foreign, and can be read as plain.
func TestRedisimnest_values(t *testing.T) {
	var (
		Shared = rin.Key[pythonInt]("shared", rin.Plain())
		Strict = rin.Key[int]("strict")
		Both   = rin.Cluster("both", rin.Child(Shared, Strict))
	)
	addr := servertest.Start(t, servertest.Redis)
	for _, key := range []string{"both:shared", "both:strict"} {
		servertest.Do(t, addr, "SET", key, `{"__type__": "int", "value": 30}`)
	}
	client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	defer client.Close()
	both, err := rin.Open(Both, goredis.New(client))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Strict.At(both).Get(t.Context()); !errors.Is(err, rin.ErrForeign) {
		t.Errorf("reading a value of redisimnest as an int gave %v, want %v", err, rin.ErrForeign)
	}
	want := pythonInt{"int", 30}
	if got, err := Shared.At(both).Get(t.Context()); got != want || err != nil {
		t.Errorf("reading it as plain gave %+v, %v; want %+v", got, err, want)
	}
}
