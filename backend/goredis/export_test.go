package goredis

// Handovers is how many clients have one.
func Handovers() int {
	handovers.Lock()
	defer handovers.Unlock()
	return len(handovers.of)
}
