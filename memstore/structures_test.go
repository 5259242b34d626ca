package memstore_test

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/redisimnest/rin/backend"
	"github.com/redisimnest/rin/internal/clienttest"
	"github.com/redisimnest/rin/internal/servertest"
	"github.com/redisimnest/rin/memstore"
)

// Whatever is done to structures, memstore answers as the servers do, through both
// clients, and holds the same afterwards, with the same expiry.
func TestStructures_likeServers(t *testing.T) {
	redis, valkey := servertest.Start(t, servertest.Redis), servertest.Start(t, servertest.Valkey)
	servers := map[string]backend.Backend{
		"go-redis on Redis":   clienttest.Server(redis).Open(t, clienttest.Goredis),
		"valkey-go on Valkey": clienttest.Server(valkey).Open(t, clienttest.Valkeygo),
	}
	long := lives{keys: []time.Duration{0, time.Hour, 2 * time.Hour}}
	for name, draw := range map[string]func(lives, *rapid.T) backend.Op{
		"counter": lives.counterOp, "hash": lives.hashOp, "list": lives.listOp, "set": lives.setOp, "sorted set": lives.sortedSetOp,
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				likeServers(t, memstore.New(), servers, func(t *rapid.T) backend.Op { return draw(long, t) })
			})
		})
	}
}

// So it does where fields of hashes expire.
func TestStructures_fieldsLikeServers(t *testing.T) {
	servers := newServers(t)
	long := []time.Duration{0, time.Hour, 2 * time.Hour}
	rapid.Check(t, func(t *rapid.T) {
		likeServers(t, memstore.New(), servers, lives{keys: long, fields: long}.hashOp)
	})
}

// newServers are those whose fields can expire.
func newServers(t *testing.T) map[string]backend.Backend {
	redis, valkey := servertest.Start(t, servertest.Redis8), servertest.Start(t, servertest.Valkey9)
	return map[string]backend.Backend{
		"go-redis on Redis":   clienttest.Server(redis).Open(t, clienttest.Goredis),
		"valkey-go on Valkey": clienttest.Server(valkey).Open(t, clienttest.Valkeygo),
	}
}

// likeServers carries out steps everywhere, on empty stores.
func likeServers(t *rapid.T, mem backend.Backend, servers map[string]backend.Backend, draw func(*rapid.T) backend.Op) {
	for _, server := range servers {
		wipe(t, server)
	}
	for range rapid.IntRange(1, 20).Draw(t, "steps") {
		op := draw(t)
		if rapid.IntRange(0, 19).Draw(t, "other") == 0 {
			op = &backend.Set{Key: drawKey(t), Value: []byte("7")}
		}
		same(t, mem, servers, op, func() bool { return false })
	}
}

// same carries out op everywhere, and compares what is answered and what is held then. What
// came late is skipped.
func same(t *rapid.T, mem backend.Backend, servers map[string]backend.Backend, op backend.Op, late func() bool) {
	want := run(t, mem, op)
	for name, server := range servers {
		got, held, holds := run(t, server, op), holding(t, mem), holding(t, server)
		if late() {
			t.Skip("the machine is too slow")
		}
		if diff := gocmp.Diff(want, got, sameAnswer...); diff != "" {
			t.Fatalf("%s (-memstore +%s):\n%s", backend.Name(op), name, diff)
		}
		if diff := gocmp.Diff(held, holds, sameAnswer...); diff != "" {
			t.Fatalf("after %s %+v (-memstore +%s):\n%s", backend.Name(op), op, name, diff)
		}
	}
}

