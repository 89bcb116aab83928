// Verifies a running log, or an export of one, with other people's libraries alone: x/mod's notes, tree and tiles, and transparency-dev's cosignatures.
//
//	verify -log VKEY [-witness VKEY]... [-old FILE] [-proofs FOLDER] -token FILE URL
//	verify -log VKEY … FOLDER
//
// URL is that of the channel, FOLDER an export that was unpacked. Every record's bytes are hashed here, every tile is taken over HTTP and checked against the signed head,
// an older head against a newer one, and each proof file offline. Prints what was checked; exits with 1 at the first lie.
//
// A record that was erased is given as the entry that stands for it. It counts where a later erasure names it that a key of every side has signed; in a
// trial, whose keys the host keeps, each side but the erasure's own has consented in the log as well. Whether those who signed were in office by then, and
// whether the erasure names all of an exchange, takes the rules of the channel: `dragoman audit verify` judges that.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	f_log "github.com/transparency-dev/formats/log"
	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type keys []string

func (k *keys) String() string     { return strings.Join(*k, ", ") }
func (k *keys) Set(s string) error { *k = append(*k, s); return nil }

// source gives what a channel has, by its path there.
type source interface {
	get(path string) ([]byte, error)
}

// folder is an export that was unpacked.
type folder struct {
	path    string
	records [][]byte
}

func unpacked(path string) (*folder, error) {
	raw, err := os.ReadFile(filepath.Join(path, "records.ndjson"))
	if err != nil {
		return nil, err
	}
	return &folder{path, bytes.Split(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n"))}, nil
}

func (f *folder) get(path string) ([]byte, error) {
	number, isRecord := strings.CutPrefix(path, "/records/")
	if !isRecord {
		return os.ReadFile(filepath.Join(f.path, strings.TrimPrefix(path, "/log/")))
	}
	position, err := strconv.Atoi(number)
	if err != nil || position < 1 || position > len(f.records) {
		return nil, fmt.Errorf("there is no record %s", number)
	}
	line := f.records[position-1]
	if junk, isJunk := bytes.CutPrefix(line, []byte(`{"junk":"`)); isJunk {
		return hex.DecodeString(strings.TrimSuffix(string(junk), `"}`))
	}
	return line, nil
}

func from(where, token string) (source, error) {
	if !strings.Contains(where, "://") {
		return unpacked(where)
	}
	raw, err := os.ReadFile(token)
	if err != nil {
		return nil, err
	}
	return server{where, strings.TrimSpace(string(raw))}, nil
}

type server struct{ url, token string }

func (s server) get(path string) ([]byte, error) {
	request, err := http.NewRequest("GET", s.url+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", path, answer.Status, body)
	}
	return body, nil
}

// tiles gives tlog the tiles of C2SP's paths, which have no height.
type tiles struct {
	source
	read int
}

func (t *tiles) Height() int { return 8 }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, 0, len(wanted))
	for _, tile := range wanted {
		body, err := t.get("/log/" + strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		found = append(found, body)
		t.read++
	}
	return found, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func entries(s source, size int64) ([][]byte, error) {
	var found [][]byte
	for first := int64(0); first < size; first += 256 {
		width := min(256, size-first)
		tile := tlog.Tile{H: 8, L: 0, N: first / 256, W: int(width)}
		body, err := s.get("/log/" + strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1))
		if err != nil {
			return nil, err
		}
		for len(body) > 0 {
			if len(body) < 2 || len(body) < 2+int(binary.BigEndian.Uint16(body)) {
				return nil, fmt.Errorf("entry %d is cut off", len(found))
			}
			length := int(binary.BigEndian.Uint16(body))
			found = append(found, body[2:2+length])
			body = body[2+length:]
		}
	}
	return found, nil
}

func opened(signed []byte, origin string, log note.Verifier, witnesses []note.Verifier) (*f_log.Checkpoint, int, error) {
	head, _, read, err := f_log.ParseCheckpoint(signed, origin, log, witnesses...)
	if err != nil {
		return nil, 0, err
	}
	return head, len(read.Sigs) - 1, nil
}

// cosigner makes a verifier of a witness's key as C2SP writes it (type 4); the library asks for the bare Ed25519 key (type 1) of that name.
func cosigner(key string) (note.Verifier, error) {
	parts := strings.SplitN(key, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("no verifier key")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 33 || raw[0] != 4 {
		return nil, errors.New("no key of a cosigner")
	}
	raw[0] = 1
	hash := sha256.Sum256(append([]byte(parts[0]+"\n"), raw...))
	return f_note.NewVerifierForCosignatureV1(fmt.Sprintf("%s+%x+%s", parts[0], hash[:4], base64.StdEncoding.EncodeToString(raw)))
}

func hashOf(raw []byte) (hash tlog.Hash) { copy(hash[:], raw); return hash }

func checkProof(file string, origin string, log note.Verifier) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	record, err := os.ReadFile(strings.TrimSuffix(file, ".tlog-proof") + ".json")
	if err != nil {
		return err
	}
	top, signed, found := bytes.Cut(raw, []byte("\n\n"))
	lines := strings.Split(string(top), "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("no tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return err
		}
		proof = append(proof, hashOf(hash))
	}
	head, _, err := opened(signed, origin, log, nil)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, int64(head.Size), hashOf(head.Hash), index, tlog.RecordHash(entry(index, record)))
}

