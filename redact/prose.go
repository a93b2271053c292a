package redact

import "strings"

// harmless reports whether a value says something about a secret instead of
// being one.
func harmless(s string) bool {
	if strings.Trim(s, "*") == "" {
		return true
	}
	if len(s) > 24 {
		return false
	}
	var buf [24]byte
	switch string(appendLower(buf[:0], s)) {
	case "true", "false", "null", "nil", "(nil)", "none", "undefined", "empty", "required", "missing", "invalid",
		"expired", "incorrect", "wrong", "unset", "set", "not", "must", "is", "ok", "yes", "no", "optional", "disabled",
		"enabled", "changed", "unknown", "default", "redacted", "string", "failed", "unauthorized", "forbidden", "denied",
		"malformed", "mismatch", "revoked", "rejected", "refused", "accepted", "valid", "success", "exceeded", "timeout", "unavailable", "error",
		"?", "...", "%s", "%v", "%q", "%d":
		return true
	}
	// A parameter of a statement: $1, :password, @p1; a variable: $PASSWORD.
	switch rest := s[1:]; s[0] {
	case '$':
		return run(rest, 0, digit) == len(rest) || run(rest, 0, upper|dash) == len(rest)
	case ':', '@':
		return rest != "" && len(rest) <= 16 && run(rest, 0, lower|dash|digit) == len(rest)
	}
	return false
}

// placeholder reports whether something like ${PASSWORD} or <nil> stands at i.
func placeholder(s string, i int) bool {
	const longest = 40
	end := byte('>')
	switch {
	case s[i] == '<':
		i++
	case strings.HasPrefix(s[i:], "${"):
		i += len("${")
		end = '}'
	default:
		return false
	}
	e := run(s[:min(len(s), i+longest)], i, letter|dash)
	return e > i && e < len(s) && s[e] == end && (e+1 == len(s) || is(s[e+1], space|closer))
}

// isDirectory reports whether a name means the working directory, and what
// stands behind it one.
func isDirectory(name, rest string) bool {
	if len(name) < 3 || !hasFold(name, len(name)-3, "pwd") {
		return false
	}
	if at(rest, 0, quote) {
		rest = rest[1:]
	}
	return rest != "" && (rest[0] == '/' || rest[0] == '~') || len(rest) > 2 && rest[1] == ':' && rest[2] == '\\'
}

// isPath reports whether a value is the path of a file and not random bytes,
// which base64 gives slashes too. Only what has the parts of a path counts.
func isPath(s string) bool {
	const longest = 256
	if len(s) > longest || scrambled(s) {
		return false
	}
	slashes, dot := 0, -1
	for i := range len(s) {
		switch c := s[i]; {
		case c == '/':
			slashes, dot = slashes+1, -1
		case c == '.':
			dot = i
		case !is(c, token) && (c != '~' || i > 0):
			return false
		}
	}
	ext := len(s) - dot - 1
	file := dot > 0 && ext >= 2 && ext <= 5 && run(s, dot+1, letter) == len(s)
	rooted := slashes > 0 && (s[0] == '/' || s[0] == '~' || s[0] == '.')
	return rooted && slashes > 1 || slashes > 0 && file
}

// isSmallWord knows the words that follow a flag's name, or a scheme's, in a
// sentence.
func isSmallWord(s string) bool {
	switch s {
	case "to", "or", "and", "flag", "option", "for", "from", "with", "in", "was", "when", "has", "argument", "on", "if", "string,", "the",
		"token", "auth", "authentication", "authorization", "credentials", "realm", "scheme", "header", "are", "cannot":
		return true
	}
	return false
}

// likelySecret tells the value in "password: hunter2" from the next word of a
// message, as in "check password: too short" and "read token: EOF".
func (d *Redactor) likelySecret(s string, n name, v span) bool {
	const longestWord = 64
	value := s[v.from:v.to]
	if value[len(value)-1] == ':' { // an error that wraps another
		return false
	}
	if i := strings.IndexByte(value, '['); i > 0 && d.markLen(value[i:]) > 0 {
		if value = strings.TrimRight(value[:i], "\"'`"); value == "" || strings.HasSuffix(value, "%20") || strings.HasSuffix(value, ":") || strings.HasSuffix(value, "=") {
			return false // the mark is another name's, or a scheme's
		}
	}
	switch {
	case strings.HasPrefix(value, "arn:"): // Amazon's name of a thing
		return false
	case len(value) > longestWord:
		return true
	}
	if value[0] == '/' || value[0] == '(' {
		return false // a path, an aside
	}
	k := kindsIn(value)
	if k&quote != 0 {
		return true // Some("x")
	}
	if k&digit != 0 && (len(value) >= 4 || k&letter != 0) {
		return true
	}
	if k&digit != 0 { // a short number
		return n.quoted && (v.to == len(s) || is(s[v.to], closer) || s[v.to] == '\n' || s[v.to] == '\r')
	}
	if k&lower != 0 && kindsIn(value[1:])&upper != 0 {
		return true
	}
	if n.sentence {
		return false
	}
	// A lone word: only where a line, or what quotes enclose, has nothing but
	// name and value.
	start := n.start
	if n.quoted && start > n.floor {
		start-- // its quote
	}
	for start > n.floor && n.start-start < longestWord && s[start-1] == ' ' {
		start--
	}
	end := v.to
	for end < len(s) && end-v.to < longestWord && s[end] == ' ' {
		end++
	}
	if start > n.floor && is(s[start-1], quote) {
		return end < len(s) && s[end] == s[start-1]
	}
	return (start == 0 || start > n.floor && (s[start-1] == '\n' || s[start-1] == '{' || s[start-1] == ',')) &&
		(end == len(s) || s[end] == '\n' || s[end] == '\r' || s[end] == '}' || s[end] == ',')
}