// What has expired is gone, in memstore as on the servers: keys, and fields of hashes,
// whatever was done to them before and is done after. A turn has to end before the first
// of its keys expires; one that a busy machine makes too slow does not count.
func TestStructures_passingTime(t *testing.T) {
	const life, checks = 200 * time.Millisecond, "30"
	defer flag.Set("rapid.checks", flag.Lookup("rapid.checks").Value.String())
	flag.Set("rapid.checks", checks)
	servers := newServers(t)
	short := lives{keys: []time.Duration{0, life, time.Hour}, fields: []time.Duration{0, life, time.Hour}}
	families := []func(*rapid.T) backend.Op{short.counterOp, short.hashOp, short.hashOp, short.listOp, short.setOp, short.sortedSetOp}
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.SampledFrom(families).Draw(t, "family")
		var passed time.Duration
		start := time.Now()
		mem := memstore.New(memstore.Clock(func() time.Time { return start.Add(passed) }))
		for _, server := range servers {
			wipe(t, server)
		}
		for range 2 {
			begin := time.Now()
			for range rapid.IntRange(1, 8).Draw(t, "steps") {
				same(t, mem, servers, draw(t), func() bool { return time.Since(begin) > life/2 })
			}
			time.Sleep(life + time.Millisecond)
			passed += life + time.Millisecond
			for name, server := range servers {
				// A server keeps a field that has expired for a moment.
				var diff string
				for range 500 {
					if diff = gocmp.Diff(holding(t, mem), holding(t, server), sameAnswer...); diff == "" {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				if diff != "" {
					t.Fatalf("when time has passed (-memstore +%s):\n%s", name, diff)
				}
			}
		}
	})
}

// sameAnswer compares what stores answer: an error by what it is, and the time that a key
// has left roughly.
var sameAnswer = []gocmp.Option{
	cmpopts.EquateEmpty(),
	cmpopts.EquateNaNs(),
	gocmp.Comparer(func(a, b error) bool {
		for _, kind := range []error{backend.ErrWrongKind, backend.ErrOverflow, backend.ErrNoNumber} {
			if errors.Is(a, kind) != errors.Is(b, kind) {
				return false
			}
		}
		return (a == nil) == (b == nil)
	}),
	gocmp.Comparer(func(a, b remaining) bool { return a-b < remaining(time.Minute) && b-a < remaining(time.Minute) }),
}

// remaining is how long a key has.
type remaining time.Duration

// run carries out a copy of op.
func run(t *rapid.T, b backend.Backend, op backend.Op) backend.Op {
	fresh := reflect.New(reflect.TypeOf(op).Elem())
	fresh.Elem().Set(reflect.ValueOf(op).Elem())
	did := fresh.Interface().(backend.Op)
	if err := b.Exec(t.Context(), did); !errors.Is(err, backend.Err(did)) {
		t.Fatalf("Exec: %v, the op: %v", err, backend.Err(did))
	}
	switch o := did.(type) {
	case *backend.Snapshot:
		// The order of a set, and so its digest, is the store's own.
		if o.Sum = ""; o.Of == backend.KindSet || o.Of == backend.KindHash {
			slices.SortFunc(o.Texts, bytes.Compare)
		}
		for i := 1; i < len(o.Texts) && o.Of == backend.KindSortedSet; i += 2 {
			score, err := backend.ScoreOf(o.Texts[i])
			if err != nil {
				t.Fatal(err)
			}
			o.Texts[i] = backend.Score(score) // 0.1 may be 0.10000000000000001
		}
	case *backend.HPTTL:
		o.Remaining = o.Remaining.Round(10 * time.Minute)
	case *backend.HGetAll:
		slices.SortFunc(o.Pairs, bytes.Compare)
	case *backend.SCombine:
		slices.SortFunc(o.Members, bytes.Compare)
	case *backend.SPop:
		slices.SortFunc(o.Members, bytes.Compare)
	case *backend.SRandMember:
		slices.SortFunc(o.Members, bytes.Compare)
	case *backend.HScan:
		slices.SortFunc(o.Pairs, bytes.Compare)
	case *backend.SScan:
		slices.SortFunc(o.Members, bytes.Compare)
	case *backend.ZScan:
		slices.SortFunc(o.Members, func(a, b backend.Scored) int { return bytes.Compare(a.Member, b.Member) })
	}
	return did
}

