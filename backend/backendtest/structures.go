package backendtest

import "github.com/redisimnest/rin/backend"

// ofKind are ops that want one kind of value. A read changes nothing.
func ofKind(kind backend.Kind, ops ...Op) []Op {
	for i := range ops {
		ops[i].Kind = kind
		if ops[i].Effect == backend.Read {
			ops[i].Reason = "it changes nothing"
		}
	}
	return ops
}

// renewed is an expiry that is told from the one before.
func renewed() backend.Expiry { return backend.Expiry{TTL: 2 * hour} }

// onceRenewed is one for what has none.
func onceRenewed() backend.Expiry { return backend.Expiry{TTL: 2 * hour, IfNone: true} }

// fresh is a field, an element or a member that is not there before.
func fresh() []byte { return []byte("fresh") }

// beside is another key, in the slot of one, for a kind of value.
func beside(key string, kind backend.Kind) string { return backend.Sibling(key, kind.String()) }

func old() []byte { return []byte(before) }

// seven makes key hold a number, as counters do.
func seven(key string) backend.Op { return &backend.Set{Key: key, Value: []byte("7"), TTL: hour} }

func counterOps() []Op {
	const twice = "the second one adds again"
	return ofKind(
		backend.KindString,
		Op{
			Name: "incrby", Effect: backend.Write, Needs: Either, Reason: twice, Holds: seven,
			New:  func(key string) backend.Op { return &backend.IncrBy{Key: key, By: 3} },
			Rule: "IncrBy adds to a number, and begins at 0.",
		},
		Op{
			Name: "incrby, with an expiry", Effect: backend.Write, Needs: Either, Reason: twice, Holds: seven,
			New:  func(key string) backend.Op { return &backend.IncrBy{Key: key, By: 1<<53 + 1, Expiry: renewed()} },
			Rule: "IncrBy with an expiry adds to a number and sets the expiry, and loses no digit.",
		},
		Op{
			Name: "incrby, within bounds", Effect: backend.Write, Needs: Either, Reason: twice, Holds: seven,
			New:  func(key string) backend.Op { return &backend.IncrBy{Key: key, By: 3, Bounded: true, Max: 10} },
			Rule: "IncrBy with bounds adds to a number that stays within them.",
		},
		Op{
			Name: "incrbyfloat", Effect: backend.Write, Needs: Either, Reason: twice, Holds: seven,
			New:  func(key string) backend.Op { return &backend.IncrByFloat{Key: key, By: 0.5} },
			Rule: "IncrByFloat adds to a number, and begins at 0.",
		},
		Op{
			Name: "incrbyfloat, within bounds", Effect: backend.Write, Needs: Either, Reason: twice, Holds: seven,
			New: func(key string) backend.Op {
				return &backend.IncrByFloat{Key: key, By: 0.5, Bounded: true, Max: 10, Expiry: renewed()}
			},
			Rule: "IncrByFloat with bounds and an expiry adds to a number that stays within them, and sets the expiry.",
		},
	)
}

