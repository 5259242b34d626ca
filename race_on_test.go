//go:build race

package rin_test

const raceEnabled = true
