package rin_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/memstore"
)

// Files by their paths, and devices by model and number.
var (
	Size    = rin.Key[int64]("size")
	File    = rin.Cluster("file:<path>", rin.Child(Size))
	Status  = rin.Key[string]("status:<model>-<number>")
	Storage = rin.Cluster("storage", rin.Child(File, Status))
)

// What a key is made of can be read back from it: Parse is the inverse of At.
func Example_keysAndParse() {
	ctx := context.Background()
	storage, err := rin.Open(Storage, memstore.New())
	if err != nil {
		log.Fatal(err)
	}

	// What would break a key is escaped: a colon, braces, a percent sign,
	// control bytes, and what keeps two parameters of one segment apart.
	fmt.Println(Size.At(storage, "a:b").Key())
	fmt.Println(Size.At(storage, "50% {off}").Key())
	fmt.Println(Size.At(storage, "Zürich *").Key())
	fmt.Println(Status.At(storage, "tea-pot", 7).Key())
	fmt.Println(Size.At(storage, "").Err())

	found, err := storage.Parse("storage:status:tea%2Dpot-7")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Node == Status)
	for _, param := range found.Params {
		fmt.Println(param.Name, "=", param.Value)
	}

	_, err = storage.Parse("storage:folder")
	fmt.Println(errors.Is(err, rin.ErrUndeclared), err)
	_, err = storage.Parse("elsewhere:1")
	fmt.Println(errors.Is(err, rin.ErrNotUnder), err)

	// Entries walks and parses in one.
	err = Size.At(storage, "a:b").Set(ctx, 4096)
	if err != nil {
		log.Fatal(err)
	}
	for entry, err := range storage.Entries(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(entry.Node.Pattern(), entry.Params)
	}

	// Output:
	// storage:file:a%3Ab:size
	// storage:file:50%25 %7Boff%7D:size
	// storage:file:Zürich *:size
	// storage:status:tea%2Dpot-7
	// rin: at storage:file:<path>:size: <path>: empty parameter
	// true
	// model = tea-pot
	// number = 7
	// true rin: parse storage: no node declares this key: key "storage:folder"
	// true rin: parse storage: not declared under this scope: key "elsewhere:1"
	// size [path=a:b]
}
