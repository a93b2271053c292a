package processors

import "testing"

// globSlow is what a glob means, by the definition.
func globSlow(pattern, s string) bool {
	// ends[i] says that the pattern so far can match s[:i].
	ends := make([]bool, len(s)+1)
	ends[0] = true
	for p := range len(pattern) {
		next := make([]bool, len(s)+1)
		for i := range ends {
			switch {
			case pattern[p] == '*':
				next[i] = ends[i] || i > 0 && next[i-1]
			case i > 0:
				next[i] = ends[i-1] && (pattern[p] == '?' || pattern[p] == s[i-1])
			}
		}
		ends = next
	}
	return ends[len(s)]
}

func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{{"", ""}, {"*", "a.b"}, {"a*b?c", "axxbbc"}, {"**?", ""}, {"*ab*ab", "abab"}, {"é?", "éx"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern)*len(s) > 1<<16 {
			return
		}
		if got, want := glob(pattern, s), globSlow(pattern, s); got != want {
			t.Errorf("glob(%q, %q) = %t", pattern, s, got)
		}
		if !isGlob(pattern) && pattern != "" {
			if got, want := covers(pattern, s), s == pattern || globSlow(pattern+".*", s) || globSlow(pattern+"/*", s); got != want {
				t.Errorf("covers(%q, %q) = %t", pattern, s, got)
			}
		}
	})
}
