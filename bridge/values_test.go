package bridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

type uuid [16]byte

func (u uuid) String() string { return fmt.Sprintf("%x-%x", u[:4], u[4:]) }

type status int

type colour string

func (c colour) MarshalText() ([]byte, error) { return []byte("#" + c), nil }

type point struct{ X, Y int }

func (p point) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "[%d,%d]", p.X, p.Y), nil }
func (p point) String() string               { return "not used" }

// byPointer has its method on the pointer only.
type byPointer struct{ N int }

func (b *byPointer) String() string { return fmt.Sprintf("N%d", b.N) }

type Base struct {
	ID   int
	Name string `json:"name"`
}

type hidden struct{ Shown int }

type account struct {
	Base
	*hidden
	User     string `json:"user"`
	Password string `json:"-"`
	secret   string
	Empty    string            `json:"empty,omitempty"`
	Zero     time.Time         `json:"zero,omitzero"`
	Dash     int               `json:"-,"`
	Tags     map[string]string `json:"tags"`
	Err      error             `json:"err"`
	When     time.Duration
	Any      any
	Pts      []byPointer
	Level    slog.Level
}

type ambiguousA struct{ V int }
type ambiguousB struct{ V int }
type ambiguous struct {
	ambiguousA
	ambiguousB
	W int
}

type recursiveEmbed struct {
	*recursiveEmbed
	N int
}

type badText struct{}

func (badText) MarshalText() ([]byte, error) { return nil, errors.New("no text") }

type badJSON struct{ out string }

func (b badJSON) MarshalJSON() ([]byte, error) { return []byte(b.out), nil }

type redactedUser struct{ name, password string }

func (u redactedUser) LogValue() slog.Value { return slog.GroupValue(slog.String("name", u.name)) }