// contents are what a key holds.
type contents struct {
	Kind string
	Left remaining
	Data [][]byte
	Len  int64 // of a hash, which counts a field that has expired until it is removed
}

var structureKeys = []string{"{k}1", "{k}2"}

func wipe(t *rapid.T, b backend.Backend) {
	for _, key := range structureKeys {
		run(t, b, &backend.Delete{Key: key})
	}
}

func holding(t *rapid.T, b backend.Backend) (all []contents) {
	for _, key := range structureKeys {
		kind, ttl := &backend.Type{Key: key}, &backend.TTL{Key: key}
		if err := b.Exec(t.Context(), kind, ttl); err != nil {
			t.Fatal(err)
		}
		c := contents{Kind: kind.Kind, Left: remaining(ttl.Remaining)}
		switch kind.Kind {
		case "string":
			c.Data = [][]byte{run(t, b, &backend.Get{Key: key}).(*backend.Get).Value}
		case "hash":
			c.Data = run(t, b, &backend.HGetAll{Key: key}).(*backend.HGetAll).Pairs
			c.Len = run(t, b, &backend.HLen{Key: key}).(*backend.HLen).Len
		case "list":
			c.Data = run(t, b, &backend.LRange{Key: key, Stop: -1}).(*backend.LRange).Values
		case "set":
			c.Data = run(t, b, &backend.SCombine{Key: key}).(*backend.SCombine).Members
		case "zset":
			for _, m := range run(t, b, &backend.ZRange{Key: key, Stop: -1}).(*backend.ZRange).Members {
				c.Data = append(c.Data, m.Member, fmt.Append(nil, m.Score))
			}
		}
		all = append(all, c)
	}
	return all
}

func drawKey(t *rapid.T) string { return rapid.SampledFrom(structureKeys).Draw(t, "key") }

func drawText(t *rapid.T) []byte {
	return rapid.SampledFrom([][]byte{[]byte("a"), []byte("b"), []byte("c"), []byte("-1"), {}, []byte("\xff\x00"), []byte("a long one")}).Draw(t, "text")
}

func drawTexts(t *rapid.T) [][]byte {
	texts := make([][]byte, rapid.IntRange(1, 4).Draw(t, "texts"))
	for i := range texts {
		texts[i] = drawText(t)
	}
	return texts
}

// lives are the TTLs that ops give, to keys and to fields of hashes.
type lives struct{ keys, fields []time.Duration }

func drawLife(t *rapid.T, of []time.Duration) backend.Expiry {
	return backend.Expiry{TTL: rapid.SampledFrom(of).Draw(t, "ttl"), IfNone: rapid.Bool().Draw(t, "if none")}
}

func (l lives) key(t *rapid.T) backend.Expiry { return drawLife(t, l.keys) }

func (l lives) field(t *rapid.T) backend.Expiry {
	if len(l.fields) == 0 {
		return backend.Expiry{}
	}
	return drawLife(t, l.fields)
}

// all whole numbers are near the ends of what they can be, or small.
func drawWhole(t *rapid.T) int64 {
	return rapid.OneOf(rapid.Int64Range(-5, 5), rapid.SampledFrom([]int64{math.MaxInt64, math.MinInt64 + 1, 1<<53 + 1, -1 << 53})).Draw(t, "number")
}

func drawFloat(t *rapid.T) float64 {
	return rapid.SampledFrom([]float64{0, 1, -1, 0.1, 0.2, -0.3, 1e-9, 3.14159265358979, 1e15, 123456.789}).Draw(t, "float")
}

