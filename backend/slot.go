package backend

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Slots is how many slots a Redis or Valkey cluster has.
const Slots = 16384

// Slot is the slot of a key on a cluster: CRC16 (XMODEM) of its hash tag, or of
// the whole key where it has none, as the Redis Cluster specification has it.
func Slot(key string) int {
	return int(crc16(HashTag(key))) % Slots
}

// HashTag is the part of a key that decides its slot: what stands between its
// first { and the } after it, or the whole key where there is no such part or it
// is empty.
func HashTag(key string) string {
	open := strings.IndexByte(key, '{')
	if open < 0 {
		return key
	}
	if end := strings.IndexByte(key[open+1:], '}'); end > 0 {
		return key[open+1 : open+1+end]
	}
	return key
}

// Sibling is a key in the same slot as key that begins with it, so that it lies
// below the same prefixes; suffix tells it from its like, and has no braces. Where
// key has no hash tag, the sibling has one behind the suffix, a number that leads
// to the slot: user:1 has user:1:lock{3759}.
//
// A key with an opening brace that is not closed can't be continued so. Its
// sibling begins with the tag.
func Sibling(key, suffix string) string {
	if HashTag(key) != key {
		return key + suffix
	}
	slot := Slot(key)
	tag := "{" + strconv.Itoa(int(tags()[slot])) + "}"
	if sibling := key + suffix + tag; Slot(sibling) == slot {
		return sibling
	}
	return tag + key + suffix
}

// tags are hash tags of all slots: of each the first number that is one.
var tags = sync.OnceValue(func() *[Slots]uint32 {
	var table [Slots]uint32
	var found [Slots]bool
	for n, missing := uint32(0), Slots; missing > 0; n++ {
		if slot := Slot(strconv.Itoa(int(n))); !found[slot] {
			table[slot], found[slot] = n, true
			missing--
		}
	}
	return &table
})

// CheckSlot returns [ErrCrossSlot] if the keys of ops do not share a slot,
// naming two that don't: what a [Transactor] on a cluster does first. See [CheckSlots]
// for what an Exec does.
func CheckSlot(ops []Op) error {
	if len(ops) == 0 {
		return nil
	}
	first := Key(ops[0])
	a := Slot(first)
	for _, op := range ops {
		for _, key := range Keys(op) {
			if b := Slot(key); a != b {
				return fmt.Errorf("%w: %q is in slot %d, %q in slot %d; %s", ErrCrossSlot, first, a, key, b, tagFor(first, key))
			}
		}
	}
	return nil
}

// CheckSlots returns [ErrCrossSlot] if the keys of one of the ops do not share a slot:
// what an Exec on a cluster does first. The ops may differ.
func CheckSlots(ops []Op) error {
	for _, op := range ops {
		if _, several := op.(spread); !several {
			continue
		}
		if err := CheckSlot([]Op{op}); err != nil {
			return err
		}
	}
	return nil
}

// tagFor says how two keys could share a slot.
func tagFor(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	common := a[:n]
	if i := strings.LastIndexByte(common, ':'); i > 0 && !strings.ContainsAny(common, "{}") {
		return fmt.Sprintf("declare their cluster with a hash tag, as in {%s}", common[:i])
	}
	return "give both the same hash tag: a part in braces, as in user:{<user_id>}"
}

// crc16 is CRC16/XMODEM.
func crc16(s string) (crc uint16) {
	for i := range len(s) {
		crc = crc<<8 ^ crcOf[byte(crc>>8)^s[i]]
	}
	return crc
}

// crcOf is the checksum of each byte.
var crcOf = func() (table [256]uint16) {
	for b := range table {
		crc := uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		table[b] = crc
	}
	return table
}()
