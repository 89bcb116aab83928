// Reads acts and records strictly (record.md §2 and §3), apart from every other reader: an act is one JSON object, compact, of the
// permitted tokens and no others; a record is written in one way alone around its act.
//
// Standard input holds the acts, or with -records the records, each after its length in four bytes; for each a line comes back,
// `yes` or `no`.
package main

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	mostBytes = 240 * 1024
	mostFrame = 512 * 1024
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

var (
	id      = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[578][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	moment  = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$`)
	decimal = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})$`)
	salt    = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

func anything(string) bool { return true }

func isTime(text string) bool {
	_, err := time.Parse("2006-01-02T15:04:05.000Z", text)
	return err == nil && moment.MatchString(text) && !strings.HasPrefix(text, "0000")
}

// members of a record, in the order in which they are written; after them comes the act.
var members = []struct {
	name     string
	optional bool
	sound    func(string) bool
}{
	{"specversion", false, func(text string) bool { return text == "1.0" }},
	{"id", false, id.MatchString},
	{"source", false, anything},
	{"type", false, anything},
	{"subject", false, id.MatchString},
	{"time", false, isTime},
	{"datacontenttype", false, func(text string) bool { return text == "application/json" }},
	{"dataschema", false, anything},
	{"channel", false, anything},
	{"family", false, anything},
	{"actor", false, anything},
	{"releasedby", true, anything},
	{"decided", false, decimal.MatchString},
	{"causationid", true, anything},
	{"attestation", false, func(text string) bool { return text == "author" || text == "host" }},
	{"signatures", true, anything},
	{"salt", false, salt.MatchString},
}

func isPlain(text string) bool {
	for _, c := range []byte(text) {
		if c < 0x20 || c > 0x7e || c == '\\' {
			return false
		}
	}
	return true
}

func isRecord(raw []byte) bool {
	if len(raw) > mostFrame {
		return false
	}
	rest, opening, found := string(raw), "{", map[string]string{}
	for _, member := range members {
		begun := opening + `"` + member.name + `":"`
		if !strings.HasPrefix(rest, begun) {
			if member.optional {
				continue
			}
			return false
		}
		value, after, ended := strings.Cut(rest[len(begun):], `"`)
		if !ended || !isPlain(value) || !member.sound(value) {
			return false
		}
		rest, opening, found[member.name] = after, ",", value
	}
	_, signed := found["signatures"]
	act, framed := strings.CutPrefix(rest, `,"data":`)
	act, ended := strings.CutSuffix(act, "}")
	return framed && ended && signed == (found["attestation"] == "author") && isAct([]byte(act))
}

func main() {
	records := flag.Bool("records", false, "read records, not acts")
	flag.Parse()
	holds := isAct
	if *records {
		holds = isRecord
	}
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
		fmt.Fprintln(out, map[bool]string{true: "yes", false: "no"}[holds(raw)])
	}
}