func hashOps() []Op {
	return ofKind(
		backend.KindHash,
		Op{
			Name: "hget",
			New:  func(key string) backend.Op { return &backend.HGet{Key: key, Field: old()} },
			Rule: "HGet gives the value of a field that is there.",
		},
		Op{
			Name: "hmget", Needs: Either,
			New:  func(key string) backend.Op { return &backend.HMGet{Key: key, Fields: [][]byte{old(), fresh()}} },
			Rule: "HMGet gives a value, or nil, for each field.",
		},
		Op{
			Name: "hgetall",
			New:  func(key string) backend.Op { return &backend.HGetAll{Key: key} },
			Rule: "HGetAll gives all fields and their values.",
		},
		Op{
			Name: "hset", Effect: backend.Write, Needs: Either, Reason: "the second one undoes what another client wrote between",
			New:  func(key string) backend.Op { return &backend.HSet{Key: key, Pairs: [][]byte{fresh(), changed()}} },
			Rule: "HSet writes fields, and leaves the others.",
		},
		Op{
			Name: "hset, all anew", Effect: backend.Write, Needs: Either, Reason: "the second one undoes what another client wrote between",
			New: func(key string) backend.Op {
				return &backend.HSet{Key: key, Pairs: [][]byte{fresh(), changed()}, Replace: true, Expiry: renewed()}
			},
			Rule: "HSet with Replace leaves the hash no other fields.",
		},
		Op{
			Name: "hsetnx", Effect: backend.Write, Needs: Either, Reason: "the second one is refused",
			New:  func(key string) backend.Op { return &backend.HSetNX{Key: key, Field: fresh(), Value: changed()} },
			Rule: "HSetNX writes a field that is not there.",
		},
		Op{
			Name: "hdel", Effect: backend.Write, Reason: "the second one finds nothing",
			New:  func(key string) backend.Op { return &backend.HDel{Key: key, Fields: [][]byte{old()}} },
			Rule: "HDel deletes fields, and the hash with its last.",
		},
		Op{
			Name: "hgetdel", Effect: backend.Write, Reason: "the second one finds nothing",
			New:  func(key string) backend.Op { return &backend.HGetDel{Key: key, Field: old(), Expiry: renewed()} },
			Rule: "HGetDel gives the value of a field and deletes it.",
		},
		Op{
			Name: "hset, fields that expire", Effect: backend.Write, Needs: Either, FieldExpiry: true,
			Reason: "the second one undoes what another client wrote between",
			New: func(key string) backend.Op {
				return &backend.HSet{Key: key, Pairs: [][]byte{fresh(), changed()}, FieldExpiry: renewed()}
			},
			Rule: "HSet with a FieldExpiry writes fields that expire.",
		},
		Op{
			Name: "hsetnx, a field that expires", Effect: backend.Write, Needs: Either, FieldExpiry: true, Reason: "the second one is refused",
			New: func(key string) backend.Op {
				return &backend.HSetNX{Key: key, Field: fresh(), Value: changed(), FieldExpiry: renewed(), Expiry: renewed()}
			},
			Rule: "HSetNX with a FieldExpiry writes a field that is not there, and that expires.",
		},
		Op{
			Name: "hincrby, a field that expires", Effect: backend.Write, Needs: Either, FieldExpiry: true, Reason: "the second one adds again",
			New: func(key string) backend.Op {
				return &backend.HIncrBy{Key: key, Field: fresh(), By: 3, FieldExpiry: onceRenewed()}
			},
			Rule: "HIncrBy with a FieldExpiry adds to the number in a field that expires.",
		},
		Op{
			Name: "hincrbyfloat, a field that expires", Effect: backend.Write, Needs: Either, FieldExpiry: true, Reason: "the second one adds again",
			New: func(key string) backend.Op {
				return &backend.HIncrByFloat{Key: key, Field: fresh(), By: 0.5, FieldExpiry: renewed()}
			},
			Rule: "HIncrByFloat with a FieldExpiry adds to the number in a field that expires.",
		},
		Op{
			Name: "hpttl", FieldExpiry: true,
			New:  func(key string) backend.Op { return &backend.HPTTL{Key: key, Field: old()} },
			Rule: "HPTTL finds a field that is there.",
		},
		Op{
			Name: "hexists",
			New:  func(key string) backend.Op { return &backend.HExists{Key: key, Field: old()} },
			Rule: "HExists finds a field that is there.",
		},
		Op{
			Name: "hlen",
			New:  func(key string) backend.Op { return &backend.HLen{Key: key} },
			Rule: "HLen counts the fields.",
		},
		Op{
			Name: "hscan",
			New:  func(key string) backend.Op { return &backend.HScan{Key: key, Count: 10} },
			Rule: "HScan gives fields and values in pages.",
		},
		Op{
			Name: "hincrby", Effect: backend.Write, Needs: Either, Reason: "the second one adds again",
			New:  func(key string) backend.Op { return &backend.HIncrBy{Key: key, Field: old(), By: 3} },
			Rule: "HIncrBy adds to the number in a field, and begins at 0.",
		},
		Op{
			Name: "hincrby, within bounds", Effect: backend.Write, Needs: Either, Reason: "the second one adds again",
			New: func(key string) backend.Op {
				return &backend.HIncrBy{Key: key, Field: old(), By: 3, Bounded: true, Max: 10, Expiry: renewed()}
			},
			Rule: "HIncrBy with bounds and an expiry adds to a number that stays within them, and sets the expiry.",
		},
		Op{
			Name: "hincrbyfloat", Effect: backend.Write, Needs: Either, Reason: "the second one adds again",
			New:  func(key string) backend.Op { return &backend.HIncrByFloat{Key: key, Field: old(), By: 0.5} },
			Rule: "HIncrByFloat adds to the number in a field, and begins at 0.",
		},
	)
}

