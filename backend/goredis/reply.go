package goredis

import (
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/redisimnest/rin/backend/wire"
)

// reply is a reply as go-redis reads one of which nothing is known beforehand.
func reply(v any) wire.Reply {
	switch v := v.(type) {
	case nil:
		return wire.Reply{Nil: true}
	case string:
		return wire.Reply{Text: v}
	case int64:
		return wire.Reply{Text: strconv.FormatInt(v, 10)}
	case float64:
		return wire.Reply{Text: strconv.FormatFloat(v, 'g', -1, 64)}
	case bool:
		return boolean(v)
	case redis.Error:
		return wire.Reply{Err: v}
	case []any:
		elems := make([]wire.Reply, len(v))
		for i := range v {
			elems[i] = reply(v[i])
		}
		return wire.ArrayOf(elems...)
	case map[any]any:
		elems := make([]wire.Reply, 0, 2*len(v))
		for key, value := range v {
			elems = append(elems, reply(key), reply(value))
		}
		return wire.ArrayOf(elems...)
	}
	return wire.Reply{Text: fmt.Sprint(v)} // A big number.
}

func boolean(b bool) wire.Reply {
	if b {
		return wire.Reply{Text: "1"}
	}
	return wire.Reply{Text: "0"}
}

// flat are the keys and values of a map in turn.
func flat(pairs map[string]string) [][]byte {
	texts := make([][]byte, 0, 2*len(pairs))
	for key, value := range pairs {
		texts = append(texts, wire.Bytes(key), wire.Bytes(value))
	}
	return texts
}

func texts(all []string) [][]byte {
	texts := make([][]byte, len(all))
	for i, text := range all {
		texts[i] = wire.Bytes(text)
	}
	return texts
}

func scored(all []redis.Z) []wire.Scored {
	members := make([]wire.Scored, len(all))
	for i, z := range all {
		member, _ := z.Member.(string)
		members[i] = wire.Scored{Member: wire.Bytes(member), Score: z.Score}
	}
	return members
}
