package exporters

// OriginsLen returns how many origins o holds.
func OriginsLen(o *Origins) int { return len(o.entries) }
