package rin_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/memstore"
)

// secret is a value that no log may show.
const secret = 987654321

// line is a line of a log, as slog writes it in JSON.
type line struct {
	Level, Msg, Op, Pattern, Key, Outcome, Error string
	Took                                         *float64
}

// logTo returns an option that logs into a buffer, and what it has logged since
// it was asked last.
func logTo(t *testing.T, level slog.Level) (rin.OpenOption, func() []line) {
	var out bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: level}))
	return rin.Logger(logger), func() (lines []line) {
		t.Helper()
		if strings.Contains(out.String(), "987654321") {
			t.Errorf("the log shows a value:\n%s", out.String())
		}
		for text := range strings.Lines(out.String()) {
			var l line
			check(t, json.Unmarshal([]byte(text), &l))
			lines = append(lines, l)
		}
		out.Reset()
		return lines
	}
}

func TestLogger(t *testing.T) {
	logger, logged := logTo(t, slog.LevelDebug)
	b := memstore.New()
	root := mustOpen(t, faultRoot, b, logger)
	e := faultAge.At(root, "x")
	ops := entryOps(e)
	ops["set"] = func(ctx context.Context) error { return e.Set(ctx, secret) }
	ops["swap"] = func(ctx context.Context) error { _, _, err := e.Swap(ctx, secret); return err }
	outcomes := map[string]string{
		"set if absent": "not applied", "compare and swap": "not applied", "compare and delete": "not applied",
		"get": "hit", "lookup": "hit", "raw": "hit", "type": "hit", "exists": "hit", "ttl": "hit", "expire time": "hit", "memory usage": "hit",
		"fetch": "hit",
	}
	for op, run := range ops {
		put(t, b, e.Key(), "~text:int:987654321")
		check(t, b.Exec(t.Context(), &backend.Expire{Key: e.Key(), TTL: time.Hour}))
		if err := run(t.Context()); err != nil {
			t.Errorf("%s: %v", op, err)
		}
		lines := logged()
		if len(lines) != 1 {
			t.Errorf("%s logged %+v, want one line", op, lines)
			continue
		}
		want := line{
			Level: "DEBUG", Msg: "rin", Op: strings.TrimSuffix(op, " at"), Pattern: "root:user:<id>:age", Key: "root:user:x:age",
			Outcome: cmp.Or(outcomes[op], "applied"), Took: lines[0].Took,
		}
		if lines[0] != want || lines[0].Took == nil {
			t.Errorf("%s logged %+v, want %+v", op, lines[0], want)
		}
	}
}

func TestLogger_outcomes(t *testing.T) {
	logger, logged := logTo(t, slog.LevelDebug)
	root, ctx := mustOpen(t, faultRoot, memstore.New(), logger), t.Context()
	e := faultAge.At(root, 1)
	for _, row := range []struct {
		run    func() error
		want   string
		reason string
	}{
		{func() error { _, err := e.Get(ctx); return err }, "miss", "a default is no hit"},
		{func() error { _, _, err := e.Lookup(ctx); return err }, "miss", "nothing is there"},
		{func() error { _, err := e.SetIfPresent(ctx, secret); return err }, "not applied", "nothing is there"},
		{func() error { _, err := e.Delete(ctx); return err }, "not applied", "nothing is there"},
		{func() error { _, err := e.Fetch(ctx, loads(1).load); return err }, "loaded", "the load is what took the time"},
		{func() error { _, err := e.Fetch(ctx, loads(1).load); return err }, "hit", "it is there now"},
		{func() error { return e.Set(ctx, secret) }, "applied", "a Set always is"},
		{func() error { _, err := e.SetIfAbsent(ctx, secret); return err }, "not applied", "something is there"},
		{func() error {
			_, err := e.Update(ctx, func(old int, _ bool) (int, error) { return old, rin.Unchanged })
			return err
		}, "not applied", "nothing was written"},
		{func() error { _, err := root.Count(ctx); return err }, "walked", "a walk is no key's"},
	} {
		check(t, row.run())
		if lines := slices.DeleteFunc(logged(), func(l line) bool { return l.Op == "load" }); len(lines) != 1 || lines[0].Outcome != row.want || lines[0].Error != "" {
			t.Errorf("logged %+v, want %s: %s", lines, row.want, row.reason)
		}
	}
}

