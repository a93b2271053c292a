package bridge

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const mainStack = "goroutine 1 [running]:\nmain.main()\n\t/src/main.go:7 +0x18\n"

// What Go 1.26 prints of programs that crash, on their crash output.
var crashTexts = []struct {
	name, head, stack string
	want              crash
}{
	{"string", "panic: boom\n\n", mainStack,
		crash{title: "panic: boom", typ: "panic", message: "boom"}},
	{"two lines", "panic: a\n\tb\n\n", mainStack,
		crash{title: "panic: a", typ: "panic", message: "a\nb"}},
	{"goroutine in a text", "panic: a\n\tgoroutine 9 [running]:\n\n", mainStack,
		crash{title: "panic: a", typ: "panic", message: "a\ngoroutine 9 [running]:"}},
	{"runtime error", "panic: runtime error: index out of range [5] with length 3\n\n", mainStack,
		crash{title: "panic: runtime error: index out of range [5] with length 3", typ: "runtime.Error", message: "runtime error: index out of range [5] with length 3"}},
	{"nil pointer", "panic: runtime error: invalid memory address or nil pointer dereference\n", "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a1f30]\n\n" + mainStack,
		crash{title: "panic: runtime error: invalid memory address or nil pointer dereference", typ: "runtime.Error", message: "runtime error: invalid memory address or nil pointer dereference"}},
	{"struct", "panic: (main.T) 0x4d33c8\n\n", mainStack,
		crash{title: "panic: (main.T) 0x4d33c8", typ: "main.T", message: "(main.T) 0x4d33c8"}},
	{"pointer", "panic: (*main.T) 0x22eb61506020\n\n", mainStack,
		crash{title: "panic: (*main.T) 0x22eb61506020", typ: "*main.T", message: "(*main.T) 0x22eb61506020"}},
	{"string type", "panic: main.S(\"x\n\ty\")\n\n", mainStack,
		crash{title: "panic: main.S(\"x", typ: "main.S", message: "main.S(\"x\ny\")"}},
	{"number type", "panic: main.Code(-7)\n\n", mainStack,
		crash{title: "panic: main.Code(-7)", typ: "main.Code", message: "main.Code(-7)"}},
	{"call in a text", "panic: main.run (twice) failed\n\n", mainStack,
		crash{title: "panic: main.run (twice) failed", typ: "panic", message: "main.run (twice) failed"}},
	{"repanicked by others", "panic: a [recovered, repanicked]\n\n", mainStack,
		crash{title: "panic: a", typ: "panic", message: "a"}},
	{"delivered", "panic: a [recovered, repanicked]\n\n", "goroutine 1 [running]:\n" + repanicName + "({0x1?, 0x2?})\n\t/src/recover.go:7 +0x18\n",
		crash{title: "panic: a", typ: "panic", message: "a", logged: true}},
	{"delivered, GOTRACEBACK=system", "panic: a [recovered, repanicked]\n\n", "goroutine 1 gp=0x80b8898a1e0 m=0 mp=0x58cfa0 [running]:\npanic({0x1, 0x2})\n\t/go/panic.go:879\n" + repanicName + "({0x1?, 0x2?})\n\t/src/recover.go:7 +0x18\n",
		crash{title: "panic: a", typ: "panic", message: "a", logged: true}},
	{"another after a delivered one", "panic: a [recovered, repanicked]\n\tpanic: b\n\n", "goroutine 1 [running]:\nmain.f()\n\t/src/main.go:1\n" + repanicName + "({0x1?, 0x2?})\n\t/src/recover.go:7\n",
		crash{title: "panic: b", typ: "panic", message: "a [recovered, repanicked]\npanic: b"}},
	{"in another goroutine than a delivered one", "panic: b\n\n", "goroutine 1 [running]:\nmain.f()\n\t/src/main.go:1\n\ngoroutine 2 [running]:\n" + repanicName + "({0x1?, 0x2?})\n\t/src/recover.go:7\n",
		crash{title: "panic: b", typ: "panic", message: "b"}},
	{"two at once", "panic: a [recovered, repanicked]\n\n", "goroutine 1 [running]:\n" + repanicName + "({0x1?, 0x2?})\n\t/src/recover.go:7\npanic: b\n\n" + mainStack,
		crash{title: "panic: a", typ: "panic", message: "a"}},
	{"no stack", "panic: a\n", "",
		crash{title: "panic: a", typ: "panic", message: "a"}},
	{"fatal error", "\n", "goroutine 4 [running]:\ninternal/runtime/maps.fatal({0x4cc1d6?, 0x0?})\n\t/go/panic.go:1181 +0x18\nmain.main.func1()\n\t/src/main.go:12 +0x28\n",
		crash{title: "fatal error in internal/runtime/maps.fatal", typ: "fatal error", message: "in internal/runtime/maps.fatal"}},
	{"stack overflow", "\n", "runtime stack:\nruntime.throw({0x4ca7e5?, 0x41a701?})\n\t/go/panic.go:1229 +0x48 fp=0x1\nruntime.newstack()\n\t/go/stack.go:1207 +0x5fd\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/src/main.go:1\n",
		crash{title: "fatal error in runtime.newstack", typ: "fatal error", message: "in runtime.newstack"}},
	{"deadlock", "\n", "goroutine 1 [select (no cases)]:\nmain.main()\n\t/src/main.go:13 +0x34a\n",
		crash{title: "fatal error in main.main", typ: "fatal error", message: "in main.main"}},
	{"fatal error with its text", "runtime: goroutine stack exceeds 1000000000-byte limit\nfatal error: stack overflow\n\n", mainStack,
		crash{title: "fatal error: stack overflow", typ: "fatal error", message: "stack overflow"}},
	{"signal", "SIGQUIT: quit\nPC=0x479aa1 m=0 sigcode=0\n\n", mainStack,
		crash{title: "SIGQUIT: quit", typ: "SIGQUIT", message: "SIGQUIT: quit\nPC=0x479aa1 m=0 sigcode=0"}},
	{"something else", "not of Go\n", "",
		crash{title: "not of Go", typ: "crash", message: "not of Go"}},
	{"line feeds", "\n\n", "",
		crash{title: "fatal error", typ: "fatal error", message: "unknown"}},
}

