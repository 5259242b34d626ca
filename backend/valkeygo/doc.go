// Package valkeygo is a rin backend over valkey-go, for Redis and Valkey:
// standalone, as a cluster, or with Sentinel.
//
//	client, err := valkey.NewClient(valkey.ClientOption{InitAddress: []string{"localhost:6379"}})
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	root, err := rin.Open(Root, valkeygo.New(client))
//
// [FromEnv] makes the client too. It needs Redis 6.2 or later, or any Valkey.
//
// # What is sent how often
//
// A command is sent once. If its reply is lost, a write fails with
// [backend.ErrUnknownOutcome]. What was surely not done is sent again, a write too,
// for the time that [RetryFor] allows: there was no connection, or the server has
// refused it for a moment. So is a read whose reply was lost, but not one in a batch
// that holds a write, nor in a transaction.
//
// Commands that a server did not carry out but answered with a redirection, of a
// cluster that moves slots, are sent on by the client.
//
// # Contexts
//
// A deadline is kept. A cancellation ends a call at once, except
//   - of a context that also has a deadline, on a connection on which calls
//     have never overlapped: it counts from the deadline on, or from
//     ConnWriteTimeout on if that is sooner. AlwaysPipelining makes it count at
//     once.
//   - with DisableAutoPipelining: likewise, with any context,
//   - while a connection is being made to a server that keeps silent, which
//     Dialer.Timeout ends. One call makes it, and the others wait for that call,
//     beyond their own deadlines if the server accepts no connection at all.
//   - behind 1024 calls without an answer on one connection: further ones wait
//     for a free place whatever their contexts say, up to ConnWriteTimeout.
//
// Without a deadline a call ends all the same. If the server is gone, it fails
// after [RetryFor], 5 seconds by default. If the server
// keeps silent, the call fails ConnWriteTimeout after the client has noticed,
// which takes up to two Dialer.KeepAlive: after 10 to 12 seconds by default. If
// it keeps silent while a connection is made, it fails after Dialer.Timeout and
// RetryFor: 10 seconds.
//
// # Options of the client
//
// Of valkey.ClientOption, these matter here:
//   - ConnWriteTimeout (default 10s) and Dialer.Timeout (5s): see above.
//   - AlwaysPipelining: cancellations count at once; single calls that don't
//     overlap are a little slower.
//   - DisableRetry: it makes no difference here, since this package itself tries
//     again.
//   - DisableCache: needed by servers without CLIENT TRACKING, such as miniredis
//     and some managed services. This package doesn't use the cache, and without it
//     a connection may take 128 MiB less.
//   - ForceSingleClient: keeps the client from taking miniredis for a cluster.
//   - SendToReplicas: commands come without the mark IsReadOnly, so that what is
//     read is what was written. A function that picks commands by their names
//     may still send reads to replicas, which are behind.
//   - ClusterOption.MaxMovedRedirections: bounds how often a cluster may send a
//     command on. By default only the deadline does.
//   - ClusterOption.ShardsRefreshInterval: a scan asks every node that the client
//     knows. Without it, a node that was added is known only after a command was
//     sent on to it. For Sentinel, Sentinel.TopologyRefreshInterval.
//   - BlockingPipeline (default 2000): bigger batches go over a connection of
//     their own, made when it is needed.
//
// Two of them break the promise above, that a write is sent once, and are better
// left alone: ConnLifetime, since a command that is under way when its
// connection's life ends is sent again if the server takes more than a second to
// answer, of a transaction perhaps only the rest; and Standalone.EnableRedirect,
// since a batch that a failover catches in the middle is sent again from its
// beginning.
package valkeygo
