// Metrics counts what a backend carries out, by the declared pattern of the keys,
// with an interceptor: a function that stands before a backend.
//
//	go run ./examples/metrics
package main

import (
	"context"
	"io"
	"log"
	"os"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

var (
	Age   = rin.Key[int]("age")
	Email = rin.Key[string]("email")
	User  = rin.Cluster("user:<user_id>", rin.Child(Age, Email))
	Root  = rin.Cluster("shop", rin.Child(User))
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	metrics := New()
	root, err := rin.Open(Root, metrics.Around(memstore.New()))
	if err != nil {
		return err
	}
	for id := range 3 {
		user := User.At(root, id)
		if err := Age.At(user).Set(ctx, 20+id); err != nil {
			return err
		}
		if _, _, err := Email.At(user).Lookup(ctx); err != nil {
			return err
		}
	}
	if _, err := root.Clear(ctx); err != nil {
		return err
	}
	return metrics.Print(out)
}
