package quote

import (
	"encoding/base64"
	"net/url"
	"os"
	"strings"

	"github.com/seed2f724858/sluice/exporters"
)

const (
	// minSecret is the shortest text that a Cleaner looks for, in bytes: shorter
	// ones are no secrets, and would be found in the middle of words.
	minSecret = 6
	// minEnd is the shortest beginning of one that it looks for where a text was
	// cut.
	minEnd = 3
	// maxText bounds what a Cleaner looks at, in bytes. Behind that nothing
	// shows.
	maxText = 8 << 10
)

// redacted stands in the place of each secret: what all of them print as.
var redacted = exporters.Secret("any").String()

// Cleaner hides secrets in texts of others. Servers like to repeat the
// credentials they refuse, and what is no server at all repeats anything.
//
// A secret is found in any case, as it stands, percent-encoded, with the
// escapes of JSON, Go or HTML, and inside of base64; its first half is found as
// well, since messages are cut. The zero value knows no secrets.
type Cleaner struct{ forms []string } // folded

// NewCleaner returns a Cleaner for secrets. Those of fewer than six bytes are
// left out.
func NewCleaner(secrets ...string) Cleaner {
	var c Cleaner
	known := make(map[string]bool)
	add := func(form string) {
		if form = fold(form); len(form) >= minSecret && !known[form] {
			known[form] = true
			c.forms = append(c.forms, form)
		}
	}
	for _, s := range secrets {
		if len(s) < minSecret {
			continue
		}
		add(s)
		for shift := range 3 {
			add(inBase64(s, shift))
		}
	}
	return c
}

// inBase64 returns what is always the same of the base64 of any text that holds
// s behind shift bytes, or three more, or six.
func inBase64(s string, shift int) string {
	code := base64.RawStdEncoding.EncodeToString([]byte("\x00\x00"[:shift] + s))
	first := (8*shift + 5) / 6
	last := 8 * (shift + len(s)) / 6
	return code[first:last]
}

// HeaderSecrets returns what is secret of headers: their values, and the second
// part of those that have two, the token of "Bearer".
func HeaderSecrets(headers map[string]exporters.Secret) []string {
	var list []string
	for _, value := range headers {
		list = append(list, value.Reveal())
		if _, token, ok := strings.Cut(value.Reveal(), " "); ok {
			list = append(list, strings.TrimSpace(token))
		}
	}
	return list
}

// BasicSecrets returns what is secret of basic authentication (RFC 7617).
func BasicSecrets(user, password string) []string {
	pair := user + ":" + password
	return []string{user, password, pair, base64.StdEncoding.EncodeToString([]byte(pair))}
}

// ProxySecrets returns what is secret of the URLs of proxies, and of those that
// HTTP_PROXY and HTTPS_PROXY name, whether they can be read or not.
func ProxySecrets(urls ...string) []string {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		urls = append(urls, os.Getenv(name))
	}
	var list []string
	for _, s := range urls {
		at := strings.LastIndexByte(s, '@')
		if at < 0 {
			continue
		}
		info := s[:at]
		if _, rest, ok := strings.Cut(info, "://"); ok {
			info = rest
		}
		user, password, _ := strings.Cut(info, ":")
		list = append(list, s, info, user, password)
		list = append(list, BasicSecrets(unescape(user), unescape(password))...)
	}
	return list
}

// unescape is [url.PathUnescape], for what may be no URL as well.
func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// QuerySecrets returns what is secret of a URL's query: its values, as they
// stand and decoded.
func QuerySecrets(u *url.URL) []string {
	var list []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		_, value, ok := strings.Cut(pair, "=")
		if !ok {
			value = pair // a key alone may be one to a door
		}
		list = append(list, value)
		if decoded, err := url.QueryUnescape(value); err == nil {
			list = append(list, decoded)
		}
	}
	return list
}

// PathSecrets returns the segments of a URL's path that have at least so many
// bytes, as they stand and decoded.
func PathSecrets(u *url.URL, least int) []string {
	var list []string
	for _, path := range []string{u.EscapedPath(), u.Path} {
		for segment := range strings.SplitSeq(path, "/") {
			if len(segment) >= least {
				list = append(list, segment)
			}
		}
	}
	return list
}

// Line is [Line] without secrets.
func (c Cleaner) Line(s string) string { return Line(c.Hide(s)) }

// Hide returns s, its first 8 KiB, without secrets.
func (c Cleaner) Hide(s string) string {
	cut := len(s) > maxText
	s = s[:min(len(s), maxText)]
	hidden := make([]bool, len(s))
	plain := asItStands(s)
	unquoted := plain.without(backslash)
	for _, text := range []decoded{
		plain, plain.without(percent), plain.without(entity), unquoted,
		unquoted.without(backslash), // JSON, quoted once more
	} {
		c.mark(hidden, text, cut)
	}
	var b strings.Builder
	for i := range len(s) {
		switch {
		case !hidden[i]:
			b.WriteByte(s[i])
		case i == 0 || !hidden[i-1]:
			b.WriteString(redacted)
		}
	}
	return b.String()
}

// mark notes which bytes of the source belong to a secret.
func (c Cleaner) mark(hidden []bool, t decoded, cut bool) {
	hide := func(from, to int) {
		for i := t.at[from]; i < t.at[to]; i++ {
			hidden[i] = true
		}
	}
	text := fold(t.text)
	for _, form := range c.forms {
		need := max(minSecret, (len(form)+1)/2)
		for from := 0; ; {
			i := strings.Index(text[from:], form[:need])
			if i < 0 {
				break
			}
			from += i
			to := from + need
			for to < len(text) && to-from < len(form) && text[to] == form[to-from] {
				to++
			}
			hide(from, to)
			from = to
		}
		for n := need - 1; cut && n >= minEnd; n-- {
			if strings.HasSuffix(text, form[:n]) {
				hide(len(text)-n, len(text))
				break
			}
		}
	}
}