// The log has the error that the caller gets, also one that no store has made.
func TestLogger_callersErrors(t *testing.T) {
	logger, logged := logTo(t, slog.LevelDebug)
	b := memstore.New()
	root, ctx := mustOpen(t, faultRoot, b, logger), t.Context()
	foreign := faultAge.At(root, "foreign")
	put(t, b, foreign.Key(), "987654321")
	errs := map[string]error{
		"a value that can't be decoded": func() error { _, err := foreign.Get(ctx); return err }(),
		"a bad handle":                  func() error { _, err := faultAge.At(root).Get(ctx); return err }(),
		"a bad option":                  faultAge.At(root, 1).Set(ctx, 1, rin.TTL(-1)),
		"a node that is not there":      atStray.At(root).Set(ctx, 1),
		"a result of a batch": func() error {
			b := root.Batch()
			future := foreign.In(b).Get()
			_ = b.Run(ctx) // the future has the error
			_, err := future.Result()
			return err
		}(),
	}
	lines := logged()
	for name, err := range errs {
		if err == nil {
			t.Errorf("%s gives no error", name)
			continue
		}
		if !slices.ContainsFunc(lines, func(l line) bool { return l.Error == err.Error() && l.Outcome == "" }) {
			t.Errorf("%s: the log lacks the error %v", name, err)
		}
	}
}

// A batch and a transaction are logged op by op, too.
func TestLogger_batches(t *testing.T) {
	for _, opts := range [][]rin.BatchOption{nil, {rin.Atomic()}} {
		logger, logged := logTo(t, slog.LevelDebug)
		s := &spy{Backend: memstore.New()}
		root := mustOpen(t, faultRoot, s, logger)
		b := root.Batch(opts...)
		faultAge.At(root, 1).In(b).Set(secret)
		faultAge.At(root, 2).In(b).Get()
		check(t, b.Run(t.Context()))
		lines := logged()
		if len(lines) != 2 || lines[0].Op != "set" || lines[1].Op != "get" || lines[1].Key != "root:user:2:age" {
			t.Errorf("%v: logged %+v", opts, lines)
		}
		if got := s.taken(); (got[0] == "transact") != (opts != nil) {
			t.Errorf("%v: the store was given %v", opts, got)
		}
	}
}

func TestLogger_walks(t *testing.T) {
	logger, logged := logTo(t, slog.LevelDebug)
	root, ctx := mustOpen(t, faultRoot, memstore.New(), logger, rin.PageSize(2)), t.Context()
	for i := range 4 {
		check(t, faultAge.At(root, i).Set(ctx, secret))
	}
	logged()
	if n, err := root.Clear(ctx); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	lines := logged()
	if len(lines) != 1 || lines[0].Op != "clear" || lines[0].Outcome != "applied" || lines[0].Pattern != "root" || lines[0].Key != "root" {
		t.Errorf("logged %+v, want the clear", lines)
	}
	for range root.Subkeys(ctx) {
		break
	}
	if lines = logged(); len(lines) != 1 || lines[0].Op != "subkeys" || lines[0].Error != "" {
		t.Errorf("logged %+v, want the walk", lines)
	}
}

func TestLogger_failures(t *testing.T) {
	logger, logged := logTo(t, slog.LevelDebug)
	broken := errors.New("broken")
	s := &spy{Backend: memstore.New(), fail: func(backend.Op) error { return broken }, pages: failingAfter(0, broken)}
	root, ctx := mustOpen(t, faultRoot, s, logger), t.Context()
	e := faultAge.At(root, 1)
	ops := entryOps(e)
	for name, run := range faultScopeOps(root) {
		ops[name] = run
	}
	for op, run := range ops {
		if err := run(ctx); !errors.Is(err, broken) {
			t.Errorf("%s: %v", op, err)
		}
		lines := logged()
		if len(lines) != 1 {
			t.Errorf("%s logged %+v, want one line", op, lines)
		}
		for _, l := range lines {
			if !strings.HasSuffix(l.Error, "broken") && op != "clear" || l.Level != "DEBUG" || l.Outcome != "" {
				t.Errorf("%s logged %+v, want the failure, at debug level", op, l)
			}
		}
	}
	s.fail = nil
	put(t, s, e.Key(), "987654321")
	if _, err := e.Get(ctx); !errors.Is(err, rin.ErrForeign) || strings.Contains(err.Error(), "987654321") {
		t.Errorf("get: %v, want an error without the value", err)
	}
	logged()
}

// Above debug level there is nothing, not even a failure.
func TestLogger_nothingAboveDebug(t *testing.T) {
	logger, logged := logTo(t, slog.LevelDebug+1)
	s := &spy{Backend: memstore.New()}
	root, ctx := mustOpen(t, faultRoot, s, logger), t.Context()
	e := faultAge.At(root, 1)
	check(t, e.Set(ctx, secret))
	s.fail = func(backend.Op) error { return errors.New("broken") }
	if _, err := e.Get(ctx); err == nil {
		t.Error("the failure is gone")
	}
	if _, err := root.Count(ctx); err != nil {
		t.Error(err)
	}
	if lines := logged(); len(lines) > 0 {
		t.Errorf("logged %+v", lines)
	}
}

