package backend

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redisimnest/rin/backend/wire"
)

// Snapshot reads all that a structure holds, and a digest of it: a script, O(n).
type Snapshot struct {
	Key     string
	Pattern string
	// Of is the kind of the structure.
	Of Kind

	// Texts are the elements or members; of a hash fields and values in turn, of a sorted
	// set members and scores. There are none where the key is not there.
	Texts [][]byte
	// Sum is what [Digest] makes of them.
	Sum string
	Err error
}

func (o *Snapshot) info() info {
	return info{name: "snapshot", does: reads(o.Of), key: o.Key, pattern: o.Pattern, err: &o.Err}
}

func (o *Snapshot) calls() []string { return []string{o.Of.whole().read[0].String()} }

func (o *Snapshot) command(c *wire.Command) { addWhole(c, o.Key, o.Of, "") }

func (o *Snapshot) answer(r wire.Reply) error {
	elems, err := r.Array(2)
	if err != nil {
		return err
	}
	sum, _, err := elems[0].Bytes()
	if err != nil {
		return err
	}
	if o.Texts, err = elems[1].Texts(); err == nil {
		o.Sum = string(sum)
	}
	return err
}

// DeleteUnchanged deletes a structure if its digest is Sum, in one atomic step: a script,
// O(n).
type DeleteUnchanged struct {
	Key     string
	Pattern string
	Of      Kind
	Sum     string

	Deleted bool
	Err     error
}

func (o *DeleteUnchanged) info() info {
	return info{name: "delete unchanged", does: writes(o.Of), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Deleted}
}

func (o *DeleteUnchanged) calls() []string { return []string{o.Of.whole().read[0].String(), "UNLINK"} }

func (o *DeleteUnchanged) command(c *wire.Command) { addWhole(c, o.Key, o.Of, o.Sum) }

func (o *DeleteUnchanged) answer(r wire.Reply) error { return yes(r, &o.Deleted) }

// Restore writes all of a structure, as a [Snapshot] has it, in one atomic step: a script,
// O(n). What the key held is gone.
type Restore struct {
	Key     string
	Pattern string
	Of      Kind
	Expiry
	// FieldExpiry is given to each field of a hash.
	FieldExpiry Expiry
	// Texts are one at least, and of a hash and a sorted set none is there twice.
	Texts [][]byte
	// IfAbsent writes nothing where the key is there, whatever it holds.
	IfAbsent bool

	Applied bool
	Err     error
}

func (o *Restore) info() info {
	i := info{name: "restore", does: writes(o.Of), key: o.Key, pattern: o.Pattern, err: &o.Err, did: &o.Applied}
	if o.IfAbsent {
		i.does = writes(KindAny)
	}
	return i
}

func (o *Restore) needs() need { return o.FieldExpiry.forFields() }

func (o *Restore) step() step {
	s, w := o.Expiry.step(), o.Of.whole()
	s.item, s.adds, s.fields = w.words, o.Of != KindList, o.FieldExpiry
	if o.IfAbsent {
		s.guard, s.fields.IfNone = holdsNoKind, false // There is nothing to look at before.
	} else {
		s.anew(w.count)
	}
	return s
}

func (o *Restore) command(c *wire.Command) {
	s := o.step()
	s.write(c, o.Key, o.Of.whole().write)
	if o.Of == KindSortedSet {
		for pair := range slices.Chunk(o.Texts, 2) {
			c.Add(wire.Data(pair[1]), wire.Data(pair[0]))
		}
	} else {
		addAll(c, o.Texts)
	}
	s.end(c)
}

func (o *Restore) answer(r wire.Reply) error {
	did, _, err := stepAnswer(r)
	o.Applied = did == carriedOut
	return err
}

// whole is how all of a kind is read, counted and written.
type whole struct {
	words     int // of an element
	unordered bool
	read      []wire.Word // without the key, which stands behind the first
	count     string
	write     wire.Word
}

// whole is that of the kind.
func (k Kind) whole() whole {
	switch k {
	case KindHash:
		return whole{2, true, []wire.Word{wire.HGETALL}, "HLEN", wire.HSET}
	case KindSet:
		return whole{1, true, []wire.Word{wire.SMEMBERS}, "SCARD", wire.SADD}
	case KindSortedSet:
		return whole{2, false, []wire.Word{wire.ZRANGE, wire.Int(0), wire.Int(-1), wire.WITHSCORES}, "ZCARD", wire.ZADD}
	}
	return whole{1, false, []wire.Word{wire.LRANGE, wire.Int(0), wire.Int(-1)}, "LLEN", wire.RPUSH}
}

// wholeScript reads all that a structure holds, and either answers its digest and all, or
// deletes it if it has that digest. See [Digest].
//
//	KEYS[1] the key
//	ARGV[1] the digest that it has to have to be deleted, or nothing
//	ARGV[2] how many words an element has
//	ARGV[3] ~ where the order of elements says nothing
//	ARGV[4] the command that reads all, and its words behind the key
const wholeScript = `local key, size, parts = KEYS[1], tonumber(ARGV[2]), {}
local all = redis.call(ARGV[4], key, unpack(ARGV, 5))
for i = 1, #all, size do
  local part = {}
  for j = i, i + size - 1 do part[#part + 1] = #all[j] .. ':' .. all[j] end
  parts[#parts + 1] = table.concat(part)
end
if ARGV[3] ~= '' then table.sort(parts) end
local sum = redis.sha1hex(table.concat(parts))
if ARGV[1] == '' then return {sum, all} end
if sum ~= ARGV[1] then return 0 end
return redis.call('UNLINK', key)`

var wholeWord = wire.Script(wholeScript)

func addWhole(c *wire.Command, key string, of Kind, sum string) {
	w := of.whole()
	c.Nested = sum == ""
	c.Add(wire.EVAL, wholeWord, wire.Int(1)).Key(key).Add(wire.Text(sum), wire.Int(int64(w.words)))
	addIf(c, w.unordered, "~")
	c.Add(w.read...)
}

// Digest is what tells two states of a structure apart: the SHA-1 of its texts, each
// behind its length, in their order, or sorted where a kind has none. It is not meant to
// withstand who looks for collisions.
func Digest(of Kind, texts [][]byte) string {
	w := of.whole()
	var parts []string
	for element := range slices.Chunk(texts, w.words) {
		var part strings.Builder
		for _, text := range element {
			fmt.Fprintf(&part, "%d:%s", len(text), text)
		}
		parts = append(parts, part.String())
	}
	if w.unordered {
		slices.Sort(parts)
	}
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// Score is the text of a score, as in a [Snapshot].
func Score(score float64) []byte { return []byte(wire.Float(score).String()) }

// ScoreOf is the score that a text in a [Snapshot] is.
func ScoreOf(text []byte) (float64, error) { return strconv.ParseFloat(string(text), 64) }