func TestParseCrash(t *testing.T) {
	for _, tt := range crashTexts {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			want.stack = strings.TrimSuffix(tt.stack, "\n")
			if got := parseCrash(tt.head + tt.stack); got != want {
				t.Errorf("got  %#v\nwant %#v", got, want)
			}
		})
	}
}

func TestParseCrashBounds(t *testing.T) {
	c := parseCrash("panic: " + strings.Repeat("é", 100_000) + "\n\ngoroutine 1 [running]:\n" + strings.Repeat("main.é()\n", 100_000))
	for name, got := range map[string]string{"title": c.title, "message": c.message, "stack": c.stack} {
		if !strings.HasSuffix(got, "[cut]") || !utf8.ValidString(got) {
			t.Errorf("the %s ends in %q", name, got[len(got)-10:])
		}
	}
	if len(c.title) > maxCrashMessage || len(c.message) > maxCrashMessage || len(c.stack) > maxCrashStack {
		t.Errorf("%d, %d, %d bytes", len(c.title), len(c.message), len(c.stack))
	}
}

func FuzzParseCrash(f *testing.F) {
	for _, tt := range crashTexts {
		f.Add(tt.head + tt.stack)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := parseCrash(text)
		if c.typ == "" || c.title == "" && c.message != "" || strings.Contains(strings.TrimSuffix(c.title, "\n[cut]"), "\n") {
			t.Errorf("%q: %#v", text, c)
		}
		if len(c.message) > maxCrashMessage || len(c.title) > maxCrashMessage || len(c.stack) > maxCrashStack {
			t.Errorf("too long: %d, %d, %d", len(c.title), len(c.message), len(c.stack))
		}
		if c.logged && !strings.Contains(text, repanicName) {
			t.Errorf("%q passes for delivered", text)
		}
	})
}
