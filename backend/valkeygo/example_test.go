package valkeygo_test

import (
	"context"
	"fmt"

	"github.com/alicebob/miniredis/v2"
	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/valkeygo"
)

func ExampleNew() {
	server := miniredis.NewMiniRedis() // In a program, Redis or Valkey.
	if err := server.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client, err := valkey.NewClient(valkey.ClientOption{
		InitAddress:       []string{server.Addr()},
		ForceSingleClient: true, // miniredis would be taken for a cluster.
		DisableCache:      true, // It has no client-side caching.
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	store := valkeygo.New(client)
	set := &backend.Set{Key: "project_name", Value: []byte("Rin")}
	get := &backend.Get{Key: "project_name"}
	err = store.Exec(context.Background(), set, get)
	fmt.Println(set.Applied, string(get.Value), err)
	// Output: true Rin <nil>
}
