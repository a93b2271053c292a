package encode

import "github.com/seed2f724858/sluice/record"

// form is what records, and records that are encoded already, differ in when a
// request is made of them.
type form[R any] interface {
	// sameResource and sameOrigin tell whether two records that follow each
	// other belong in one ResourceLogs, and in one ScopeLogs of it.
	sameResource(a, b *R) bool
	sameOrigin(a, b *R) bool
	// These append fields of a ResourceLogs, a ScopeLogs and a LogRecord.
	appendResource(dst []byte, r *R) []byte
	appendScope(dst []byte, r *R) []byte
	appendLog(dst []byte, r *R) []byte
}

// plainForm is that of records.
type plainForm struct{ e *OTLPProtoEncoder }

func (plainForm) sameResource(a, b *record.Record) bool {
	return resourceOf(a.Origin) == resourceOf(b.Origin)
}

func (plainForm) sameOrigin(a, b *record.Record) bool { return a.Origin == b.Origin }

func (f plainForm) appendResource(dst []byte, r *record.Record) []byte {
	return f.e.AppendResourceFields(dst, r.Origin)
}

func (f plainForm) appendScope(dst []byte, r *record.Record) []byte {
	return f.e.AppendScopeFields(dst, r.Origin)
}

func (f plainForm) appendLog(dst []byte, r *record.Record) []byte { return f.e.AppendLog(dst, r) }

// appendRequest appends an ExportLogsServiceRequest with as many of the first
// records as fit into limit bytes, and returns how many these are; nothing for
// none.
func appendRequest[R any, F form[R]](dst []byte, recs []R, limit int, f F) ([]byte, int) {
	limit = max(limit, 0) // What is subtracted from it must not overflow.
	n := 0
	for n < len(recs) {
		start, fit := len(dst), 0
		dst, fit = appendResourceLogs(dst, recs[n:], limit, f)
		if fit == 0 {
			break
		}
		limit -= len(dst) - start
		n += fit
	}
	return dst, n
}

// appendResourceLogs appends those of the first records that have one resource
// and fit into room bytes.
func appendResourceLogs[R any, F form[R]](dst []byte, recs []R, room int, f F) ([]byte, int) {
	before := len(dst)
	dst = openMessage(dst, tagResourceLogs, groupWidth)
	start := len(dst)
	room = contentRoom(room)
	dst = f.appendResource(dst, &recs[0])
	n := 0
	for n < len(recs) && f.sameResource(&recs[0], &recs[n]) {
		fit := 0
		dst, fit = appendScopeLogs(dst, recs[n:], room-(len(dst)-start), f)
		if fit == 0 {
			break
		}
		n += fit
	}
	if n == 0 {
		return dst[:before], 0
	}
	return closeMessage(dst, start, groupWidth), n
}

// appendScopeLogs appends those of the first records that have one origin and
// fit into room bytes.
func appendScopeLogs[R any, F form[R]](dst []byte, recs []R, room int, f F) ([]byte, int) {
	before := len(dst)
	dst = openMessage(dst, tagGroupMembers, groupWidth)
	start := len(dst)
	room = contentRoom(room)
	dst = f.appendScope(dst, &recs[0])
	n := 0
	for n < len(recs) && f.sameOrigin(&recs[0], &recs[n]) {
		end := len(dst)
		dst = openMessage(dst, tagGroupMembers, recordWidth)
		content := len(dst)
		dst = f.appendLog(dst, &recs[n])
		dst = closeMessage(dst, content, recordWidth)
		if len(dst)-start > room {
			dst = dst[:end]
			break
		}
		n++
	}
	if n == 0 {
		return dst[:before], 0
	}
	return closeMessage(dst, start, groupWidth), n
}