func (l lives) counterOp(t *rapid.T) backend.Op {
	key, bounded := drawKey(t), rapid.Bool().Draw(t, "bounded")
	switch rapid.IntRange(0, 4).Draw(t, "op") {
	case 0:
		return &backend.IncrByFloat{Key: key, Expiry: l.key(t), By: drawFloat(t), Bounded: bounded, Min: -1, Max: 2}
	case 1:
		return &backend.Delete{Key: key}
	case 2:
		return &backend.Set{Key: key, Value: fmt.Append(nil, drawWhole(t)), TTL: rapid.SampledFrom([]time.Duration{0, 3 * time.Hour}).Draw(t, "ttl")}
	}
	least, most := drawWhole(t), drawWhole(t)
	return &backend.IncrBy{Key: key, Expiry: l.key(t), By: drawWhole(t), Bounded: bounded, Min: min(least, most), Max: max(least, most)}
}

func (l lives) hashOp(t *rapid.T) backend.Op {
	key := drawKey(t)
	var pairs [][]byte
	for _, field := range distinctTexts(t) {
		pairs = append(pairs, field, drawText(t))
	}
	least, most := drawWhole(t), drawWhole(t)
	ops := []backend.Op{
		&backend.HSet{Key: key, Expiry: l.key(t), FieldExpiry: l.field(t), Pairs: pairs},
		&backend.HSet{Key: key, Expiry: l.key(t), FieldExpiry: l.field(t), Pairs: pairs},
		&backend.HSet{Key: key, Expiry: l.key(t), FieldExpiry: l.field(t), Pairs: pairs[:2*rapid.IntRange(0, 1).Draw(t, "some")], Replace: true},
		&backend.HSetNX{Key: key, Expiry: l.key(t), FieldExpiry: l.field(t), Field: drawText(t), Value: drawText(t)},
		&backend.HDel{Key: key, Expiry: l.key(t), Fields: drawTexts(t)},
		&backend.HGetDel{Key: key, Expiry: l.key(t), Field: drawText(t)},
		&backend.HIncrBy{Key: key, Expiry: l.key(t), FieldExpiry: l.field(t), Field: drawText(t), By: drawWhole(t), Bounded: rapid.Bool().Draw(t, "bounded"), Min: min(least, most), Max: max(least, most)},
		&backend.HIncrByFloat{Key: key, Expiry: l.key(t), FieldExpiry: l.field(t), Field: drawText(t), By: drawFloat(t)},
		&backend.HGet{Key: key, Field: drawText(t)},
		&backend.HMGet{Key: key, Fields: drawTexts(t)},
		&backend.HGetAll{Key: key},
		&backend.HExists{Key: key, Field: drawText(t)},
		&backend.HLen{Key: key},
		&backend.HScan{Key: key, Count: 1000},
		&backend.Renew{Key: key, TTL: time.Hour},
		&backend.Snapshot{Key: key, Of: backend.KindHash},
		&backend.Restore{Key: key, Of: backend.KindHash, Expiry: l.key(t), FieldExpiry: l.field(t), Texts: pairs, IfAbsent: rapid.Bool().Draw(t, "if absent")},
		&backend.DeleteUnchanged{Key: key, Of: backend.KindHash, Sum: backend.Digest(backend.KindHash, pairs)},
	}
	if len(l.fields) > 0 {
		ops = append(ops, &backend.HPTTL{Key: key, Field: drawText(t)})
	}
	return rapid.SampledFrom(ops).Draw(t, "op")
}

