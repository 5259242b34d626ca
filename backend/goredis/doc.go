// Package goredis is the [backend.Backend] on a go-redis client, for Redis 6.2
// and later and for Valkey:
//
//	client := redis.NewClient(&redis.Options{Addr: "localhost:6379", ContextTimeoutEnabled: true})
//	root, err := rin.Open(Root, goredis.New(client))
//
// The client is used as it is, and these of its options matter:
//
//   - ContextTimeoutEnabled makes the client return when a deadline passes; when
//     a context is cancelled, it returns by ReadTimeout. It is best set. A
//     [*redis.Client] without it is given a hook, which makes rin's own commands
//     return all the same: see [New]. With a hook that was added later, without
//     timeouts, and on a [*redis.ClusterClient] without it, every operation whose
//     context can end runs in a goroutine of its own, as transactions do. That
//     costs 20 to 40 microseconds; it returns at once when the context ends, while
//     its connection stays taken until ReadTimeout. Either way the error matches
//     the context's.
//   - ReadTimeout and WriteTimeout end operations whose context never does.
//     Leave them on.
//   - MaxRetries is how often a read is sent again, and what was surely not done,
//     a write too. A write that may have been done never is, nor is a batch that
//     has one, nor a transaction.
//   - PoolSize bounds how many operations run at a time, and PoolTimeout how
//     long one more waits.
//   - ReadOnly, RouteByLatency and RouteRandomly send a cluster's reads to
//     replicas, and ClientSideCacheConfig answers them from memory: a read may
//     then miss a write that was before it, also one of the same caller. A
//     cluster client that reads from replicas is treated as if it had no
//     ContextTimeoutEnabled.
//   - SetCommandInfoResolver on a cluster client must be left alone: with the
//     dynamic resolver go-redis refuses deletes in a pipeline, and may send a
//     single one twice.
//
// A [*redis.Ring] is refused.
package goredis
