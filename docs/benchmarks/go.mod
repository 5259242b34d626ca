module github.com/redisimnest/rin/docs/benchmarks

go 1.26.0

require (
	github.com/bsm/redislock v0.9.4
	github.com/dtm-labs/rockscache v0.1.0
	github.com/go-redis/cache/v9 v9.0.0
	github.com/go-redis/redis/v8 v8.11.5
	github.com/go-redis/redis_rate/v10 v10.0.1
	github.com/klauspost/compress v1.13.6
	github.com/redis/go-redis/v9 v9.23.0
	github.com/redisimnest/rin v0.0.0
	github.com/vmihailenco/msgpack/v5 v5.3.4
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/dgryski/go-rendezvous v0.0.0-20200823014737-9f7001d12a5f // indirect
	github.com/google/uuid v1.3.0 // indirect
	github.com/lithammer/shortuuid v3.0.0+incompatible // indirect
	github.com/vmihailenco/go-tinylfu v0.2.2 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sync v0.1.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)

replace github.com/redisimnest/rin => ../..
