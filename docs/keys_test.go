package docs_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/codec"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

type (
	userID int64
	uuid   [2]byte
	order  struct{ Article string }
)

func (u uuid) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%02x-%02x", u[0], u[1]), nil }

func (u *uuid) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "%02x-%02x", &u[0], &u[1])
	return err
}

// The table of values says what a parameter becomes and what Type says.
func TestValueTable(t *testing.T) {
	page, err := rin.Open(rin.Cluster("p", rin.Child(param)), memstore.New())
	if err != nil {
		t.Fatal(err)
	}
	moment := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, row := range []struct {
		name  string
		value any
	}{
		{"`string`", "tea"},
		{"`[]byte`", []byte("tea")},
		{"`int`, and likewise the other integers", 30},
		{"`type userID int64`", userID(30)},
		{"`bool`", true},
		{"`float64`, `float32`", 0.5},
		{"`time.Time`", moment},
		{"`time.Duration`", 1500 * time.Millisecond},
		{"a UUID, by its `MarshalText`", uuid{0xAB, 1}},
		{"`netip.Addr`, by its `MarshalText`", netip.MustParseAddr("::1")},
		{"a struct", order{"tea"}},
		{"`[]time.Time`", []time.Time{moment}},
		{"`map[string]int`", map[string]int{"tea": 1}},
	} {
		rendered := "an error"
		if e := param.At(page, row.value); e.Err() == nil {
			rendered = "`" + strings.TrimPrefix(e.Key(), "p:") + "`"
		}
		stored, err := codec.Marshal(row.value)
		if err != nil {
			t.Fatal(err)
		}
		tag, err := codec.TypeOf(stored)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("| %s | %s | `%s` |\n", row.name, rendered, tag); !strings.Contains(read(t, "keys.md"), want) {
			t.Errorf("keys.md lacks the row %s", want)
		}
	}
}

var (
	param    = rin.Key[string]("<v>")
	Visitors = rin.Key[string]("visitors:<day>")
	Museum   = rin.Cluster("museum", rin.Child(Visitors))
)

// The page's way to a command that rin has no method for.
func TestUse(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: servertest.Start(t, servertest.Redis), ContextTimeoutEnabled: true})
	defer client.Close()
	museum, err := rin.Open(Museum, goredis.New(client))
	if err != nil {
		t.Fatal(err)
	}
	add := func(ctx context.Context, day, visitor string) error {
		return Visitors.At(museum, day).Use(func(key string) error {
			return client.PFAdd(ctx, key, visitor).Err()
		})
	}
	if err := add(t.Context(), "monday", "alice"); err != nil {
		t.Fatal(err)
	}
	if n, err := client.PFCount(t.Context(), "museum:visitors:monday").Result(); n != 1 || err != nil {
		t.Errorf("there are %d visitors, %v, want one", n, err)
	}
	if err := add(t.Context(), "", "alice"); err == nil {
		t.Error("a day without a name is no error")
	}
	if n, err := client.DBSize(t.Context()).Result(); n != 1 || err != nil {
		t.Errorf("there are %d keys, %v, want only that of monday", n, err)
	}
}
