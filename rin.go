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
// parameter holds is never a wildcard.
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
// what is cached. A store that fails is not an empty one: see [LoadAnyway].
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
// [Logger] logs each operation at debug level. A decorator around a backend, a
// type with two methods, sees every command: package backend describes it.
package rin
