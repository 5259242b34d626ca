package valkeygo_test

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/internal/servertest"
)

// setenv sets the variables that FromEnv reads; those that vars lacks are empty.
func setenv(t *testing.T, vars map[string]string) {
	t.Helper()
	for _, name := range []string{"REDIS_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_USERNAME", "REDIS_PASS", "REDIS_DB"} {
		t.Setenv(name, vars[name])
	}
}

func TestFromEnv(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireUserAuth("rin", "p:a/s@s")
	host, port, _ := net.SplitHostPort(server.Addr())
	encoded := "redis://rin:p%3Aa%2Fs%40s@" + server.Addr()
	tests := []struct {
		name   string
		vars   map[string]string
		db     int
		reason string
	}{
		{
			"parts",
			map[string]string{"REDIS_HOST": host, "REDIS_PORT": port, "REDIS_USERNAME": "rin", "REDIS_PASS": "p:a/s@s"},
			0,
			"a password may hold any byte",
		},
		{
			"parts with db",
			map[string]string{"REDIS_HOST": host, "REDIS_PORT": port, "REDIS_USERNAME": "rin", "REDIS_PASS": "p:a/s@s", "REDIS_DB": "3"},
			3,
			"the database is selected",
		},
		{"url", map[string]string{"REDIS_URL": encoded}, 0, "a URL says it all"},
		{"url with slash", map[string]string{"REDIS_URL": encoded + "/"}, 0, "a slash is no database"},
		{"url with db", map[string]string{"REDIS_URL": encoded + "/2"}, 2, "the path is the database"},
		{
			"url wins",
			map[string]string{"REDIS_URL": encoded, "REDIS_HOST": "nowhere.invalid", "REDIS_PORT": "zero"},
			0,
			"beside a URL the other variables count for nothing",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			setenv(t, test.vars)
			b, err := valkeygo.FromEnv()
			if err != nil {
				t.Fatalf("FromEnv: %v; but %s", err, test.reason)
			}
			defer b.Close()
			mustExec(t, b, &backend.Set{Key: "k", Value: []byte(test.name)})
			if got, err := server.DB(test.db).Get("k"); got != test.name {
				t.Errorf("database %d holds %q, %v; but %s", test.db, got, err, test.reason)
			}
		})
	}
}

func TestFromEnv_errors(t *testing.T) {
	tests := []struct {
		name   string
		vars   map[string]string
		want   string
		reason string
	}{
		{"port", map[string]string{"REDIS_PORT": "http"}, "REDIS_PORT", "the wrong variable is named"},
		{"port range", map[string]string{"REDIS_PORT": "70000"}, "REDIS_PORT", "there is no such port"},
		{"db", map[string]string{"REDIS_DB": "-1"}, "REDIS_DB", "databases are counted from 0"},
		{"scheme", map[string]string{"REDIS_URL": "http://:secret@localhost"}, "REDIS_URL", "it is no Redis"},
		{"bad url", map[string]string{"REDIS_URL": "redis://:sec%ret@localhost"}, "REDIS_URL", "the password stays secret"},
		{"bad path", map[string]string{"REDIS_URL": "redis://localhost/secret"}, "REDIS_URL", "a part of a password may look like a path"},
		{"nobody there", map[string]string{"REDIS_URL": "redis://:secret@127.0.0.1:1"}, "127.0.0.1:1", "the address is named"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			setenv(t, test.vars)
			b, err := valkeygo.FromEnv()
			if err == nil {
				b.Close()
				t.Fatal("FromEnv: no error")
			}
			text := err.Error()
			if !strings.HasPrefix(text, "valkeygo: ") || !strings.Contains(text, test.want) || strings.Contains(text, "sec") {
				t.Errorf("FromEnv: %v; want an error about %s, without the password, since %s", err, test.want, test.reason)
			}
		})
	}
}

// Close ends what FromEnv started: afterwards there are no more goroutines than
// before.
func TestClose(t *testing.T) {
	host, port, _ := net.SplitHostPort(servertest.Start(t, servertest.Redis))
	setenv(t, map[string]string{"REDIS_HOST": host, "REDIS_PORT": port})
	before := runtime.NumGoroutine()
	b, err := valkeygo.FromEnv()
	if err != nil {
		t.Fatalf("FromEnv: %v", err)
	}
	mustExec(t, b, &backend.Get{Key: "k"}, &backend.Delete{Key: "k"})
	for range b.Scan(t.Context(), "") {
	}
	if err := b.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := b.Exec(t.Context(), &backend.Get{Key: "k"}); err == nil {
		t.Error("after Close, Get: no error")
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left, of %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestClose_leavesClient(t *testing.T) {
	b := valkeygo.New(newClient(t, servertest.Start(t, servertest.Redis)))
	b.Close()
	mustExec(t, b, &backend.Get{Key: "k"}) // The client is its maker's to close.
}

func TestNew_nil(t *testing.T) {
	b := valkeygo.New(nil)
	get, set := &backend.Get{Key: "k"}, &backend.Set{Key: "k"}
	b.Exec(t.Context(), get, set)
	for _, err := range []error{get.Err, set.Err} {
		if err == nil || !strings.Contains(err.Error(), "client is nil") {
			t.Errorf("%v; want an error that says what is missing", err)
		}
	}
	for _, err := range b.Scan(t.Context(), "") {
		if err == nil {
			t.Error("Scan: no error")
		}
	}
	if err := b.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
