// Package rin turns the flat keyspace of Redis or Valkey into a typed, nested
// hierarchy. It is declared once, in Go; rin then builds every key, checks every
// type, applies every TTL, and walks, parses and clears subtrees.
//
// # Declare
//
// A tree of clusters and keys, usually in package variables. A cluster's pattern
// is the prefix of everything below it, and <user_id> is a parameter:
//
//	var (
//		Age  = rin.Key[int]("age", rin.Default(0))
//		Name = rin.Key[string]("name", rin.Default("Unknown"))
//		User = rin.Cluster("user:<user_id>", rin.TTL(2*time.Minute), rin.Child(Age, Name))
//		Root = rin.Cluster("root", rin.Child(User))
//	)
//
// Declarations are immutable and hold no connection. [Cluster] and [Key] take
// options such as [TTL], [Default], [Codec] and [Protected]; clusters hand most
// of them down. A declaration prints as a tree.
//
// # Open
//
// [Open] checks the whole declaration, reports every mistake at once with its
// file:line, and binds it to a backend:
//
//	root, err := rin.Open(Root, memstore.New())
//
// In place of memstore.New() stands goredis.New(client) or
// valkeygo.New(client); nothing else changes. One declaration may be opened
// many times: each test opens its own memstore.
//
// # Read and write
//
// At binds a node to a place. It takes the parameters between the scope and the
// node, and never fails: a mistake is carried in the handle and returned by
// every operation on it.
//
//	alice := User.At(root, 1)                // a scope: root:user:1
//	err = Age.At(alice).Set(ctx, 30)         // SET root:user:1:age ~text:int:30 PX 120000
//	age, err := Age.At(root, 1).Get(ctx)     // the same key, reached from the root
//
// [Entry.Get] returns the default of a key that is not there, or [ErrNotFound];
// [Entry.Lookup] says whether it is there. [Entry.SetIfAbsent],
// [Entry.SetIfPresent], [Entry.Swap] and [Entry.Take] are atomic.
//
// A value is stored with a short textual header that names its codec and type,
// so that a value of another type is [ErrWrongType] and never a wrong number.
// Package codec describes it; [Plain] leaves it out.
//
// [Entry.Use] gives the key to the raw client, for commands that rin has no
// method for, such as those of streams.
//
// # Structures
//
// [Counter], [Hash], [List], [Set] and [SortedSet] declare the structures of Redis beside
// [Key], with the same options. Each write and its TTL are one atomic step:
//
//	logins, err := Logins.At(game, 42).Inc(ctx)
//	points, err := Ranking.At(game).Increment(ctx, "Ann", 150)
//	top, err := Ranking.At(game).Top(ctx, 10)
//
// # Expire
//
// The TTL nearest to the write wins: the write's own option, then the key's,
// then its cluster's and so on up. It is applied in the same atomic command as
// the write. [Renew] says whether it is counted from each write, from each
// access, or from the key's creation; [Jitter] spreads it.
//
// # Walk and clear
//
//	for key, err := range alice.Subkeys(ctx) { … }   // root:user:1:age
//	for user, err := range User.Each(ctx, root) { … } // a scope for each user
//	found, err := root.Parse("root:user:1:age")       // Age, user_id=1
//	deleted, err := alice.Clear(ctx)                  // root:user:1:…, never root:user:10:…
//
// These are exact: everything below the prefix, nothing else, and what a
// parameter holds is never a wildcard. [Scope.Param] says whose scope it is that
// Each yields.
//
// # Batch
//
// The operations of an entry, without a context, in one round trip. Each gives a
// [Future]:
//
//	b := root.Batch()
//	Name.At(alice).In(b).Set("Alice")
//	age := Age.At(alice).In(b).Get()
//	err = b.Run(ctx)           // one round trip
//	n, err := age.Result()     // an int
//
// [Batch.Run] names each operation that failed; the others have their results.
// [Atomic] makes the batch a transaction. [GetAll] and [SetAll] do the commonest
// case, many entries of one type.
//
// # Change atomically
//
// What many writers change is changed by what it holds. The function is called
// again where another writer came between:
//
//	age, err := Age.At(alice).Update(ctx, func(old int, _ bool) (int, error) {
//		return old + 1, nil
//	})
//
// [Entry.CompareAndSwap] is for a writer that knows what to expect.
// [Entry.CopyTo] and [Entry.MoveTo] carry a value to another place.
//
// # Cache
//
// Fetch reads a value, or else loads and stores it:
//
//	name, err := Name.At(root, 1).Fetch(ctx, loadName, rin.Exclusive(10*time.Second))
//
// However many want a key, one load of it runs in this process, and with
// [Exclusive] in the whole fleet. [RefreshEarly] loads anew before the TTL ends,
// [CacheAbsent] remembers that there is nothing to load, and [Entry.Forget] drops
// what is cached: no load that began before it stores what it brings. [FetchAll] loads many
// at once, and [StaleIfError] serves what has expired while the loader fails. A store that
// fails is not an empty one: see [LoadAnyway].
//
// # Errors
//
// Every operation's error is an [*OpError], which says what was tried, on what,
// and why it failed; sentinels such as [ErrNotFound] are matched with
// errors.Is. A failure is never a miss. [ErrUnknownOutcome] marks a write whose
// reply was lost: a write that is not idempotent is never sent twice.
//
// # Observe
//
// [Logger] logs each operation at debug level, and [OnEvent] tells of it, for counters and
// traces. A decorator around a backend, a
// type with two methods, sees every command: package backend describes it.
package rin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/codec"
)

