package rin_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

var ctx = context.Background()

var (
	Age  = rin.Key[int]("age", rin.Default(0))
	Name = rin.Key[string]("name", rin.Default("Unknown"))
	User = rin.Cluster("user:<user_id>", rin.TTL(2*time.Minute), rin.Child(Age, Name))
	Root = rin.Cluster("root", rin.Child(User))
)

// The package in one function: open a declaration, write, read, walk, clear.
func Example() {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		log.Fatal(err)
	}

	alice := User.At(root, 1)        // a scope: root:user:1
	err = Age.At(alice).Set(ctx, 30) // SET root:user:1:age ~text:int:30 PX 120000
	if err != nil {
		log.Fatal(err)
	}
	age, err := Age.At(root, 1).Get(ctx) // the same key, reached from the root
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(age)

	for key, err := range alice.Subkeys(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(key)
	}
	for user, err := range User.Each(ctx, root) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(user)
	}
	found, err := root.Parse("root:user:1:age")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Node, found.Params)
	deleted, err := alice.Clear(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(deleted, "deleted")

	// Output:
	// 30
	// root:user:1:age
	// root:user:1
	// age  int  Default(0) [user_id=1]
	// 1 deleted
}

func ExampleCluster() {
	fmt.Println(Root)
	// Output:
	// root
	// └── user:<user_id>  TTL(2m0s)
	//     ├── age  int  Default(0)  (inherits TTL(2m0s))
	//     └── name  string  Default("Unknown")  (inherits TTL(2m0s))
}