func (l lives) listOp(t *rapid.T) backend.Op {
	key, to := drawKey(t), drawKey(t)
	start, stop := rapid.Int64Range(-6, 6).Draw(t, "start"), rapid.Int64Range(-6, 6).Draw(t, "stop")
	most := rapid.Int64Range(0, 3).Draw(t, "max")
	return rapid.SampledFrom([]backend.Op{
		&backend.LPush{Key: key, Expiry: l.key(t), Values: drawTexts(t), MaxLen: most},
		&backend.RPush{Key: key, Expiry: l.key(t), Values: drawTexts(t), MaxLen: most},
		&backend.RPush{Key: key, Expiry: l.key(t), Values: drawTexts(t)},
		&backend.LPop{Key: key, Expiry: l.key(t), Count: 1},
		&backend.RPop{Key: key, Expiry: l.key(t), Count: rapid.Int64Range(1, 3).Draw(t, "count")},
		&backend.LIndex{Key: key, Index: start},
		&backend.LSet{Key: key, Expiry: l.key(t), Index: start, Value: drawText(t)},
		&backend.LRange{Key: key, Start: start, Stop: stop},
		&backend.LLen{Key: key},
		&backend.LTrim{Key: key, Expiry: l.key(t), Start: start, Stop: stop},
		&backend.LRem{Key: key, Expiry: l.key(t), Count: start, Value: drawText(t)},
		&backend.LMove{Key: key, To: to, FromFront: rapid.Bool().Draw(t, "from"), ToFront: rapid.Bool().Draw(t, "to"), Expiry: l.key(t)},
		&backend.Snapshot{Key: key, Of: backend.KindList},
		&backend.Restore{Key: key, Of: backend.KindList, Expiry: l.key(t), Texts: drawTexts(t), IfAbsent: rapid.Bool().Draw(t, "if absent")},
		&backend.DeleteUnchanged{Key: key, Of: backend.KindList, Sum: backend.Digest(backend.KindList, drawTexts(t))},
	}).Draw(t, "op")
}

func (l lives) setOp(t *rapid.T) backend.Op {
	key, to := drawKey(t), drawKey(t)
	how := rapid.SampledFrom([]backend.Combination{backend.Union, backend.Inter, backend.Diff}).Draw(t, "how")
	return rapid.SampledFrom([]backend.Op{
		&backend.SAdd{Key: key, Expiry: l.key(t), Members: drawTexts(t)},
		&backend.SAdd{Key: key, Expiry: l.key(t), Members: drawTexts(t)},
		&backend.SAdd{Key: key, Expiry: l.key(t), Members: drawTexts(t)[:rapid.IntRange(0, 1).Draw(t, "some")], Replace: true},
		&backend.SRem{Key: key, Expiry: l.key(t), Members: drawTexts(t)},
		&backend.SIsMember{Key: key, Member: drawText(t)},
		&backend.SMIsMember{Key: key, Members: drawTexts(t)},
		&backend.SCard{Key: key},
		&backend.SScan{Key: key, Count: 1000},
		&backend.SPop{Key: key, Expiry: l.key(t), Count: 100},
		&backend.SRandMember{Key: key, Count: 100},
		&backend.SMove{Key: key, To: to, Member: drawText(t), Expiry: l.key(t)},
		&backend.SCombine{Key: key},
		&backend.SCombine{Key: key, Others: []string{to}, How: how},
		&backend.SCombineStore{Key: key, From: []string{to, key}, How: how, Expiry: l.key(t)},
		&backend.Snapshot{Key: key, Of: backend.KindSet},
		&backend.Restore{Key: key, Of: backend.KindSet, Expiry: l.key(t), Texts: distinctTexts(t), IfAbsent: rapid.Bool().Draw(t, "if absent")},
		&backend.DeleteUnchanged{Key: key, Of: backend.KindSet, Sum: backend.Digest(backend.KindSet, distinctTexts(t))},
	}).Draw(t, "op")
}

// distinctTexts are in order.
func distinctTexts(t *rapid.T) [][]byte {
	return slices.CompactFunc(slices.SortedFunc(slices.Values(drawTexts(t)), bytes.Compare), bytes.Equal)
}

// scoredTexts are members and scores in turn.
func scoredTexts(t *rapid.T) (texts [][]byte) {
	for _, m := range drawScored(t) {
		texts = append(texts, m.Member, backend.Score(m.Score))
	}
	return texts
}

