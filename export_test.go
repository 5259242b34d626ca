package rin

// PlainEscape is the obvious implementation of escaping, for the tests of whole
// keys.
var PlainEscape = plainEscape