// entry is the leaf entry of a record's bytes at an index (docs/audit.md).
func entry(index int64, record []byte) []byte {
	commit := sha256.Sum256(append([]byte("dragoman-commit/v1\n"), record...))
	return []byte(fmt.Sprintf("dragoman-entry/v1\nindex %d\ncommit %x\n", index, commit))
}

// Who erased what

const actType = "application/vnd.dragoman.act.v1+json"

// left is what an erasure keeps of a record, as far as it matters here.
type left struct {
	Position int64  `json:"position"`
	Commit   string `json:"commit"`
}

type side struct {
	Name     string   `json:"name"`
	Roots    []string `json:"roots"`
	Observer bool     `json:"observer"`
}

// act has the members of all acts that say who may sign for whom, and what is erased.
type act struct {
	Custody   string          `json:"custody"`
	Sides     []side          `json:"sides"`
	Side      json.RawMessage `json:"side"`
	Keys      []string        `json:"keys"`
	Roots     []string        `json:"roots"`
	Records   []left          `json:"records"`
	Withdrawn bool            `json:"withdrawn"`
}

type key struct {
	side   string
	public ed25519.PublicKey
}

type erasure struct {
	position int64
	missing  string // which side's consent is not there
}

// erasures are what the log says of erased records, as far as it was read.
type erasures struct {
	custody  string
	sides    []string
	keys     map[string]key
	consents map[string]bool // by side and the list of records
	by       map[left]erasure
}

func consent(side string, records []left) string { return fmt.Sprint(side, records) }

func newErasures() *erasures {
	return &erasures{keys: map[string]key{}, consents: map[string]bool{}, by: map[left]erasure{}}
}

func (e *erasures) enter(side string, publics ...string) {
	for _, text := range publics {
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil && len(raw) == ed25519.PublicKeySize {
			e.keys[fmt.Sprintf("%x", sha256.Sum256(raw))] = key{side, raw}
		}
	}
}

// read takes the message at a position.
func (e *erasures) read(position int64, raw []byte) {
	var record struct {
		Type       string          `json:"type"`
		Actor      string          `json:"actor"`
		Signatures string          `json:"signatures"`
		Data       json.RawMessage `json:"data"`
	}
	var said act
	if json.Unmarshal(raw, &record) != nil {
		return
	}
	kind, _, _ := strings.Cut(strings.TrimPrefix(record.Type, "dragoman."), ".")
	switch kind {
	case "channel-opening", "side-admission", "officer", "key-addition", "root-rotation", "erasure-consent", "erasure":
		if json.Unmarshal(record.Data, &said) != nil {
			return
		}
	}
	owner, _, _ := strings.Cut(record.Actor, "/")
	switch kind {
	case "channel-opening":
		e.custody = said.Custody
		for _, each := range said.Sides {
			e.join(each)
		}
	case "side-admission":
		var admitted side
		if json.Unmarshal(said.Side, &admitted) == nil {
			e.join(admitted)
		}
	case "officer", "key-addition":
		e.enter(owner, said.Keys...)
	case "root-rotation":
		e.enter(owner, said.Roots...)
	case "erasure-consent":
		e.consents[consent(owner, said.Records)] = !said.Withdrawn
	case "erasure":
		_, signed, _ := bytes.Cut(raw, []byte(`,"data":`))
		missing := e.missing(owner, said.Records, record.Signatures, bytes.TrimSuffix(signed, []byte("}")))
		for _, each := range said.Records {
			if before, known := e.by[each]; each.Position < position && (!known || before.missing != "") {
				e.by[each] = erasure{position, missing}
			}
		}
	}
}

// join enters a side with its root keys. An observer consents to nothing.
func (e *erasures) join(entering side) {
	if !entering.Observer {
		e.sides = append(e.sides, entering.Name)
	}
	e.enter(entering.Name, entering.Roots...)
}

