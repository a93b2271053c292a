package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseYAML returns the only document of data.
func parseYAML(data []byte) (doc *yaml.Node, err error) {
	// The parser reports broken input by panics of its own, which it catches;
	// this catches those that it does not expect.
	defer func() {
		if p := recover(); p != nil {
			doc, err = nil, fmt.Errorf("yaml: %v", p)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	doc = &yaml.Node{}
	if err := dec.Decode(doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
		return doc, nil
	case err != nil:
		return nil, err
	default:
		return nil, fmt.Errorf("yaml: line %d: a second document begins here; only one is read", second.Line)
	}
}

var (
	syntaxLine    = regexp.MustCompile(`^yaml: line (\d+): `)
	unknownAnchor = regexp.MustCompile(`unknown anchor '(.*)' referenced`)
)

func syntaxMessage(err error) string {
	msg := syntaxLine.ReplaceAllString(err.Error(), "")
	return strings.TrimPrefix(msg, "yaml: ")
}

// syntaxPlace finds the place of a syntax error, of which the parser tells a
// line at most, and that one too small where its grammar, not its scanner,
// found the error. The column is that of the line's first character.
func syntaxPlace(err error, data []byte) (line, column int) {
	if m := syntaxLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
	}
	msg := syntaxMessage(err)
	if m := unknownAnchor.FindStringSubmatch(msg); m != nil {
		if before, _, found := bytes.Cut(data, []byte("*"+m[1])); found {
			return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
		}
	}
	if strings.HasPrefix(msg, "did not find expected") {
		line++
	}
	line = max(1, min(line, bytes.Count(data, []byte("\n"))+1))
	text := lineOf(data, line)
	return line, len(text) - len(strings.TrimLeft(text, " \t")) + 1
}

func lineOf(data []byte, line int) string {
	for range line - 1 {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	text, _, _ := bytes.Cut(data, []byte("\n"))
	return string(text)
}
