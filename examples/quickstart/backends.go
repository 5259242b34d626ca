package main

import (
	"context"
	"fmt"
	"io"

	"github.com/redis/go-redis/v9"
	"github.com/valkey-io/valkey-go"

	"github.com/redisimnest/rin"
	"github.com/redisimnest/rin/backend/goredis"
	"github.com/redisimnest/rin/backend/valkeygo"
	"github.com/redisimnest/rin/memstore"
)

// backends opens the declaration on each kind of backend, by the name that the
// flag gives it. The three differ in the backend that Open is given, and in
// nothing else.
var backends = map[string]func(addr string) (root *rin.Scope, closeClient func(), err error){
	"memory": func(string) (*rin.Scope, func(), error) {
		root, err := rin.Open(Root, memstore.New())
		return root, func() {}, err
	},
	"redis": func(addr string) (*rin.Scope, func(), error) {
		redis.SetLogger(silence{})
		client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
		root, err := rin.Open(Root, goredis.New(client))
		return root, func() { client.Close() }, err
	},
	"valkey": func(addr string) (*rin.Scope, func(), error) {
		client, err := valkey.NewClient(valkey.ClientOption{InitAddress: []string{addr}})
		if err != nil {
			return nil, nil, fmt.Errorf("connecting: %w", err)
		}
		root, err := rin.Open(Root, valkeygo.New(client))
		return root, client.Close, err
	},
}

// silence drops what the client logs of each attempt to connect: the program
// reports the error that comes of it.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// quickstart runs all steps on one backend.
func quickstart(ctx context.Context, backend, addr string, out io.Writer) error {
	root, closeClient, err := backends[backend](addr)
	if err != nil {
		return err
	}
	defer closeClient()
	if err := tour(ctx, root, out); err != nil {
		// What the failed step left behind would otherwise stay for ever.
		_, _ = root.Clear(context.WithoutCancel(ctx))
		return err
	}
	return nil
}
