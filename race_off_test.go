//go:build !race

package rin_test

const raceEnabled = false