// pageSizes is a store that notes the page size it is asked for.
type pageSizes struct {
	backend.Backend
	last int
}

func (p *pageSizes) ScanPages(ctx context.Context, prefix string, size int) pageSeq {
	p.last = size
	return backend.ScanPages(ctx, p.Backend, prefix, size)
}

func TestPageSize(t *testing.T) {
	for _, tc := range []struct {
		name   string
		env    string
		opts   []rin.OpenOption
		want   int
		reason string
	}{
		{"default", "7", nil, 1000, "the environment is read only where FromEnv is given"},
		{"option", "", []rin.OpenOption{rin.PageSize(5)}, 5, "it is what was asked for"},
		{"environment", "7", []rin.OpenOption{rin.FromEnv()}, 7, "it is what was asked for"},
		{"empty environment", "", []rin.OpenOption{rin.FromEnv()}, 1000, "an empty variable is as good as none"},
		{"empty environment after an option", "", []rin.OpenOption{rin.PageSize(5), rin.FromEnv()}, 5, "an empty variable leaves things as they are"},
		{"environment last", "7", []rin.OpenOption{rin.PageSize(5), rin.FromEnv()}, 7, "the last one wins"},
		{"option last", "7", []rin.OpenOption{rin.FromEnv(), rin.PageSize(5)}, 5, "the last one wins"},
		{"with a logger", "", []rin.OpenOption{rin.PageSize(5), rin.Logger(slog.New(slog.DiscardHandler))}, 5, "the logger passes it on"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("REDIS_DELETE_CHUNK_SIZE", tc.env)
			p := &pageSizes{Backend: memstore.New()}
			if _, err := mustOpen(t, faultRoot, p, tc.opts...).Count(t.Context()); err != nil || p.last != tc.want {
				t.Errorf("pages of %d, %v, want %d: %s", p.last, err, tc.want, tc.reason)
			}
		})
	}
}

func TestFromEnv_refuses(t *testing.T) {
	for _, tc := range []struct{ name, value, want string }{
		{"REDIS_DELETE_CHUNK_SIZE", "0", `FromEnv: REDIS_DELETE_CHUNK_SIZE is "0"; it must be a positive number`},
		{"REDIS_DELETE_CHUNK_SIZE", "-5", "must be a positive number"},
		{"REDIS_DELETE_CHUNK_SIZE", "many", `is "many"; it must be a positive number`},
		{"REDIS_DELETE_CHUNK_SIZE", "1.5", "must be a positive number"},
		{"REDIS_DELETE_CHUNK_SIZE", "99999999999999999999", "must be a positive number"},
		{"SHOW_METHOD_DISPATCH_LOGS", "maybe", `FromEnv: SHOW_METHOD_DISPATCH_LOGS is "maybe"; it must be true or false`},
		{"SHOW_METHOD_DISPATCH_LOGS", "2", "must be true or false"},
	} {
		t.Run(tc.name+"="+tc.value, func(t *testing.T) {
			t.Setenv(tc.name, tc.value)
			_, err := rin.Open(faultRoot, memstore.New(), rin.FromEnv())
			checkOpenErrors(t, err, tc.want)
		})
	}
}

func TestFromEnv_logs(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "1": true, "false": false, "0": false, "": false} {
		t.Run("value="+value, func(t *testing.T) {
			t.Setenv("SHOW_METHOD_DISPATCH_LOGS", value)
			path := filepath.Join(t.TempDir(), "stderr")
			file, err := os.Create(path)
			check(t, err)
			defer file.Close()
			stderr := os.Stderr
			os.Stderr = file
			root := mustOpen(t, faultRoot, memstore.New(), rin.FromEnv())
			os.Stderr = stderr

			check(t, faultAge.At(root, 1).Set(t.Context(), secret, rin.TTL(time.Minute)))
			log, err := os.ReadFile(path)
			check(t, err)
			text := string(log)
			if shown := strings.Contains(text, "level=DEBUG msg=rin op=set pattern=root:user:<id>:age key=root:user:1:age"); shown != want || !want && text != "" {
				t.Errorf("logged %q, want a line: %v", text, want)
			}
			if strings.Contains(text, "987654321") {
				t.Errorf("the log shows the value: %q", text)
			}
		})
	}
}