func listOps() []Op {
	return ofKind(
		backend.KindList,
		Op{
			Name: "lpush", Effect: backend.Write, Needs: Either, Reason: "the second one puts it there again",
			New:  func(key string) backend.Op { return &backend.LPush{Key: key, Values: [][]byte{fresh()}} },
			Rule: "LPush puts elements in front.",
		},
		Op{
			Name: "rpush", Effect: backend.Write, Needs: Either, Reason: "the second one puts it there again",
			New:  func(key string) backend.Op { return &backend.RPush{Key: key, Values: [][]byte{fresh()}} },
			Rule: "RPush puts elements behind.",
		},
		Op{
			Name: "rpush, bounded", Effect: backend.Write, Needs: Either, Reason: "the second one puts it there again",
			New: func(key string) backend.Op {
				return &backend.RPush{Key: key, Values: [][]byte{fresh()}, MaxLen: 1, Expiry: renewed()}
			},
			Rule: "RPush with a MaxLen drops what is too many from the front.",
		},
		Op{
			Name: "lpop", Effect: backend.Write, Reason: "the second one takes another one",
			New:  func(key string) backend.Op { return &backend.LPop{Key: key, Count: 1} },
			Rule: "LPop takes elements from the front, and the list with its last.",
		},
		Op{
			Name: "rpop", Effect: backend.Write, Reason: "the second one takes another one",
			New:  func(key string) backend.Op { return &backend.RPop{Key: key, Count: 2, Expiry: renewed()} },
			Rule: "RPop takes elements from the back, and the list with its last.",
		},
		Op{
			Name: "lindex",
			New:  func(key string) backend.Op { return &backend.LIndex{Key: key, Index: -1} },
			Rule: "LIndex gives the element at an index.",
		},
		Op{
			Name: "lset", Effect: backend.Write, Reason: "the second one undoes what another client wrote between",
			New:  func(key string) backend.Op { return &backend.LSet{Key: key, Value: changed()} },
			Rule: "LSet replaces an element that is there.",
		},
		Op{
			Name: "lrange",
			New:  func(key string) backend.Op { return &backend.LRange{Key: key, Stop: -1} },
			Rule: "LRange gives the elements of a range.",
		},
		Op{
			Name: "llen",
			New:  func(key string) backend.Op { return &backend.LLen{Key: key} },
			Rule: "LLen counts the elements.",
		},
		Op{
			Name: "ltrim", Effect: backend.Write, Silent: true, Reason: "the second one drops what another client pushed between",
			New:  func(key string) backend.Op { return &backend.LTrim{Key: key, Start: 1, Stop: -1} },
			Rule: "LTrim leaves the elements of a range.",
		},
		Op{
			Name: "lrem", Effect: backend.Write, Reason: "the second one finds nothing",
			New:  func(key string) backend.Op { return &backend.LRem{Key: key, Value: old()} },
			Rule: "LRem removes elements that equal a value.",
		},
		Op{
			Name: "lmove", Effect: backend.Write, Reason: "the second one moves another one",
			New: func(key string) backend.Op {
				return &backend.LMove{Key: key, To: beside(key, backend.KindList), FromFront: true}
			},
			Rule: "LMove takes an element from one list and puts it into another.",
		},
		Op{
			Name: "lmove, with an expiry", Effect: backend.Write, Reason: "the second one moves another one",
			New: func(key string) backend.Op {
				return &backend.LMove{Key: key, To: beside(key, backend.KindList), Expiry: renewed()}
			},
			Rule: "LMove with an expiry gives it to the other list.",
		},
	)
}

