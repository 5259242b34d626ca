package rin_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// A session is a hash, so that its parts are read and written one by one. It ends half an
// hour after it was used last. A part of it may end sooner.
var (
	Session  = rin.Hash[string, string]("session:<token>", rin.TTL(30*time.Minute), rin.Renew(rin.OnAccess))
	Sessions = rin.Cluster("web", rin.Child(Session))
)

// A session as a hash.
func ExampleHash() {
	ctx := context.Background()
	web, err := rin.Open(Sessions, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	session := Session.At(web, "b2f7")
	if _, err := session.SetMany(ctx, map[string]string{"user": "42", "language": "en"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(session.Set(ctx, "notice", "saved"))
	fmt.Println(session.Take(ctx, "notice")) // shown once
	fmt.Println(session.Take(ctx, "notice"))
	fmt.Println(session.Set(ctx, "code", "314159", rin.FieldTTL(2*time.Minute)))
	fmt.Println(session.FieldTTLOf(ctx, "code"))
	fmt.Println(session.All(ctx))
	fmt.Println(session.TTL(ctx))
	// Output:
	// true <nil>
	// saved true <nil>
	//  false <nil>
	// true <nil>
	// 2m0s <nil>
	// map[code:314159 language:en user:42] <nil>
	// 30m0s <nil>
}