func drawScored(t *rapid.T) (all []backend.Scored) {
	for _, text := range distinctTexts(t) {
		all = append(all, backend.Scored{Member: text, Score: drawScore(t)})
	}
	return all
}

func drawScore(t *rapid.T) float64 {
	return rapid.SampledFrom([]float64{0, 1, 1, 2, 0.1, -3, math.Inf(1), math.Inf(-1)}).Draw(t, "score")
}

func (l lives) sortedSetOp(t *rapid.T) backend.Op {
	key := drawKey(t)
	start, stop := rapid.Int64Range(-6, 6).Draw(t, "start"), rapid.Int64Range(-6, 6).Draw(t, "stop")
	low := backend.Bound{Score: drawScore(t), Open: rapid.Bool().Draw(t, "open")}
	high := backend.Bound{Score: drawScore(t), Open: rapid.Bool().Draw(t, "open")}
	if rapid.Bool().Draw(t, "ordered") && cmp.Compare(low.Score, high.Score) > 0 {
		low, high = high, low
	}
	bounded := backend.Bounded{MaxLen: rapid.Int64Range(0, 3).Draw(t, "max"), KeepLowest: rapid.Bool().Draw(t, "lowest")}
	cond := rapid.SampledFrom([]backend.ZCond{backend.ZAlways, backend.ZIfAbsent, backend.ZIfHigher, backend.ZIfLower}).Draw(t, "cond")
	reverse := rapid.Bool().Draw(t, "reverse")
	return rapid.SampledFrom([]backend.Op{
		&backend.ZAdd{Key: key, Expiry: l.key(t), Bounded: bounded, Members: drawScored(t), Cond: cond, Changed: rapid.Bool().Draw(t, "changed") || cond > backend.ZIfAbsent},
		&backend.ZAdd{Key: key, Expiry: l.key(t), Members: drawScored(t)},
		&backend.ZIncrBy{Key: key, Expiry: l.key(t), Bounded: bounded, Member: drawText(t), By: drawScore(t)},
		&backend.ZScore{Key: key, Member: drawText(t)},
		&backend.ZMScore{Key: key, Members: drawTexts(t)},
		&backend.ZRank{Key: key, Member: drawText(t), Reverse: reverse, Scores: rapid.Bool().Draw(t, "scores")},
		&backend.ZRem{Key: key, Expiry: l.key(t), Members: drawTexts(t)},
		&backend.ZCard{Key: key},
		&backend.ZCount{Key: key, Min: low, Max: high},
		&backend.ZRange{Key: key, Start: start, Stop: stop, Reverse: reverse},
		&backend.ZAround{Key: key, Member: drawText(t), Count: rapid.Int64Range(0, 2).Draw(t, "n"), Reverse: reverse},
		&backend.ZRangeByScore{Key: key, Min: low, Max: high, Reverse: reverse, Offset: rapid.Int64Range(0, 2).Draw(t, "offset"), Count: rapid.Int64Range(0, 2).Draw(t, "n")},
		&backend.ZRemRangeByRank{Key: key, Expiry: l.key(t), Start: start, Stop: stop},
		&backend.ZRemRangeByScore{Key: key, Expiry: l.key(t), Min: low, Max: high},
		&backend.ZPop{Key: key, Expiry: l.key(t), Max: reverse, Count: rapid.Int64Range(1, 2).Draw(t, "n")},
		&backend.ZScan{Key: key, Count: 1000},
		&backend.Snapshot{Key: key, Of: backend.KindSortedSet},
		&backend.Restore{Key: key, Of: backend.KindSortedSet, Expiry: l.key(t), Texts: scoredTexts(t), IfAbsent: rapid.Bool().Draw(t, "if absent")},
		&backend.DeleteUnchanged{Key: key, Of: backend.KindSortedSet, Sum: backend.Digest(backend.KindSortedSet, scoredTexts(t))},
	}).Draw(t, "op")
}