func setOps() []Op {
	return ofKind(
		backend.KindSet,
		Op{
			Name: "sadd", Effect: backend.Write, Needs: Either, Reason: "the second one undoes what another client removed between",
			New:  func(key string) backend.Op { return &backend.SAdd{Key: key, Members: [][]byte{fresh()}} },
			Rule: "SAdd adds members.",
		},
		Op{
			Name: "sadd, all anew", Effect: backend.Write, Needs: Either, Reason: "the second one undoes what another client wrote between",
			New: func(key string) backend.Op {
				return &backend.SAdd{Key: key, Members: [][]byte{fresh()}, Replace: true, Expiry: renewed()}
			},
			Rule: "SAdd with Replace leaves the set no other members.",
		},
		Op{
			Name: "srem", Effect: backend.Write, Reason: "the second one finds nothing",
			New:  func(key string) backend.Op { return &backend.SRem{Key: key, Members: [][]byte{old()}} },
			Rule: "SRem removes members, and the set with its last.",
		},
		Op{
			Name: "sismember",
			New:  func(key string) backend.Op { return &backend.SIsMember{Key: key, Member: old()} },
			Rule: "SIsMember finds a member that is there.",
		},
		Op{
			Name: "smismember", Needs: Either,
			New:  func(key string) backend.Op { return &backend.SMIsMember{Key: key, Members: [][]byte{old(), fresh()}} },
			Rule: "SMIsMember says of each member whether it is there.",
		},
		Op{
			Name: "scard",
			New:  func(key string) backend.Op { return &backend.SCard{Key: key} },
			Rule: "SCard counts the members.",
		},
		Op{
			Name: "sscan",
			New:  func(key string) backend.Op { return &backend.SScan{Key: key, Count: 10} },
			Rule: "SScan gives members in pages.",
		},
		Op{
			Name: "spop", Effect: backend.Write, Reason: "the second one takes another one",
			New:  func(key string) backend.Op { return &backend.SPop{Key: key, Count: 1} },
			Rule: "SPop takes members, and the set with its last.",
		},
		Op{
			Name: "srandmember",
			New:  func(key string) backend.Op { return &backend.SRandMember{Key: key, Count: 1} },
			Rule: "SRandMember gives members and leaves them.",
		},
		Op{
			Name: "smove", Effect: backend.Write, Reason: "the second one finds nothing",
			New: func(key string) backend.Op {
				return &backend.SMove{Key: key, To: beside(key, backend.KindSet), Member: old()}
			},
			Rule: "SMove moves a member to another set.",
		},
		Op{
			Name: "scombine",
			New:  func(key string) backend.Op { return &backend.SCombine{Key: key} },
			Rule: "SCombine of one set gives its members.",
		},
		Op{
			Name: "scombine, of two",
			New: func(key string) backend.Op {
				return &backend.SCombine{Key: key, Others: []string{backend.Sibling(key, "none")}, How: backend.Diff}
			},
			Rule: "SCombine gives the members of several sets combined.",
		},
		Op{
			Name: "scombinestore", Effect: backend.Write, Needs: Either, Reason: "the second one undoes what another client wrote between",
			New: func(key string) backend.Op {
				return &backend.SCombineStore{Key: key, From: []string{beside(key, backend.KindSet)}, Expiry: renewed()}
			},
			First: func(key string) backend.Op {
				return &backend.SAdd{Key: beside(key, backend.KindSet), Members: [][]byte{fresh()}, Replace: true}
			},
			Rule: "SCombineStore leaves a set the members of several sets combined.",
		},
	)
}

