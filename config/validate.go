package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// invalid notes what a Validate found, unless a problem noted since the given
// number of them says it already. meant are keys that n lacks because they are
// misspelt there.
func (d *decoder) invalid(n *node, err error, since int, meant []string) {
	noted := slices.Clone(d.errs[since:])
	for _, msg := range messages(err) {
		if slices.ContainsFunc(meant, func(key string) bool { return begins(msg, key) }) {
			continue
		}
		at, msg := locate(n, msg)
		msg = d.secrets.hide(msg)
		path := at.path()
		if slices.ContainsFunc(noted, func(e *Error) bool {
			return e.Path == path || at != n && strings.HasPrefix(e.Path, path)
		}) {
			continue
		}
		if at.kind == nullKind && strings.Contains(at.source, "${") {
			d.fail(at, msg, at.source+" is not set")
			continue
		}
		if at.external && tells(msg, at) {
			msg = "the value from the environment is not valid here"
		}
		msg, hint := advise(msg)
		d.fail(at, msg, hint)
	}
}

// messages takes an error made by errors.Join apart, also below a prefix.
func messages(err error) []string {
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		if err.Error() != errors.Join(e.Unwrap()...).Error() {
			break
		}
		var all []string
		for _, inner := range e.Unwrap() {
			all = append(all, messages(inner)...)
		}
		return all
	case interface{ Unwrap() error }:
		inner := e.Unwrap()
		if inner == nil {
			break
		}
		prefix, ok := strings.CutSuffix(err.Error(), inner.Error())
		if !ok {
			break
		}
		all := messages(inner)
		for i := range all {
			all[i] = prefix + all[i]
		}
		return all
	}
	return []string{err.Error()}
}

// locate finds where a message belongs that begins with a key
// ("rotation.max_size: …", "max_queue_size is …"). That of a group may begin
// with the group's own key.
func locate(n *node, msg string) (*node, string) {
	if n.child(n.key) == nil {
		msg = strings.TrimPrefix(msg, n.key+".")
	}
	for {
		i := strings.IndexFunc(msg, func(r rune) bool {
			return r != '_' && r != '[' && r != ']' && (r > 0x7f || !isAlpha(byte(r)) && !isDigit(byte(r)))
		})
		if i <= 0 {
			return n, msg
		}
		next := n.child(msg[:i])
		if next == nil {
			return n, msg
		}
		n = next
		switch rest := msg[i:]; {
		case strings.HasPrefix(rest, ": "):
			msg = rest[2:]
		case strings.HasPrefix(rest, "."):
			msg = rest[1:]
		default:
			return n, msg
		}
	}
}

// advise takes what to do out of a message: "wrong: write this", or the word
// that was probably meant in `unknown "wrod": want word, sword or ward`.
func advise(msg string) (rest, hint string) {
	if i := max(strings.LastIndex(msg, ": write "), strings.LastIndex(msg, ": name the ")); i > 0 {
		return msg[:i], msg[i+2:]
	}
	what, valid, ok := strings.Cut(msg, ": want ")
	_, wrong, quoted := strings.Cut(what, `"`)
	if !ok || !quoted {
		return msg, ""
	}
	wrong, _, _ = strings.Cut(wrong, `"`)
	valid, _, _ = strings.Cut(strings.TrimPrefix(valid, "one of "), " (")
	var words []string
	for word := range strings.SplitSeq(strings.ReplaceAll(valid, " or ", ","), ",") {
		// Digits among letters are an example ("every 6h"), not what was meant.
		word = strings.Trim(word, ` "`)
		if !strings.ContainsFunc(word, unicode.IsDigit) || !strings.ContainsFunc(word, unicode.IsLetter) {
			words = append(words, word)
		}
	}
	if best := nearest(wrong, words); best != "" {
		return msg, fmt.Sprintf("did you mean %q?", best)
	}
	return msg, ""
}
