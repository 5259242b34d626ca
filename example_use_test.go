package rin_test

import (
	"fmt"
	"log"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// Inboxes by user.
var (
	Unread  = rin.Key[[]byte]("unread")
	Inbox   = rin.Cluster("inbox:<user_id>", rin.Child(Unread))
	Inboxes = rin.Cluster("mail", rin.Child(Inbox))
)

// A command that rin has no method for is given to the raw client, with the
// entry's key. A bad entry has none, and then nothing is sent.
func ExampleEntry_Use() {
	mail, err := rin.Open(Inboxes, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	send := func(key string) error { // client.SetBit(ctx, key, 7, 1).Err()
		fmt.Println("SETBIT", key, 7, 1)
		return nil
	}
	fmt.Println(Unread.At(mail, 42).Use(send))
	fmt.Println(Unread.At(mail, "").Use(send))
	// Output:
	// SETBIT mail:inbox:42:unread 7 1
	// <nil>
	// rin: use mail:inbox:<user_id>:unread: <user_id>: empty parameter
}

// A scope knows its parameters, also where it was not At that made it.
func ExampleScope_Param() {
	mail, err := rin.Open(Inboxes, memstore.New())
	if err != nil {
		log.Fatal(err)
	}
	user, ok := Inbox.At(mail, 42).Param("user_id")
	fmt.Println(user, ok)
	// Output: 42 true
}
