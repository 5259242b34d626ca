package goredis

import (
	"context"
	"iter"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/backend/wire"
)

// Scan walks the keys that begin with prefix, with SCAN. It looks at every key
// of the database, [backend.DefaultPageSize] of them a round trip; on a cluster
// at one primary after the other. See [backend.Backend].
func (b *Backend) Scan(ctx context.Context, prefix string) iter.Seq2[[]string, error] {
	return b.ScanPages(ctx, prefix, backend.DefaultPageSize)
}

// ScanPages is [Backend.Scan] with size keys looked at per round trip.
func (b *Backend) ScanPages(ctx context.Context, prefix string, size int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		primaries, err := b.primaries(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, primary := range primaries {
			if !b.scanOne(ctx, primary, prefix, size, yield) {
				return
			}
		}
	}
}

// scanner is the part of a client that scans one server.
type scanner interface {
	Scan(ctx context.Context, cursor uint64, match string, count int64) *redis.ScanCmd
}

// cluster is what a client of several servers has.
type cluster interface {
	ForEachMaster(ctx context.Context, f func(context.Context, *redis.Client) error) error
}

// primaries are the servers that hold the keys.
func (b *Backend) primaries(ctx context.Context) ([]scanner, error) {
	if b.err != nil {
		return nil, b.err
	}
	c, ok := b.client.(cluster)
	if !ok {
		return []scanner{b.client}, nil
	}
	var mu sync.Mutex // ForEachMaster calls back from a goroutine per primary.
	var all []scanner
	err := b.read(ctx, func() error {
		return c.ForEachMaster(ctx, func(_ context.Context, primary *redis.Client) error {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, primary)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// scanOne yields the pages of one server; it is false if the sequence has ended.
func (b *Backend) scanOne(ctx context.Context, s scanner, prefix string, size int, yield func([]string, error) bool) bool {
	match := wire.Match(prefix)
	var cursor uint64
	for {
		var page []string
		var next uint64
		err := b.read(ctx, func() (err error) {
			page, next, err = s.Scan(ctx, cursor, match, int64(size)).Result()
			return err
		})
		if err != nil {
			yield(nil, err)
			return false
		}
		page = wire.Within(prefix, page)
		if len(page) > 0 && !yield(page, nil) {
			return false
		}
		if next == 0 {
			return true
		}
		cursor = next
	}
}

// read runs f, which may be sent again, and returns its error or, once ctx has
// ended, the context's. After an error nothing that f writes may be read.
func (b *Backend) read(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.deadlines || ctx.Done() == nil {
		return backend.Unsent(ctx, f())
	}
	var err error
	if !aside(ctx, func() { err = f() }) {
		return ctx.Err()
	}
	return backend.Unsent(ctx, err)
}
