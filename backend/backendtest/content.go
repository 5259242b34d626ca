package backendtest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redisimnest/rin/backend"
)

// content is what a key holds: of a hash fields and values in turn, of a sorted set
// members and scores.
type content struct {
	kind  backend.Kind
	texts [][]byte
}

// contentOf reads what a key holds, and how long it has left.
func contentOf(exec func(...backend.Op), key string) (content, time.Duration) {
	kind, ttl := &backend.Type{Key: key}, &backend.TTL{Key: key}
	exec(kind, ttl)
	c := content{}
	switch kind.Kind {
	case "string":
		get := &backend.Get{Key: key}
		exec(get)
		c = content{backend.KindString, [][]byte{get.Value}}
	case "list":
		all := &backend.LRange{Key: key, Stop: -1}
		exec(all)
		c = content{backend.KindList, all.Values}
	case "hash":
		all := &backend.HGetAll{Key: key}
		exec(all)
		c = content{backend.KindHash, sortedPairs(all.Pairs)}
	case "set":
		all := &backend.SCombine{Key: key}
		exec(all)
		slices.SortFunc(all.Members, bytes.Compare)
		c = content{backend.KindSet, all.Members}
	case "zset":
		all := &backend.ZRange{Key: key, Stop: -1}
		exec(all)
		c.kind = backend.KindSortedSet
		for _, m := range all.Members {
			c.texts = append(c.texts, m.Member, strconv.AppendFloat(nil, m.Score, 'g', -1, 64))
		}
	}
	return c, ttl.Remaining
}

func sortedPairs(pairs [][]byte) (sorted [][]byte) {
	for _, pair := range slices.SortedFunc(slices.Chunk(pairs, 2), func(a, b [][]byte) int { return bytes.Compare(a[0], b[0]) }) {
		sorted = append(sorted, pair...)
	}
	return sorted
}

func (c content) found() bool { return c.texts != nil }

// String is a plain value as it is, and anything else with its kind.
func (c content) String() string {
	switch {
	case !c.found():
		return ""
	case c.kind == backend.KindString:
		return string(c.texts[0])
	}
	return fmt.Sprintf("%v %q", c.kind, c.texts)
}

// pairs are the texts, where a hash or a sorted set of one gets a number for it.
func (c content) pairs() [][]byte {
	texts := slices.Clone(c.texts)
	if (c.kind == backend.KindHash || c.kind == backend.KindSortedSet) && len(texts) == 1 {
		texts = append(texts, []byte("7"))
	}
	return texts
}

// write makes key hold the content.
func (c content) write(key string, ttl time.Duration) backend.Op {
	expiry, texts := backend.Expiry{TTL: ttl}, c.pairs()
	switch c.kind {
	case backend.KindList:
		return &backend.RPush{Key: key, Values: texts, Expiry: expiry}
	case backend.KindHash:
		return &backend.HSet{Key: key, Pairs: texts, Expiry: expiry}
	case backend.KindSet:
		return &backend.SAdd{Key: key, Members: texts, Expiry: expiry}
	case backend.KindSortedSet:
		add := &backend.ZAdd{Key: key, Expiry: expiry}
		for pair := range slices.Chunk(texts, 2) {
			score, _ := strconv.ParseFloat(string(pair[1]), 64)
			add.Members = append(add.Members, backend.Scored{Member: pair[0], Score: score})
		}
		return add
	}
	return &backend.Set{Key: key, Value: texts[0], TTL: ttl}
}