func TestValues(t *testing.T) {
	now := time.Unix(1763720130, 123456789)
	var nilPtr *int
	var nilURL *url.URL
	var nilMap map[string]int
	u, err := url.Parse("https://example.com/a?b=c")
	if err != nil {
		t.Fatal(err)
	}
	str, num := attribute.StringValue, attribute.Int64Value
	kv := func(k string, v attribute.Value) attribute.KeyValue {
		return attribute.KeyValue{Key: attribute.Key(k), Value: v}
	}
	for _, tt := range []struct {
		name string
		in   any
		want attribute.Value
	}{
		{"string", "s", str("s")},
		{"int", 1, num(1)},
		{"int8", int8(-1), num(-1)},
		{"uint16", uint16(1), num(1)},
		{"uint64", uint64(math.MaxInt64), num(math.MaxInt64)},
		{"large uint64", uint64(math.MaxUint64), str("18446744073709551615")},
		{"uintptr", uintptr(7), num(7)},
		{"float32", float32(0.5), attribute.Float64Value(0.5)},
		{"bool", true, attribute.BoolValue(true)},
		{"nil", nil, attribute.Value{}},
		{"bytes", []byte{1, 2}, attribute.ByteSliceValue([]byte{1, 2})},
		{"byte array", [2]byte{1, 2}, attribute.ByteSliceValue([]byte{1, 2})},
		{"complex", complex(1, 2), attribute.MapValue(attribute.Float64("r", 1), attribute.Float64("i", 2))},
		{"duration", 1500 * time.Millisecond, num(1500000000)},
		{"time", now, num(1763720130123456789)},
		{"zero time", time.Time{}, str("0001-01-01T00:00:00Z")},
		{"far time", time.Date(2500, 1, 2, 3, 4, 5, 6, time.UTC), str("2500-01-02T03:04:05.000000006Z")},
		{"month", time.March, str("March")},
		{"slog level", slog.LevelWarn + 1, str("WARN+1")},
		{"ip", net.IPv4(10, 0, 0, 1), str("10.0.0.1")},
		{"bad ip", net.IP{1, 2, 3}, str("!ERROR: address 010203: invalid IP address")},
		{"netip", netip.MustParseAddr("::1"), str("::1")},
		{"uuid", uuid{0xab}, str("ab000000-000000000000000000000000")},
		{"url", u, str("https://example.com/a?b=c")},
		{"big int", big.NewInt(0).Lsh(big.NewInt(1), 70), str("1180591620717411303424")},
		{"named int", status(3), num(3)},
		{"text marshaler", colour("red"), str("#red")},
		{"json marshaler", point{1, 2}, attribute.SliceValue(num(1), num(2))},
		{"raw json", json.RawMessage(`{"b":[1,2.5,null],"a":"x"}`),
			attribute.MapValue(kv("a", str("x")), kv("b", attribute.SliceValue(num(1), attribute.Float64Value(2.5), attribute.Value{})))},
		{"broken raw json", json.RawMessage(`{"b"`), str(`{"b"`)},
		{"two json values", badJSON{`1 2`}, str(`1 2`)},
		{"large json integer", json.RawMessage(`123456789012345678901234567890`), str("123456789012345678901234567890")},
		{"json number", json.Number("12"), num(12)},
		{"text error", badText{}, str("!ERROR: no text")},
		{"pointer method", &byPointer{7}, str("N7")},
		{"no pointer method", byPointer{7}, attribute.MapValue(kv("N", num(7)))},
		{"log valuer in slice", []redactedUser{{"ann", "hunter2"}},
			attribute.SliceValue(attribute.MapValue(kv("name", str("ann"))))},
		{"log valuer in map", map[string]any{"u": redactedUser{"ann", "hunter2"}},
			attribute.MapValue(kv("u", attribute.MapValue(kv("name", str("ann")))))},
		{"errors in slice", []error{errors.New("a"), nil}, attribute.SliceValue(str("a"), attribute.Value{})},
		{"strings", []string{"a", "b"}, attribute.SliceValue(str("a"), str("b"))},
		{"nil slice", []string(nil), attribute.SliceValue()},
		{"map", map[string]int{"b": 2, "a": 1}, attribute.MapValue(kv("a", num(1)), kv("b", num(2)))},
		{"map of ints", map[int]string{2: "b"}, attribute.MapValue(kv("2", str("b")))},
		{"map of months", map[time.Month]int{time.May: 1}, attribute.MapValue(kv("May", num(1)))},
		{"nil map", nilMap, attribute.MapValue()},
		{"nil pointer", nilPtr, attribute.Value{}},
		{"nil stringer", nilURL, attribute.Value{}},
		{"pointer", &[]int{1}, attribute.SliceValue(num(1))},
		{"chan", make(chan int), str("chan int")},
		{"func", func(string) {}, str("func(string)")},
		{"attribute value", attribute.StringSliceValue([]string{"a"}), attribute.StringSliceValue([]string{"a"})},
		{"slog value in map", map[string]any{"v": slog.IntValue(3)}, attribute.MapValue(kv("v", num(3)))},
		{"attrs in slice", [][]slog.Attr{{slog.Int("a", 1)}}, attribute.SliceValue(attribute.MapValue(kv("a", num(1))))},
		{"struct", account{
			Base: Base{ID: 1, Name: "n"}, User: "ann", Password: "hunter2", secret: "s", Dash: 4,
			Err: errors.New("boom"), When: time.Second, Any: uuid{0xab}, Pts: []byPointer{{1}}, Level: slog.LevelInfo,
		}, attribute.MapValue(
			kv("ID", num(1)), kv("name", str("n")), kv("user", str("ann")), kv("-", num(4)),
			kv("tags", attribute.MapValue()), kv("err", str("boom")), kv("When", num(int64(time.Second))),
			kv("Any", str("ab000000-000000000000000000000000")), kv("Pts", attribute.SliceValue(str("N1"))),
			kv("Level", str("INFO")),
		)},
		{"embedded pointer", struct{ *hidden }{&hidden{5}}, attribute.MapValue(kv("Shown", num(5)))},
		{"ambiguous fields", ambiguous{W: 1}, attribute.MapValue(kv("W", num(1)))},
		{"recursive embedding", recursiveEmbed{N: 1}, attribute.MapValue(kv("N", num(1)))},
		{"unexported only", struct{ a int }{1}, attribute.MapValue()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := dumpValue(tt.want)
			eachTail(t, func(t *testing.T, tl tail) {
				l := NewLogger("test", tl.opt)
				l.Info("m", "v", tt.in)
				l.With("v", tt.in).Info("m")
				l.Info("m", slog.Group("g", "v", tt.in))
				l.WithGroup("g").Info("m", "v", tt.in)
				for i, r := range tl.take() {
					v, _ := r.Attr("v")
					if i >= 2 {
						g, _ := r.Attr("g")
						if m := g.AsMap(); len(m) == 1 {
							v = m[0].Value
						}
					}
					if got := dumpValue(v); got != want {
						t.Errorf("way %d:\n got %s\nwant %s", i, got, want)
					}
				}
			})
		})
	}
}

// Structs become what encoding/json makes of them, where that is defined.
func TestStructsAsJSON(t *testing.T) {
	type inner struct {
		A int `json:"a,omitempty"`
		B string
	}
	type promoted struct {
		X int `json:"x"`
		Y int
	}
	type outer struct {
		inner
		promoted `json:"p"`
		Y        string
		Z        *inner         `json:"z,omitempty"`
		M        map[int]string `json:"m,omitempty"`
		F        []float64
		N        *int
		O        struct{ Q bool } `json:"o,omitempty"`
		private  int
	}
	for _, in := range []any{
		outer{}, &outer{Y: "y", Z: &inner{A: 1}, M: map[int]string{3: "c", 1: "a"}, F: []float64{1.5, 2.25}},
		[]outer{{private: 1}}, map[string]*inner{"k": {B: "b"}, "nil": nil},
	} {
		want, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		// nil slices and maps are empty here, not null; the order is sorted.
		var decoded any
		if err := json.Unmarshal([]byte(strings.ReplaceAll(string(want), `"F":null`, `"F":[]`)), &decoded); err != nil {
			t.Fatal(err)
		}
		want, err = json.Marshal(decoded)
		if err != nil {
			t.Fatal(err)
		}
		r := logged(t, func(l *slog.Logger) { l.Info("m", "v", in) })
		v, _ := r.Attr("v")
		if v.String() != string(want) {
			t.Errorf("%T:\n got %s\nwant %s", in, v, want)
		}
	}
}
