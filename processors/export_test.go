package processors

// Live returns the number of loggers whose level is kept current.
func (l *Levels) Live() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.live)
}
