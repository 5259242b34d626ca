// Sessions keeps logins with a sliding expiry. Its tests show how to test a
// service of your own, time included, without a server and without waiting.
//
//	go run ./examples/sessions
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	root, err := rin.Open(Root, memstore.New())
	if err != nil {
		return err
	}
	logins := &Logins{root}

	if _, err = logins.NewCode(ctx, "alice"); err != nil {
		return err
	}
	_, err = logins.Login(ctx, "alice", "a guess")
	fmt.Fprintln(out, "a guess:", err)

	code, err := logins.NewCode(ctx, "alice")
	if err != nil {
		return err
	}
	token, err := logins.Login(ctx, "alice", code)
	if err != nil {
		return err
	}
	user, err := logins.User(ctx, token)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "the token is that of", user)
	if err := logins.Logout(ctx, token); err != nil {
		return err
	}
	_, err = logins.User(ctx, token)
	fmt.Fprintln(out, "after the logout:", err)
	return nil
}