// missing is the first side whose consent to an erasure is not there.
func (e *erasures) missing(owner string, records []left, signatures string, signed []byte) string {
	message := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(actType), actType, len(signed), signed)
	by := map[string]bool{}
	for _, each := range strings.Fields(signatures) {
		id, encoded, _ := strings.Cut(each, ":")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if signer, known := e.keys[id]; known && err == nil && ed25519.Verify(signer.public, message, raw) {
			by[signer.side] = true
		}
	}
	for _, name := range e.sides {
		if !by[name] || (e.custody == "host" && name != owner && !e.consents[consent(name, records)]) {
			return name
		}
	}
	return ""
}

// check says why an entry does not stand for an erased record; nil where it does.
func (e *erasures) check(position int64, commit string) error {
	found, known := e.by[left{position, commit}]
	if !known {
		return fmt.Errorf("the record at position %d is withheld: no erasure under this head names it", position)
	}
	if found.missing != "" {
		return fmt.Errorf("the record at position %d is withheld: %s did not consent to the erasure at %d", position, found.missing, found.position)
	}
	return nil
}

func run() error {
	var witnesses keys
	logKey := flag.String("log", "", "the log's verifier key")
	tokenFile := flag.String("token", "", "a file with the bearer token")
	old := flag.String("old", "", "an older head, as it was kept")
	proofs := flag.String("proofs", "", "a folder with proofs, and the records beside them")
	flag.Var(&witnesses, "witness", "a witness's verifier key; may be repeated")
	flag.Parse()
	log, err := note.NewVerifier(*logKey)
	if err != nil {
		return err
	}
	var cosigners []note.Verifier
	for _, key := range witnesses {
		verifier, err := cosigner(key)
		if err != nil {
			return err
		}
		cosigners = append(cosigners, verifier)
	}
	files, _ := filepath.Glob(filepath.Join(*proofs, "*.tlog-proof"))
	for _, file := range files {
		if err := checkProof(file, log.Name(), log); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	fmt.Printf("proofs %d\n", len(files))
	if flag.NArg() == 0 {
		return nil
	}
	s, err := from(flag.Arg(0), *tokenFile)
	if err != nil {
		return err
	}
	signed, err := s.get("/log/checkpoint")
	if err != nil {
		return err
	}
	head, cosigned, err := opened(signed, log.Name(), log, cosigners)
	if err != nil {
		return err
	}
	if cosigned < len(cosigners) {
		return fmt.Errorf("%d of %d witnesses have cosigned", cosigned, len(cosigners))
	}
	size := int64(head.Size)
	if export, isExport := s.(*folder); isExport && int64(len(export.records)) != size {
		return fmt.Errorf("%d records under a head of %d", len(export.records), size)
	}
	tree := tlog.Tree{N: size, Hash: hashOf(head.Hash)}
	reading := &tiles{source: s}
	hashes := tlog.TileHashReader(tree, reading)
	given, err := entries(s, size)
	if err != nil {
		return err
	}
	if int64(len(given)) != size {
		return fmt.Errorf("%d entries of %d", len(given), size)
	}
	erased, withheld := newErasures(), map[int64]string{}
	for index := int64(0); index < size; index++ {
		record, err := s.get(fmt.Sprintf("/records/%d", index+1))
		if err != nil {
			return err
		}
		made := entry(index, record)
		if bytes.Equal(record, given[index]) { // the entry itself: a later erasure must name it
			made = record
			withheld[index+1] = strings.TrimSpace(strings.TrimPrefix(string(record), fmt.Sprintf("dragoman-entry/v1\nindex %d\ncommit ", index)))
		}
		if !bytes.Equal(made, given[index]) {
			return fmt.Errorf("the entry at index %d is not that of the record at position %d", index, index+1)
		}
		erased.read(index+1, record)
		proof, err := tlog.ProveRecord(size, index, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, size, tree.Hash, index, tlog.RecordHash(made)); err != nil {
			return fmt.Errorf("the record at %d is not in the tree: %w", index, err)
		}
	}
	for position := int64(1); position <= size; position++ {
		if commit, isWithheld := withheld[position]; isWithheld {
			if err := erased.check(position, commit); err != nil {
				return err
			}
		}
	}
	fmt.Printf("records %d\nerased %d\ntiles %d\ncosignatures %d\n", size, len(withheld), reading.read, cosigned)
	if *old != "" {
		kept, err := os.ReadFile(*old)
		if err != nil {
			return err
		}
		before, _, err := opened(kept, log.Name(), log, nil)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(size, int64(before.Size), hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, size, tree.Hash, int64(before.Size), hashOf(before.Hash)); err != nil {
			return fmt.Errorf("the older head is not of this log: %w", err)
		}
		fmt.Printf("consistent with %d\n", before.Size)
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}
