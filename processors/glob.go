package processors

import "strings"

// glob reports whether pattern matches the whole of s; "*" matches any run of
// characters, separators included, and "?" any single byte, as OpenTelemetry's
// logger_configurator has them. Time is linear in len(pattern)·len(s).
func glob(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// Glob is the matching of names in configuration: "*" stands for any run of
// characters, separators included, and "?" for any single byte.
func Glob(pattern, s string) bool { return glob(pattern, s) }

func isGlob(pattern string) bool { return strings.ContainsAny(pattern, "*?") }

// covers reports whether a logger pattern covers a logger: as a glob, or as
// the logger itself or one of its ancestors in the hierarchy that "." and "/"
// make. "" covers every logger.
func covers(pattern, logger string) bool {
	if pattern == "" {
		return true
	}
	if isGlob(pattern) {
		return glob(pattern, logger)
	}
	rest, ok := strings.CutPrefix(logger, pattern)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '/')
}