func sortedSetOps() []Op {
	one := func(score float64) []backend.Scored { return []backend.Scored{{Member: fresh(), Score: score}} }
	return ofKind(
		backend.KindSortedSet,
		Op{
			Name: "zadd", Effect: backend.Write, Needs: Either, Reason: "the second one undoes what another client wrote between",
			New:  func(key string) backend.Op { return &backend.ZAdd{Key: key, Members: one(3)} },
			Rule: "ZAdd gives members their scores.",
		},
		Op{
			Name: "zadd, bounded", Effect: backend.Write, Needs: Either, Reason: "the second one undoes what another client wrote between",
			New: func(key string) backend.Op {
				return &backend.ZAdd{Key: key, Members: one(8), Bounded: backend.Bounded{MaxLen: 1}, Expiry: renewed()}
			},
			Rule: "ZAdd with a MaxLen drops the lowest scores that are too many.",
		},
		Op{
			Name: "zadd, if higher", Effect: backend.Write, Needs: Either, Reason: "the second one undoes what another client wrote between",
			New: func(key string) backend.Op {
				return &backend.ZAdd{Key: key, Members: []backend.Scored{{Member: old(), Score: 8}}, Cond: backend.ZIfHigher, Changed: true}
			},
			Rule: "ZAdd with ZIfHigher raises scores.",
		},
		Op{
			Name: "zincrby", Effect: backend.Write, Needs: Either, Reason: "the second one adds again",
			New:  func(key string) backend.Op { return &backend.ZIncrBy{Key: key, Member: old(), By: 0.5} },
			Rule: "ZIncrBy adds to a score.",
		},
		Op{
			Name: "zscore",
			New:  func(key string) backend.Op { return &backend.ZScore{Key: key, Member: old()} },
			Rule: "ZScore gives the score of a member.",
		},
		Op{
			Name: "zmscore", Needs: Either,
			New:  func(key string) backend.Op { return &backend.ZMScore{Key: key, Members: [][]byte{old(), fresh()}} },
			Rule: "ZMScore gives the score of each member.",
		},
		Op{
			Name: "zrank",
			New:  func(key string) backend.Op { return &backend.ZRank{Key: key, Member: old()} },
			Rule: "ZRank gives the place of a member.",
		},
		Op{
			Name: "zrank, among scores",
			New: func(key string) backend.Op {
				return &backend.ZRank{Key: key, Member: old(), Scores: true, Reverse: true}
			},
			Rule: "ZRank with Scores gives the place of a member's score.",
		},
		Op{
			Name: "zrem", Effect: backend.Write, Reason: "the second one finds nothing",
			New:  func(key string) backend.Op { return &backend.ZRem{Key: key, Members: [][]byte{old()}} },
			Rule: "ZRem removes members, and the set with its last.",
		},
		Op{
			Name: "zcard",
			New:  func(key string) backend.Op { return &backend.ZCard{Key: key} },
			Rule: "ZCard counts the members.",
		},
		Op{
			Name: "zcount",
			New: func(key string) backend.Op {
				return &backend.ZCount{Key: key, Min: backend.Lowest, Max: backend.Highest}
			},
			Rule: "ZCount counts the scores of a range.",
		},
		Op{
			Name: "zrange",
			New:  func(key string) backend.Op { return &backend.ZRange{Key: key, Stop: -1} },
			Rule: "ZRange gives the members of a range of places.",
		},
		Op{
			Name: "zaround",
			New:  func(key string) backend.Op { return &backend.ZAround{Key: key, Member: old(), Count: 1} },
			Rule: "ZAround gives a member and its neighbours.",
		},
		Op{
			Name: "zrangebyscore",
			New: func(key string) backend.Op {
				return &backend.ZRangeByScore{Key: key, Min: backend.Lowest, Max: backend.Highest, Count: 1}
			},
			Rule: "ZRangeByScore gives the members of a range of scores.",
		},
		Op{
			Name: "zremrangebyrank", Effect: backend.Write, Reason: "the second one removes others",
			New:  func(key string) backend.Op { return &backend.ZRemRangeByRank{Key: key, Stop: -1} },
			Rule: "ZRemRangeByRank removes the members of a range of places.",
		},
		Op{
			Name: "zremrangebyscore", Effect: backend.Write, Reason: "the second one removes what another client added between",
			New: func(key string) backend.Op {
				return &backend.ZRemRangeByScore{Key: key, Min: backend.Lowest, Max: backend.Highest}
			},
			Rule: "ZRemRangeByScore removes the members of a range of scores.",
		},
		Op{
			Name: "zpop", Effect: backend.Write, Reason: "the second one takes another one",
			New:  func(key string) backend.Op { return &backend.ZPop{Key: key, Count: 1} },
			Rule: "ZPop takes the members with the lowest scores, and the set with its last.",
		},
		Op{
			Name: "zscan",
			New:  func(key string) backend.Op { return &backend.ZScan{Key: key, Count: 10} },
			Rule: "ZScan gives members with their scores in pages.",
		},
	)
}

// wholeOps are those on all that a structure holds.
func wholeOps() (ops []Op) {
	for _, kind := range []backend.Kind{backend.KindList, backend.KindHash, backend.KindSet, backend.KindSortedSet} {
		holds, name := content{kind, [][]byte{old()}}.pairs(), kind.String()
		restore := func(key string) *backend.Restore {
			return &backend.Restore{Key: key, Of: kind, Texts: content{kind, [][]byte{fresh()}}.pairs(), Expiry: renewed()}
		}
		ops = append(ops, ofKind(
			kind,
			Op{
				Name: "snapshot of a " + name,
				New:  func(key string) backend.Op { return &backend.Snapshot{Key: key, Of: kind} },
				// A structure that is not there has a digest, too.
				Needs: Either,
				Rule:  "Snapshot reads all that a structure holds.",
			},
			Op{
				Name: "restore a " + name, Effect: backend.Write, Needs: Either, Reason: "the second one undoes what another client wrote between",
				New:  func(key string) backend.Op { return restore(key) },
				Rule: "Restore writes all of a structure, and leaves nothing else.",
			},
			Op{
				Name: "delete an unchanged " + name, Effect: backend.Write, Reason: "the second one finds nothing",
				New: func(key string) backend.Op {
					return &backend.DeleteUnchanged{Key: key, Of: kind, Sum: backend.Digest(kind, holds)}
				},
				Rule: "DeleteUnchanged deletes a structure that has the digest.",
			},
		)...)
		ops = append(ops, Op{
			Name: "restore a " + name + " if absent", Effect: backend.Write, Needs: Absent, Reason: "the second one is refused",
			New: func(key string) backend.Op {
				op := restore(key)
				op.IfAbsent = true
				return op
			},
			Rule: "Restore with IfAbsent writes where the key is not there, whatever it could hold.",
		})
	}
	return ops
}
