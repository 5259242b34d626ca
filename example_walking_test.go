package rin_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// Forums with their threads; the audit log is not to be cleared by accident.
var (
	Title  = rin.Key[string]("title")
	Thread = rin.Cluster("thread:<thread_id>", rin.Child(Title))
	Audit  = rin.Cluster("audit", rin.Protected(), rin.Child(rin.Key[string]("entry:<n>")))
	Forum  = rin.Cluster("forum:<forum>", rin.Child(Thread, Audit))
	Forums = rin.Cluster("forums", rin.Child(Forum))
)

// Walking and clearing are exact: everything below the scope and nothing else.
func Example_walkingAndClearing() {
	ctx := context.Background()
	forums, err := rin.Open(Forums, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	for _, forum := range []string{"go", "go*", "golf"} {
		for thread := range 2 {
			err := Title.At(forums, forum, thread).Set(ctx, "Hello")
			if err != nil {
				log.Fatal(err)
			}
		}
	}

	golang := Forum.At(forums, "go")
	for key, err := range golang.Subkeys(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(key)
	}

	// Each yields a scope for every forum that has a key.
	for forum, err := range Forum.Each(ctx, forums) {
		if err != nil {
			log.Fatal(err)
		}
		n, err := forum.Count(ctx)
		fmt.Println(forum, n, err)
	}

	// Clear says how many keys it deleted. A star in a parameter is a star, not
	// a wildcard, and forum "golf" is not below forum "go".
	_, err = Forum.At(forums, "go*").Clear(ctx)
	fmt.Println(errors.Is(err, rin.ErrProtected))
	fmt.Println(err)
	fmt.Println(Forum.At(forums, "go*").Clear(ctx, rin.DryRun()))
	fmt.Println(Forum.At(forums, "go*").Clear(ctx, rin.Force()))
	fmt.Println(forums.Count(ctx))

	// Output:
	// forums:forum:go:thread:0:title
	// forums:forum:go:thread:1:title
	// forums:forum:go* 2 <nil>
	// forums:forum:go 2 <nil>
	// forums:forum:golf 2 <nil>
	// true
	// rin: clear forums:forum:go*: protected: cluster forums:forum:<forum>:audit is declared rin.Protected(); give rin.Force() to clear it all the same
	// 2 <nil>
	// 2 <nil>
	// 4 <nil>
}
