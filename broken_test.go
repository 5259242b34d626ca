package rin_test

import (
	"time"

	"github.com/redisimnest/rin"
)

// brokenDeclaration has a mistake in every node. It stands in a file of its own,
// since testdata/broken.txt shows its line numbers.
func brokenDeclaration() *rin.ClusterNode {
	var (
		age     = rin.Key[int64]("age", rin.Default("0"))
		small   = rin.Key[int8]("small", rin.Default(300))
		ttl     = rin.Key[string]("ttl", rin.TTL(-time.Second))
		twice   = rin.Key[string]("twice", rin.TTL(time.Second), rin.NoTTL())
		again   = rin.Key[string]("again:<user_id>")
		channel = rin.Key[chan int]("channel")
		strange = rin.Key[user]("strange", rin.Codec(&upperCodec{}))
		user    = rin.Cluster("user:<user_id>", rin.Jitter(2), rin.Child(age, small, ttl, twice, again, channel, strange))
		tag     = rin.Key[string]("user:<user_id>:tag")
		archive = rin.Cluster("user:<user_id>:archive", rin.Child(rin.Key[string]("name")))
		syntax  = rin.Cluster("a::<1>:<b><c>:{}", nil)
		control = rin.Cluster("tab\tbed", rin.Renew(5))
		nothing = rin.Cluster("", rin.Child(nil))
		seconds = rin.Key[string]("seconds", rin.TTL(30))
		sliding = rin.Key[string]("sliding", rin.Renew(rin.OnAccess))
		braces  = rin.Cluster("team:{team_id}", rin.Child(seconds, sliding, seconds))
	)
	return rin.Cluster("root", rin.Child(user, tag, archive, syntax, control, nothing, braces))
}
