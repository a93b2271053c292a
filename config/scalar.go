package config

import (
	"math"
	"strconv"
	"strings"
)

// kind is what a value of the document is.
type kind int

const (
	nullKind kind = iota
	boolKind
	intKind
	floatKind
	stringKind
	listKind
	mapKind
)

var kindNames = [...]string{"nothing", "true or false", "a whole number", "a number", "text", "a list", "a group of keys"}

func (k kind) String() string { return kindNames[k] }

// resolve returns the kind of a plain scalar by YAML's core schema
// (https://yaml.org/spec/1.2.2/#103-core-schema).
func resolve(s string) kind {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return nullKind
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return boolKind
	case ".nan", ".NaN", ".NAN":
		return floatKind
	}
	unsigned := strings.TrimLeft(s[:1], "+-") + s[1:]
	switch unsigned {
	case ".inf", ".Inf", ".INF":
		return floatKind
	}
	if digits, ok := strings.CutPrefix(s, "0o"); ok && consists(digits, "01234567") {
		return intKind
	}
	if digits, ok := strings.CutPrefix(s, "0x"); ok && consists(digits, "0123456789abcdefABCDEF") {
		return intKind
	}
	if consists(unsigned, "0123456789") {
		return intKind
	}
	if consists(unsigned, "0123456789.eE+-") && strings.ContainsAny(unsigned, "0123456789") && unsigned[0] != '+' && unsigned[0] != '-' {
		if _, err := strconv.ParseFloat(unsigned, 64); err == nil || isRange(err) {
			return floatKind
		}
	}
	return stringKind
}

func isRange(err error) bool {
	ne, ok := err.(*strconv.NumError)
	return ok && ne.Err == strconv.ErrRange
}

func consists(s, of string) bool { return s != "" && strings.Trim(s, of) == "" }

// parseInt reads a scalar of intKind.
func parseInt(s string) (int64, bool) {
	base := 10
	if digits, ok := strings.CutPrefix(s, "0o"); ok {
		s, base = digits, 8
	} else if digits, ok := strings.CutPrefix(s, "0x"); ok {
		s, base = digits, 16
	}
	n, err := strconv.ParseInt(s, base, 64)
	return n, err == nil
}

// parseFloat reads a scalar of intKind or floatKind.
func parseFloat(s string) (float64, bool) {
	if n, ok := parseInt(s); ok {
		return float64(n), true
	}
	switch strings.ToLower(strings.TrimLeft(s, "+-")) {
	case ".nan":
		return math.NaN(), true
	case ".inf":
		if s[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}
