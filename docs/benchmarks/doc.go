// Package benchmarks races rin against other libraries that do the same job, on
// a real server, in the same run. It is a module of its own, so that rin itself
// depends on none of them.
//
//	go test -bench .
package benchmarks
