package bridge

import (
	"regexp"
	"strings"
)

const (
	maxCrashMessage = 8 << 10
	maxCrashStack   = 64 << 10
)

// crash is what the Go runtime printed of one.
type crash struct {
	title   string // one line
	typ     string
	message string
	stack   string
	// logged says that a Recover has delivered the panic.
	logged bool
}

// parseCrash reads the text of a crash: a line for each panic, whose own line
// feeds, as those between panics, are followed by a tab; "[signal …]"; an empty
// line; the stacks of goroutines, first the one that crashed. See printpanics
// and dopanic_m of package runtime, Go 1.26. A text of another form is a
// message as a whole.
func parseCrash(text string) crash {
	head, stack := splitCrash(text)
	frame := firstFrame(stack)
	c := crash{stack: cut(stack, maxCrashStack)}
	// Two goroutines that panic at once print one text after the other.
	c.logged = frame == repanicName && strings.Count("\n"+text, "\npanic: ") == 1
	// The runtime may have said something before.
	for _, kind := range []string{"panic", "fatal error"} {
		if i := strings.Index("\n"+head, "\n"+kind+": "); i >= 0 {
			c.typ, head = kind, head[i:]
			break
		}
	}
	head = strings.TrimSuffix(head, repanicked)
	message := strings.TrimPrefix(head, c.typ+": ")
	switch {
	case c.typ == "panic":
		// The last one is what could not be recovered.
		if i := strings.LastIndex(head, "\n\tpanic: "); i >= 0 {
			head = head[i+len("\n\t"):]
		}
		c.typ = typeInText(strings.TrimPrefix(head, "panic: "))
	case c.typ != "":
	case message != "":
		c.typ = "crash"
		if name := signalName.FindString(message); name != "" {
			c.typ = name // such as SIGQUIT
		}
	case frame != "":
		c.typ, message, head = "fatal error", "in "+frame, "fatal error in "+frame
	default:
		c.typ, message, head = "fatal error", "unknown", "fatal error"
	}
	c.title, _, _ = strings.Cut(head, "\n")
	c.title = cut(c.title, maxCrashMessage)
	c.message = cut(strings.ReplaceAll(message, "\n\t", "\n"), maxCrashMessage)
	return c
}

// repanicked stands behind a panic that was recovered and panicked with again.
const repanicked = " [recovered, repanicked]"

// splitCrash parts the message from what follows it.
func splitCrash(text string) (head, rest string) {
	end := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "[signal ") || isStackHeader(line) {
			break
		}
		end += len(line)
	}
	return strings.Trim(text[:end], "\n"), strings.Trim(text[end:], "\n")
}

func isStackHeader(line string) bool {
	line = strings.TrimSuffix(line, "\n")
	return line == "runtime stack:" || strings.HasPrefix(line, "goroutine ") && strings.HasSuffix(line, "]:")
}

// firstFrame returns the function that the first stack begins with, below
// those with which the runtime itself crashes.
func firstFrame(stack string) string {
	in := false
	for line := range strings.Lines(stack) {
		if isStackHeader(line) {
			if in {
				break
			}
			in = true
			continue
		}
		i := strings.LastIndexByte(line, '(')
		if !in || i <= 0 || line[0] == '\t' {
			continue
		}
		switch name := line[:i]; {
		case name == "panic", name == "runtime.throw", name == "runtime.fatal", name == "runtime.fatalthrow":
		default:
			return name
		}
	}
	return ""
}

var (
	signalName = regexp.MustCompile(`^SIG[A-Z0-9]+\b`)
	// address is how the runtime prints a value of most types, converted one
	// of a type that a program has made of a string or a number.
	address   = regexp.MustCompile(`^\((\S.*)\) 0x[0-9a-f]+$`)
	converted = regexp.MustCompile(`(?s)^(\w+\.\w+(?:\[\S*\])?)\((?:".*"|[-+.\w]+)\)$`)
)

// typeInText returns the Go type of a panic's value if the text tells it.
func typeInText(message string) string {
	if strings.HasPrefix(message, "runtime error: ") {
		return "runtime.Error"
	}
	for _, form := range []*regexp.Regexp{address, converted} {
		if m := form.FindStringSubmatch(message); m != nil {
			return m[1]
		}
	}
	return "panic"
}

// cut bounds a text, and says so.
func cut(s string, n int) string {
	const mark = "\n[cut]"
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-len(mark)], "") + mark
}
