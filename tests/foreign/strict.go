// Reads acts strictly (record.md §2), apart from every other reader: one JSON object, compact, of the permitted tokens and no others.
//
// Standard input holds the acts, each after its length in four bytes; for each a line comes back, `yes` or `no`.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	mostBytes = 240 * 1024
	mostDepth = 32
	mostDigit = 17
	mostWhole = 1<<53 - 1
)

type reader struct {
	raw string
	at  int
}

func (r *reader) peek() byte {
	if r.at < len(r.raw) {
		return r.raw[r.at]
	}
	return 0
}

func (r *reader) take(c byte) bool {
	if r.peek() != c || r.at >= len(r.raw) {
		return false
	}
	r.at++
	return true
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	value, err := strconv.ParseUint(s[:4], 16, 32)
	return rune(value), err == nil
}

func permitted(c rune) bool {
	switch {
	case c == '\n' || c == '\t':
		return true
	case c < 0x20, c >= 0x7f && c <= 0x9f, c >= 0x202a && c <= 0x202e, c >= 0x2066 && c <= 0x2069:
		return false
	}
	return true
}

// text reads a string, and whether it has escapes in it.
func (r *reader) text() (string, bool, bool) {
	if !r.take('"') {
		return "", false, false
	}
	start, escaped := r.at, false
	for r.at < len(r.raw) {
		c, size := utf8.DecodeRuneInString(r.raw[r.at:])
		switch {
		case c == '"':
			found := r.raw[start:r.at]
			r.at++
			return found, escaped, true
		case c == '\\':
			escaped = true
			if !r.escape() {
				return "", false, false
			}
		case c < 0x20 || !permitted(c):
			return "", false, false
		default:
			r.at += size
		}
	}
	return "", false, false
}

func (r *reader) escape() bool {
	r.at++
	c := r.peek()
	r.at++
	if c != 'u' {
		return strings.IndexByte(`"\/nt`, c) >= 0 && r.at <= len(r.raw)
	}
	value, sound := hex4(r.raw[min(r.at, len(r.raw)):])
	r.at += 4
	if !sound {
		return false
	}
	if value >= 0xd800 && value < 0xdc00 {
		if !strings.HasPrefix(r.raw[min(r.at, len(r.raw)):], `\u`) {
			return false
		}
		low, sound := hex4(r.raw[r.at+2:])
		r.at += 6
		return sound && low >= 0xdc00 && low < 0xe000
	}
	return permitted(value) && !(value >= 0xdc00 && value < 0xe000)
}

func (r *reader) number() bool {
	start := r.at
	minus := r.take('-')
	digits := func() int {
		first := r.at
		for r.peek() >= '0' && r.peek() <= '9' && r.at < len(r.raw) {
			r.at++
		}
		return r.at - first
	}
	leading := r.peek()
	whole := digits()
	if whole == 0 || (leading == '0' && whole > 1) {
		return false
	}
	all, fraction := whole, false
	if r.take('.') {
		fraction = true
		more := digits()
		if more == 0 {
			return false
		}
		all += more
	}
	text := r.raw[start:r.at]
	if all > mostDigit || (minus && strings.Trim(text, "-0.") == "") {
		return false
	}
	if !fraction {
		value, err := strconv.ParseInt(text, 10, 64)
		return err == nil && value <= mostWhole && value >= -mostWhole
	}
	return true
}

func (r *reader) value(depth int) bool {
	switch c := r.peek(); {
	case c == '{':
		return r.object(depth)
	case c == '[':
		return r.list(depth)
	case c == '"':
		_, _, sound := r.text()
		return sound
	case strings.HasPrefix(r.raw[r.at:], "true"):
		r.at += 4
		return true
	case strings.HasPrefix(r.raw[r.at:], "false"):
		r.at += 5
		return true
	}
	return r.number()
}

func isKey(key string) bool {
	if len(key) == 0 || len(key) > 40 {
		return false
	}
	for at, c := range []byte(key) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (at == 0 || (c != '_' && c != '-')) {
			return false
		}
	}
	return true
}

func (r *reader) object(depth int) bool {
	if depth > mostDepth || !r.take('{') {
		return false
	}
	if r.take('}') {
		return true
	}
	seen := map[string]bool{}
	for {
		key, escaped, sound := r.text()
		if !sound || escaped || !isKey(key) || seen[key] || !r.take(':') {
			return false
		}
		seen[key] = true
		if !r.value(depth + 1) {
			return false
		}
		if r.take('}') {
			return true
		}
		if !r.take(',') {
			return false
		}
	}
}

func (r *reader) list(depth int) bool {
	if depth > mostDepth || !r.take('[') {
		return false
	}
	if r.take(']') {
		return true
	}
	for {
		if !r.value(depth + 1) {
			return false
		}
		if r.take(']') {
			return true
		}
		if !r.take(',') {
			return false
		}
	}
}

func isAct(raw []byte) bool {
	if len(raw) > mostBytes || !utf8.Valid(raw) {
		return false
	}
	r := &reader{raw: string(raw)}
	return r.object(1) && r.at == len(r.raw)
}

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	var length [4]byte
	for {
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return
		}
		raw := make([]byte, binary.BigEndian.Uint32(length[:]))
		if _, err := io.ReadFull(in, raw); err != nil {
			return
		}
		fmt.Fprintln(out, map[bool]string{true: "yes", false: "no"}[isAct(raw)])
	}
}