// Open checks the whole declaration below root, binds it to a backend, and
// returns the scope of the root. It sends nothing to the store. The backend
// stays the caller's, to close and to use elsewhere.
//
// A declaration with mistakes gives one [*SchemaError] that lists all of them,
// each with its file:line. An argument that Open can't use, such as a nil
// backend or an option that can't be read, gives an [*OpError]. Where there are
// several errors, errors.As finds each of them.
func Open(root *ClusterNode, b backend.Backend, opts ...OpenOption) (*Scope, error) {
	s := &store{backend: b, pageSize: backend.DefaultPageSize}
	s.life, s.end = context.WithCancelCause(context.Background())
	errs := s.configure(opts)
	if root == nil {
		errs = append(errs, openError("the root cluster is nil; give what rin.Cluster returns"))
	} else {
		errs = append(errs, s.check(&root.node))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s.root.routes()
	s.now = func() time.Time { return backend.Now(b) }
	return &Scope{place: s.root, prefix: s.root.pattern}, nil
}

// configure applies the options of Open, and says what can't be used.
func (s *store) configure(opts []OpenOption) (errs []error) {
	if isNil(s.backend) {
		errs = append(errs, openError("the backend is nil; give memstore.New(), goredis.New(client) or valkeygo.New(client)"))
	}
	for _, opt := range opts {
		if opt == nil {
			errs = append(errs, openError("an option is nil; leave it out"))
		} else if err := opt.validInOpen(s); err != nil {
			errs = append(errs, openError("%w", err))
		}
	}
	if s.registry == nil {
		s.registry = codec.Standard()
	}
	if err := s.registry.Err(); err != nil {
		errs = append(errs, openError("%w", err))
	}
	return errs
}

func openError(format string, args ...any) error {
	return &OpError{Op: "open", Err: fmt.Errorf(format, args...)}
}

// OpenOption is an option of [Open].
type OpenOption interface {
	fmt.Stringer
	validInOpen(*store) error
}

type registryOption struct{ registry *codec.Registry }

// Registry sets the codecs and type names that values are written and read
// with. It applies to [Open]. The default is codec.Standard().
func Registry(reg *codec.Registry) OpenOption { return registryOption{reg} }

func (o registryOption) validInOpen(s *store) error {
	if o.registry == nil {
		return fmt.Errorf("Registry: the registry is nil; leave the option out for codec.Standard()")
	}
	s.registry = o.registry
	return nil
}

func (o registryOption) String() string { return "Registry(…)" }

type loggerOption struct{ logger *slog.Logger }

// Logger logs each operation at debug level: what it was, the key's pattern,
// the key, how long it took, and its error. Values are not logged. It applies to
// [Open]. By default nothing is logged.
func Logger(logger *slog.Logger) OpenOption { return loggerOption{logger} }

func (o loggerOption) validInOpen(s *store) error {
	if o.logger == nil {
		return fmt.Errorf("Logger: the logger is nil; leave the option out to log nothing")
	}
	s.logger = o.logger
	return nil
}

func (o loggerOption) String() string { return "Logger(…)" }

type pageSizeOption struct{ size int }

// PageSize sets how many keys a scan looks at, and a clear deletes, at a time.
// It applies to [Open]. The default is 1000.
func PageSize(n int) OpenOption { return pageSizeOption{n} }

func (o pageSizeOption) validInOpen(s *store) error {
	if o.size <= 0 {
		return fmt.Errorf("%v: the size must be positive", o)
	}
	s.pageSize = o.size
	return nil
}

func (o pageSizeOption) String() string { return fmt.Sprintf("PageSize(%d)", o.size) }

type envOption struct{}

// FromEnv reads options from the environment: [PageSize] from
// REDIS_DELETE_CHUNK_SIZE, a positive number, and [Logger] from
// SHOW_METHOD_DISPATCH_LOGS, a bool as strconv.ParseBool reads it, which logs
// to standard error. A variable that is not set, or is empty, leaves things as
// they are. It applies to [Open]; of several options the last one wins.
func FromEnv() OpenOption { return envOption{} }

func (envOption) validInOpen(s *store) error {
	if text := os.Getenv("REDIS_DELETE_CHUNK_SIZE"); text != "" {
		size, err := strconv.Atoi(text)
		if err != nil || size <= 0 {
			return fmt.Errorf("FromEnv: REDIS_DELETE_CHUNK_SIZE is %q; it must be a positive number", text)
		}
		s.pageSize = size
	}
	if text := os.Getenv("SHOW_METHOD_DISPATCH_LOGS"); text != "" {
		show, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("FromEnv: SHOW_METHOD_DISPATCH_LOGS is %q; it must be true or false", text)
		}
		if show {
			s.logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}
	}
	return nil
}

func (envOption) String() string { return "FromEnv()" }
