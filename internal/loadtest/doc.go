// Package loadtest puts load on servers that fail, and checks every answer: that no
// write which was acknowledged and replicated is lost and none is carried out twice,
// that nothing that is there is taken for missing, that walks are whole, and that
// nobody waits beyond a deadline. It has tests only.
//
//	go test -v ./internal/loadtest
package loadtest
