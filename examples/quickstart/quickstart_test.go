package main

import (
	"bytes"
	"context"
	"flag"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/redisimnest/rin/internal/servertest"
)

var update = flag.Bool("update", false, "rewrite the golden file")

const golden = "testdata/output.golden"

// Every backend prints the same.
func TestQuickstart(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		got := quickstartOutput(t)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		checkOutput(t, got)
	})
	t.Run("redis", func(t *testing.T) {
		addr := servertest.Start(t, servertest.Redis)
		checkOutput(t, quickstartOutput(t, "-backend", "redis", "-addr", addr))
	})
	t.Run("valkey", func(t *testing.T) {
		addr := servertest.Start(t, servertest.Valkey)
		checkOutput(t, quickstartOutput(t, "-backend", "valkey", "-addr", addr))
	})
}

func quickstartOutput(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(args, &stdout, &stderr); code != 0 {
		t.Fatalf("run(%q) = %d; it wrote:\n%s%s", args, code, &stdout, &stderr)
	}
	return stdout.String()
}

func checkOutput(t *testing.T, got string) {
	t.Helper()
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("output differs from %s (-want +got); if it should, run go test ./examples/quickstart -update\n%s", golden, diff)
	}
}

// The program shares a database: it deletes its own keys and no other.
func TestQuickstart_leavesOtherKeys(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	theirs := []string{"root:user:1:age", "rin-quickstart", "rin-quickstart2:user:1:age"}
	for _, key := range theirs {
		servertest.Do(t, addr, "SET", key, "theirs")
	}
	quickstartOutput(t, "-backend", "redis", "-addr", addr)
	for _, key := range theirs {
		if got := servertest.Do(t, addr, "GET", key); got != "theirs" {
			t.Errorf("%s holds %v after the run, want it untouched", key, got)
		}
	}
	if got := servertest.Do(t, addr, "DBSIZE"); got != int64(len(theirs)) {
		t.Errorf("%v keys are left, want %d", got, len(theirs))
	}
}

// A run that ends in the middle deletes what it has written.
func TestQuickstart_cleansUpAfterFailure(t *testing.T) {
	addr := servertest.Start(t, servertest.Redis)
	ctx, cancel := context.WithCancel(t.Context())
	out := &cancelWriter{on: "Read them back", cancel: cancel}
	if err := quickstart(ctx, "redis", addr, out); err == nil {
		t.Fatal("quickstart returned no error, though its context was cancelled")
	}
	if got := servertest.Do(t, addr, "DBSIZE"); got != int64(0) {
		t.Errorf("%v keys are left, want none", got)
	}
}

// cancelWriter cancels when something with the text on is written.
type cancelWriter struct {
	on     string
	cancel func()
}

func (w *cancelWriter) Write(p []byte) (int, error) {
	if strings.Contains(string(p), w.on) {
		w.cancel()
	}
	return len(p), nil
}

func TestRun_errors(t *testing.T) {
	gone := closedAddr(t)
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"unknown flag", []string{"-x"}, 2, "flag provided but not defined: -x"},
		{"unknown backend", []string{"-backend", "disk"}, 2, `-backend is "disk"; want memory, redis or valkey`},
		{"address without port", []string{"-addr", "localhost"}, 2, `-addr is "localhost"; want host:port`},
		{"argument", []string{"redis"}, 2, `unexpected argument "redis"`},
		{"no redis", []string{"-backend", "redis", "-addr", gone}, 1, "connection refused"},
		{"no valkey", []string{"-backend", "valkey", "-addr", gone}, 1, "connection refused"},
		{"help", []string{"-help"}, 0, "-backend"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(test.args, &stdout, &stderr); code != test.code {
				t.Errorf("run(%q) = %d, want %d", test.args, code, test.code)
			}
			if !strings.Contains(stderr.String(), test.want) {
				t.Errorf("run(%q) wrote %q to stderr, want %q in it", test.args, &stderr, test.want)
			}
		})
	}
}

// closedAddr is an address that nobody listens on.
func closedAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return l.Addr().String()
}
