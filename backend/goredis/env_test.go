package goredis_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/internal/servertest"
)

var envNames = []string{"REDIS_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_USERNAME", "REDIS_PASS", "REDIS_DB"}

// setenv sets the variables that FromEnv reads; those that env lacks are empty.
func setenv(t *testing.T, env map[string]string) {
	t.Helper()
	for _, name := range envNames {
		t.Setenv(name, env[name])
	}
}

func TestFromEnv(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	servertest.Do(t, addr, "ACL", "SETUSER", "rin", "on", ">p@ss:/word", "~*", "+@all")
	servertest.Do(t, addr, "CONFIG", "SET", "requirepass", "secret")

	for _, row := range []struct {
		name string
		env  map[string]string
	}{
		{"url", map[string]string{"REDIS_URL": "redis://:secret@" + addr + "/3"}},
		{"url wins", map[string]string{"REDIS_URL": "redis://:secret@" + addr + "/3", "REDIS_PORT": "1", "REDIS_DB": "4"}},
		{"parts", map[string]string{"REDIS_HOST": host, "REDIS_PORT": port, "REDIS_PASS": "secret", "REDIS_DB": "3"}},
		{"user", map[string]string{"REDIS_HOST": host, "REDIS_PORT": port, "REDIS_USERNAME": "rin", "REDIS_PASS": "p@ss:/word", "REDIS_DB": "3"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			setenv(t, row.env)
			b, err := goredis.FromEnv()
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if err := b.Exec(t.Context(), &backend.Set{Key: row.name, Value: []byte("v")}); err != nil {
				t.Fatal(err)
			}
			check := newClient(t, &redis.Options{Addr: addr, Password: "secret", DB: 3})
			if got := check.Get(t.Context(), row.name).Val(); got != "v" {
				t.Errorf("database 3 holds %q, want the value that was set", got)
			}
			if err := b.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
			if err := b.Exec(t.Context(), &backend.Get{Key: "k"}); err == nil {
				t.Error("Get succeeds after Close")
			}
		})
	}
}

func TestFromEnv_errors(t *testing.T) {
	for _, row := range []struct{ name, variable, value, want string }{
		{"port is a word", "REDIS_PORT", "http", `REDIS_PORT is "http"; want a number from 1 to 65535`},
		{"port is too large", "REDIS_PORT", "65536", `REDIS_PORT is "65536"; want a number from 1 to 65535`},
		{"database is negative", "REDIS_DB", "-1", `REDIS_DB is "-1"; want a number from 0 to`},
		{"host has a path", "REDIS_HOST", "redis/1", `REDIS_HOST is "redis/1"; want a host name or an address`},
		{"host has a port", "REDIS_HOST", "redis:6379", `REDIS_HOST is "redis:6379"; want a host name or an address`},
		{"url of another kind", "REDIS_URL", "http://redis", `REDIS_URL has the scheme "http"; want redis, rediss or unix`},
		{"url without a scheme", "REDIS_URL", "localhost:6379", `REDIS_URL has the scheme "localhost"; want redis, rediss or unix`},
		{"no url", "REDIS_URL", "redis://:se%cret@host", "REDIS_URL is no URL; want redis://user:password@host:port/db"},
		{"database of the url", "REDIS_URL", "redis://:secret@host/cache", "REDIS_URL"},
	} {
		t.Run(row.name, func(t *testing.T) {
			setenv(t, map[string]string{row.variable: row.value})
			b, err := goredis.FromEnv()
			if !mentions(err, row.want) || !mentions(err, "goredis: ") || b != nil {
				t.Fatalf("FromEnv = %v; want an error with %q", err, row.want)
			}
			if strings.Contains(fmt.Sprint(err), "cret") {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
}

// A server that can't be reached is no error of FromEnv.
func TestFromEnv_defaults(t *testing.T) {
	setenv(t, nil)
	b, err := goredis.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestClose_leavesTheCallersClient(t *testing.T) {
	client := newClient(t, &redis.Options{Addr: servertest.Start(t, servertest.Redis)})
	if err := goredis.New(client).Close(); err != nil {
		t.Fatal(err)
	}
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("after Close, Ping = %v", err)
	}
}
