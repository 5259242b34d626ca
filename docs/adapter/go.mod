module github.com/redisimnest/rin/docs/adapter

go 1.26.0

require (
	github.com/gomodule/redigo v1.9.3
	github.com/redisimnest/rin v0.0.0
)

replace github.com/redisimnest/rin => ../..