func ExampleCluster_hashTag() {
	// What stands in braces decides the slot of a Redis Cluster, so all keys of
	// one cart lie together.
	items := rin.Key[[]string]("items")
	cart := rin.Cluster("cart:{<cart_id>}", rin.Child(items))
	shop := rin.Cluster("shop", rin.Child(cart))

	root, err := rin.Open(shop, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(items.At(root, 7).Key())
	// Output: shop:cart:{7}:items
}

func ExampleKeyOf_At() {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(Age.At(root, 1).Key())
	fmt.Println(Age.At(User.At(root, 1)).Key())
	fmt.Println(Age.At(root, rin.Named("user_id", 1)).Key())
	fmt.Println(Age.At(root).Err())
	// Output:
	// root:user:1:age
	// root:user:1:age
	// root:user:1:age
	// rin: at root:user:<user_id>:age: missing parameter: <user_id>
}

func ExampleEntry_Lookup() {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	_, found, err := Age.At(root, 1).Lookup(ctx)
	fmt.Println(found, err)

	err = Age.At(root, 1).Set(ctx, 30)
	if err != nil {
		log.Fatal(err)
	}
	age, found, err := Age.At(root, 1).Lookup(ctx)
	fmt.Println(age, found, err)
	// Output:
	// false <nil>
	// 30 true <nil>
}

// A key that only the first writer gets is a lock, for as long as its TTL.
func ExampleEntry_SetIfAbsent() {
	holder := rin.Key[string]("holder", rin.TTL(30*time.Second))
	job := rin.Cluster("job:<name>", rin.Child(holder))
	jobs, err := rin.Open(rin.Cluster("jobs", rin.Child(job)), memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	for _, worker := range []string{"a", "b"} {
		got, err := holder.At(jobs, "report").SetIfAbsent(ctx, worker)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("worker %s runs the report: %t\n", worker, got)
	}
	// Output:
	// worker a runs the report: true
	// worker b runs the report: false
}

func ExampleEntry_Swap() {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	name := Name.At(root, 1)
	for _, next := range []string{"Alice", "Bob"} {
		old, existed, err := name.Swap(ctx, next)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q, which replaced %q (%t)\n", next, old, existed)
	}
	// Output:
	// "Alice", which replaced "" (false)
	// "Bob", which replaced "Alice" (true)
}

func ExampleEntry_Take() {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	err = Name.At(root, 1).Set(ctx, "Alice")
	if err != nil {
		log.Fatal(err)
	}
	// A value that may be used once, such as a code sent by mail.
	for range 2 {
		name, found, err := Name.At(root, 1).Take(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q %t\n", name, found)
	}
	// Output:
	// "Alice" true
	// "" false
}

func ExampleScope_Batch() {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	alice := User.At(root, 1)

	b := root.Batch()
	Name.At(alice).In(b).Set("Alice")
	age := Age.At(alice).In(b).Get()
	err = b.Run(ctx) // one round trip
	if err != nil {
		log.Fatal(err)
	}
	n, err := age.Result() // an int
	fmt.Println(n, err)
	// Output: 0 <nil>
}

func ExampleAtomic() {
	// The braces keep the keys of one account in one slot of a cluster.
	balance := rin.Key[int]("balance", rin.Default(0))
	booked := rin.Key[[]string]("booked:<day>")
	account := rin.Cluster("account:{<id>}", rin.Child(balance, booked))
	bank, err := rin.Open(rin.Cluster("bank", rin.Child(account)), memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	b := bank.Batch(rin.Atomic())
	balance.At(bank, 7).In(b).Set(100)
	booked.At(bank, 7, "monday").In(b).Set([]string{"100 paid in"})
	fmt.Println(b.Run(ctx))
	// Output: <nil>
}

func ExampleGetAll() {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	err = rin.SetAll(ctx, Age.At(root, 1).To(30), Age.At(root, 2).To(40))
	if err != nil {
		log.Fatal(err)
	}
	ages, err := rin.GetAll(ctx, Age.At(root, 1), Age.At(root, 2), Age.At(root, 3))
	if err != nil {
		log.Fatal(err)
	}
	for _, age := range ages {
		fmt.Println(age.Value, age.Found)
	}
	// Output:
	// 30 true
	// 40 true
	// 0 false
}

func ExampleEntry_CompareAndSwap() {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	name := Name.At(root, 1)
	err = name.Set(ctx, "Alice")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(name.CompareAndSwap(ctx, "Alice", "Alicia"))
	fmt.Println(name.CompareAndSwap(ctx, "Alice", "Ali"))
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleEntry_Update() {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	alice := User.At(root, 1)
	for range 2 {
		age, err := Age.At(alice).Update(ctx, func(old int, _ bool) (int, error) {
			return old + 1, nil // of the default, where nothing is stored
		})
		fmt.Println(age, err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
}

func ExampleEntry_Fetch() {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	loadName := func(context.Context) (string, error) {
		fmt.Println("loading")
		return "Alice", nil
	}
	for range 2 {
		name, err := Name.At(root, 1).Fetch(ctx, loadName)
		fmt.Println(name, err)
	}
	// Output:
	// loading
	// Alice <nil>
	// Alice <nil>
}

// Of all the processes that share a store, one loads.
func ExampleExclusive() {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	askForName := func(context.Context) (string, error) { return "Alice", nil }
	loadName := func(ctx context.Context) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // well within the lease
		defer cancel()
		return askForName(ctx)
	}
	name, err := Name.At(root, 1).Fetch(ctx, loadName, rin.Exclusive(10*time.Second))
	fmt.Println(name, err)
	// Output: Alice <nil>
}

func ExampleScope_Clear() {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	for _, user := range []int{1, 10} {
		err := Age.At(root, user).Set(ctx, 30)
		if err != nil {
			log.Fatal(err)
		}
	}
	alice := User.At(root, 1)
	n, err := alice.Clear(ctx, rin.DryRun())
	fmt.Println(n, "would go,", err)
	n, err = alice.Clear(ctx)
	fmt.Println(n, "deleted,", err)
	n, err = root.Count(ctx) // user 10 is not below user 1
	fmt.Println(n, "left,", err)
	// Output:
	// 1 would go, <nil>
	// 1 deleted, <nil>
	// 1 left, <nil>
}

func ExampleScope_Parse() {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	found, err := root.Parse("root:user:1:age")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Node == Age, found.Params)
	// Output: true [user_id=1]
}

// A log line names the key and its declared pattern, never the value.
func ExampleLogger() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "took" {
				return slog.Attr{} // they are not the same twice
			}
			return a
		},
	}))
	root, err := rin.Open(Root, memstore.New(), rin.Logger(logger))
	if err != nil {
		log.Fatal(err)
	}
	err = Age.At(root, 1).Set(ctx, 30)
	if err != nil {
		log.Fatal(err)
	}
	// Output: level=DEBUG msg=rin op=set pattern=root:user:<user_id>:age key=root:user:1:age outcome=applied
}
