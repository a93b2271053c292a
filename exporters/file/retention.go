package file

// surplus returns the backups that r no longer keeps. own is sorted newest
// first.
func (r Retention) surplus(own []backup) []backup {
	if r.MaxFiles == KeepAll || len(own) <= r.MaxFiles {
		return nil
	}
	return own[r.MaxFiles:]
}
