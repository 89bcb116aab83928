// The proof module against what our own Python made (the file that PROOF_MATERIAL names), against known answers, and against trees that
// are built here. tests/browser/test_proof_module.py runs it.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { mock, test } from "node:test";

const read = (path) => readFileSync(new URL(path, import.meta.url));

// As a page would load it: to Node alone, a file that ends in .js would be a script.
const source = read("../../../services/dragoman/console/static/proof.js").toString("base64");
const proof = await import(`data:text/javascript;base64,${source}`);
const { base64, fromBase64, hex, parseCheckpoint, parseNote, parseProof, parseVerifier, prove } = proof;
const { foldPath, leafHash, nodeHash, verifyConsistency } = proof;

const given = JSON.parse(readFileSync(process.env.PROOF_MATERIAL, "utf8"));
const merkle = JSON.parse(read("../../vectors/merkle.json"));
const notes = JSON.parse(read("../../vectors/notes.json"));
const vectors = JSON.parse(read("../../vectors/record.json"));

const KEYS = ["bytes", "author", "leaf", "path", "root", "head", "witnesses", "seen"];
const utf8 = (text) => new TextEncoder().encode(text);
const text = (bytes) => new TextDecoder().decode(bytes);
const unhex = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hexes = (digits) => digits.map(unhex);

function material(name, changes = {}) {
  const { erasure, ...found } = structuredClone(given.materials[name]);
  const record = fromBase64(found.record);
  const genesis = fromBase64(found.genesis);
  const withheld = erasure ? { erasure: { ...erasure, record: fromBase64(erasure.record) } } : {};
  return { ...found, record, genesis, ...withheld, ...changes };
}

const signed = (changes) => material("signed", changes);
const verdicts = ({ steps }) => Object.fromEntries(steps.map(({ key, verdict, code }) => [key, code || verdict]));
const stepOf = ({ steps }, key) => steps.find((step) => step.key === key);

function expected(changes = {}) {
  return { ...Object.fromEntries(KEYS.map((key) => [key, "holds"])), ...changes };
}

/** What is expected where one step differs: those before it hold, or are as said, and those after it are not checked. */
function mismatch(key, code, before = {}) {
  const at = KEYS.indexOf(key);
  const after = Object.fromEntries(KEYS.slice(at + 1).map((each) => [each, "after_mismatch"]));
  return { ...expected(before), [key]: code, ...after };
}

// Changes

function flipped(bytes, at) {
  const changed = Uint8Array.from(bytes);
  changed[at] ^= 1;
  return changed;
}

const flipped64 = (encoded, at) => base64(flipped(fromBase64(encoded), at));

/** The record with one bit of the byte behind a word flipped. */
function spoiltBehind(found, word) {
  const at = text(found.record).indexOf(word); // all before it is ASCII
  assert.ok(at > 0, word);
  return { ...found, record: flipped(found.record, at + word.length) };
}

function replaced(found, member, from, to) {
  assert.ok(found[member].includes(from), from);
  return { ...found, [member]: found[member].replace(from, to) };
}

function spoiltLine(found, name, at) {
  const line = found.checkpoint.split("\n").find((each) => each.startsWith(`— ${name} `));
  const encoded = line.split(" ")[2];
  return replaced(found, "checkpoint", encoded, flipped64(encoded, at));
}

function spoiltSignature(found) {
  const [, encoded] = /"signatures":"[0-9a-f]{64}:([^" ]+)/.exec(text(found.record));
  return { ...found, record: utf8(text(found.record).replace(encoded, flipped64(encoded, 40))) };
}

function spoiltSibling(found) {
  const [first] = parseProof(found.proof).hashes;
  return replaced(found, "proof", base64(first), base64(flipped(first, 5)));
}

function spoiltRoot(found) {
  const root = found.checkpoint.split("\n")[2];
  return replaced(found, "checkpoint", root, flipped64(root, 9));
}

function spoiltKey(found) {
  const [keyid] = Object.keys(found.keys).filter((each) => found.keys[each].owner === "nato/signer");
  found.keys[keyid].public = flipped64(found.keys[keyid].public, 3);
  return found;
}

/** The proof without its last sibling. */
function shortened(found) {
  const last = base64(parseProof(found.proof).hashes.at(-1));
  return replaced(found, "proof", `${last}\n`, "");
}

/** Both copies of the head under another origin. */
function underAnother(found, origin) {
  const own = found.checkpoint.split("\n")[0];
  return replaced(replaced(found, "proof", `\n\n${own}\n`, `\n\n${origin}\n`), "checkpoint", `${own}\n`, `${origin}\n`);
}

const sizeOf = (found) => Number(found.checkpoint.split("\n")[1]);
const resized = (found, by) => replaced(found, "checkpoint", `\n${sizeOf(found)}\n`, `\n${sizeOf(found) + by}\n`);

/** Keys of one owner under the name of another. */
function owned(found, before, after) {
  for (const key of Object.values(found.keys)) key.owner = key.owner === before ? after : key.owner;
  return found;
}

/** The record with other signatures: what a change makes of the items. */
function resigned(found, change) {
  const [, all] = /"signatures":"([^"]+)"/.exec(text(found.record));
  return { ...found, record: utf8(text(found.record).replace(all, change(all.split(" ")).join(" "))) };
}

const disordered = (found) => resigned(found, (items) => items.reverse());
const ownerOf = (found, item) => found.keys[item.slice(0, 64)].owner;
const signedOnlyBy = (found, owner) => resigned(found, (items) => items.filter((item) => ownerOf(found, item) === owner));

/** The rotation without the signature of one of the keys that it adds. */
function withoutANewKey(found) {
  const { since } = Object.values(found.keys).find((key) => key.since === found.position);
  const isNew = (item) => found.keys[item.slice(0, 64)].since === since;
  return resigned(found, (items) => items.filter((item) => item !== items.find(isNew)));
}

/** The record as if one key had signed it, and no other. */
async function signedBy(found, publicKey, signature, owner) {
  const keyid = hex(await proof.sha256(publicKey));
  const keys = { [keyid]: { public: base64(publicKey), owner, since: 2 } };
  return { ...resigned(found, () => [`${keyid}:${base64(signature)}`]), keys };
}

/** The record as if a weak key had signed it, under which one signature holds for everything. */
function weaklySigned(found) {
  const signature = unhex(notes.signature_valid_for_any_message_under_first_key_hex);
  return signedBy(found, unhex(notes.keys_to_refuse_hex[0]), signature, "nato/signer");
}

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const sha512 = async (...parts) => {
  const whole = new Uint8Array(parts.flatMap((part) => [...part]));
  return new Uint8Array(await crypto.subtle.digest("SHA-512", whole));
};
const little = (bytes) => BigInt(`0x${hex(Uint8Array.from(bytes).reverse())}`);

/** The known record, signed with its own key as none should sign: R is the identity, S = hash · secret (RFC 8032 §5.1.6 with r = 0). */
async function signedByTheIdentity() {
  const { act, record, index, entry } = vectors.signed_record;
  const publicKey = unhex(vectors.author_key.public_hex);
  const identity = Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0));
  const secret = (await sha512(unhex(vectors.author_key.seed_hex))).subarray(0, 32);
  secret[0] &= 248;
  secret[31] = (secret[31] & 63) | 64;
  const message = proof.pae(vectors.pae_type, utf8(act));
  const scalar = (little(await sha512(identity, publicKey, message)) * little(secret)) % ORDER;
  const signature = new Uint8Array([...identity, ...unhex(scalar.toString(16).padStart(64, "0")).reverse()]);
  const key = await crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
  assert.ok(await crypto.subtle.verify({ name: "Ed25519" }, key, signature, message), "which the platform alone would take");
  const found = signed({ position: index + 1, record: utf8(record), entry, cid: vectors.cid });
  return signedBy(found, publicKey, signature, "nato/o-17");
}

/** The checkpoint and its copy without a signature line. */
function unsignedBy(found, name) {
  const line = `${found.checkpoint.split("\n").find((each) => each.startsWith(`— ${name} `))}\n`;
  return replaced(replaced(found, "proof", line, ""), "checkpoint", line, "");
}

/** The proof under a head of one record. */
function beyond(found) {
  const { proof: whole, checkpoint } = found;
  return { ...found, proof: whole.replace(checkpoint, material("one").checkpoint) };
}

const withSeen = (found, changes) => ({ ...found, seen: { ...found.seen, ...changes } });

// What holds

for (const name of ["signed", "two_keys", "opening", "officer", "erasure", "rotation", "revocation", "same"]) {
  test(`a good record holds in all eight steps: ${name}`, async () => {
    const result = await prove(material(name));
    assert.deepEqual(verdicts(result), expected());
    assert.equal(result.verdict, "holds");
    assert.deepEqual(result.steps.map(({ number, key }) => [number, key]), KEYS.map((key, at) => [at + 1, key]));
  });
}

const handed = (since) => ({ ...material("handed"), later: since ? [{ ...material("handed").later[0], since }] : [] });

test("a head has the key of its size, and one that was kept before a handover had the key before", async () => {
  const { position } = material("handed");
  const result = await prove(material("handed"));
  assert.deepEqual(verdicts(result), expected());
  assert.equal(stepOf(result, "head").values.since, position);
  assert.ok(!result.scope.includes("log_key"));
  for (const since of [0, position + 2]) assert.deepEqual(verdicts(await prove(handed(since))), mismatch("head", "unsigned"));
  assert.deepEqual(verdicts(await prove(handed(3))), mismatch("seen", "kept_head"));
  assert.deepEqual(verdicts(await prove(signedOnlyBy(material("handed"), "nato/root"))), mismatch("author", "side_unsigned"));
});

test("what a proof does not show is said, less where it has shown it", async () => {
  const always = ["read", "true", "holder", "legal", "newest", "page"];
  const { scope } = await prove(signed());
  assert.deepEqual(scope, [...always, "owners", "policy"]);
  const { scope: believed } = await prove(material("open", { genesis: undefined }));
  assert.deepEqual(believed, [...always, "owners", "log_key", "one_log", "policy"]);
  const { scope: agreed, steps } = await prove(material("agreed"));
  assert.deepEqual(verdicts({ steps }), expected({ seen: "first_visit" }));
  assert.deepEqual(agreed, always);
});

test("a tree of one record is proved by no sibling", async () => {
  const result = await prove(material("one"));
  assert.deepEqual(verdicts(result), expected({ seen: "first_visit" }));
  assert.equal(result.verdict, "holds");
  assert.deepEqual(stepOf(result, "path").values.path, []);
  assert.equal(stepOf(result, "path").values.root, stepOf(result, "leaf").values.leaf);
});

test("every value is a plain string or number, or a list of rows of such", async () => {
  const isPlain = (value) => typeof value === "string" || Number.isFinite(value);
  const isRow = (row) => isPlain(row) || Object.values(row).every(isPlain);
  for (const name of Object.keys(given.materials)) {
    for (const { key, values } of (await prove(material(name))).steps) {
      for (const [member, value] of Object.entries(values)) {
        assert.ok(Array.isArray(value) ? value.every(isRow) : isPlain(value), `${key}.${member}`);
      }
    }
  }
});

test("what was compared is said", async () => {
  const found = signed();
  const result = await prove(found);
  const values = Object.fromEntries(result.steps.map((step) => [step.key, step.values]));
  assert.deepEqual([values.bytes.length, values.bytes.equal], [found.record.length, found.record.length]);
  assert.deepEqual(values.author.signatures.map(({ owner, verdict }) => [owner, verdict]), [["nato/signer", "holds"]]);
  assert.equal(values.leaf.entry, found.entry);
  assert.equal(values.path.path.at(-1).hash, values.root.expected);
  assert.equal(values.root.computed, values.root.expected);
  assert.equal(values.head.cid, found.cid);
  assert.deepEqual(values.witnesses.witnesses.map(({ side, name, verdict, time }) => [side, name, verdict, time]), [
    ["nato", "nato-1", "holds", 1764072000],
    ["china", "china-1", "holds", 1764072000],
  ]);
  assert.deepEqual([values.witnesses.covered, values.witnesses.quorum, values.witnesses.quorum_state], [["nato", "china"], "both", "met"]);
  assert.equal(values.seen.seen_size, 3);
});

test("the checkpoint in the proof's file will do", async () => {
  assert.deepEqual(verdicts(await prove(signed({ checkpoint: undefined }))), expected());
});

// What is not checked, and why

const UNCHECKED = {
  "what no side signed": [material("host"), { author: "host_attested" }, "holds"],
  "what a service recorded": [material("service"), { author: "service" }, "holds"],
  "what keys signed that the host keeps": [signed({ custody: "host" }), { author: "host_keys" }, "holds"],
  "a message that is no record": [material("junk"), { bytes: "junk", author: "junk" }, "unchecked"],
  "a record that an erasure withholds": [material("withheld"), { bytes: "withheld", author: "withheld" }, "unchecked"],
  "a first visit": [material("first"), { seen: "first_visit" }, "holds"],
  "a head seen before, without a proof": [signed({ consistency: null }), { seen: "no_consistency" }, "holds"],
  "a head that one side's witness has not cosigned": [material("open"), { witnesses: "quorum_open" }, "holds"],
  "a channel without witnesses": [signed({ policy: "", witnesses: [] }), { witnesses: "no_witnesses" }, "holds"],
};

for (const [what, [found, unchecked, verdict]] of Object.entries(UNCHECKED)) {
  test(`${what} is not checked, and it is said why`, async () => {
    const result = await prove(found);
    assert.deepEqual(verdicts(result), expected(unchecked));
    assert.equal(result.verdict, verdict);
    for (const key of Object.keys(unchecked)) assert.equal(stepOf(result, key).verdict, "unchecked");
  });
}

test("a browser without Ed25519 checks what it can", async () => {
  const refusing = mock.method(crypto.subtle, "importKey", async () => {
    throw new DOMException("Unrecognized name.", "NotSupportedError");
  });
  try {
    const result = await prove(signed());
    const unchecked = ["author", "head", "witnesses", "seen"];
    assert.deepEqual(verdicts(result), expected(Object.fromEntries(unchecked.map((key) => [key, "no_ed25519"]))));
    assert.equal(result.verdict, "unchecked");
  } finally {
    refusing.mock.restore();
  }
});

test("a browser without WebCrypto checks nothing", async () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  Object.defineProperty(globalThis, "crypto", { value: undefined, configurable: true });
  try {
    const result = await prove(signed());
    assert.deepEqual(new Set(Object.values(verdicts(result))), new Set(["no_webcrypto"]));
    assert.equal(result.verdict, "unchecked");
  } finally {
    Object.defineProperty(globalThis, "crypto", own);
  }
});

test("witnesses that a reader names without a policy must all have cosigned", async () => {
  const policy = "";
  assert.deepEqual(verdicts(await prove(signed({ policy }))), expected());
  const open = await prove(material("open", { policy }));
  assert.deepEqual(verdicts(open), expected({ witnesses: "quorum_open" }));
  assert.deepEqual(stepOf(open, "witnesses").values.covered, ["nato"]);
});

test("it is said which sides have countersigned", async () => {
  const { values } = stepOf(await prove(material("open")), "witnesses");
  assert.deepEqual([values.covered, values.uncovered, values.quorum_state], [["nato"], ["china"], "open"]);
  assert.deepEqual(values.witnesses.map(({ verdict, time }) => [verdict, time]), [["holds", 1764072000], ["absent", 0]]);
});

// What does not match

const withKeys = (member, value) =>
  Object.fromEntries(Object.entries(signed().keys).map(([keyid, key]) => [keyid, { ...key, [member]: value }]));

const thresholds = (name, threshold) => material(name, { sides: [{ name: "nato", threshold }, { name: "china", threshold: 1 }] });

const verifierOf = async (name, type, publicKey) => {
  const raw = new Uint8Array([type, ...publicKey]);
  return `${name}+${hex(await proof.sha256(`${name}\n`, raw)).slice(0, 8)}+${base64(raw)}`;
};

const DIFFERS = {
  "a byte of a signed act": [() => spoiltBehind(signed(), '"text":"'), mismatch("author", "signature")],
  "a byte of an act that the host attests": [
    () => spoiltBehind(material("host"), '"facts":"'),
    mismatch("leaf", "other_entry", { author: "host_attested" }),
  ],
  "a byte of such an act, where no entry is at hand": [
    () => ({ ...spoiltBehind(material("host"), '"facts":"'), entry: undefined }),
    mismatch("root", "other_root", { author: "host_attested" }),
  ],
  "a byte of the envelope that nobody signed": [() => spoiltBehind(signed(), '"salt":"a'), mismatch("leaf", "other_entry")],
  "a byte of the record's form": [() => spoiltBehind(signed(), '"1.0"'), mismatch("bytes", "not_a_record")],
  "the actor under a signature": [() => spoiltBehind(material("two_keys"), '"actor":"nato/signe'), mismatch("author", "signed_disagrees")],
  "the type under a signature": [() => spoiltBehind(signed(), '"type":"dragoman.contact-not'), mismatch("bytes", "members_disagree")],
  "an author's signature": [() => spoiltSignature(signed()), mismatch("author", "signature")],
  "the signature of one of two keys": [() => spoiltSignature(material("two_keys")), mismatch("author", "signature")],
  "an author's key": [() => spoiltKey(signed()), mismatch("author", "key_id")],
  "an author's key, which is not there": [() => signed({ keys: {} }), mismatch("author", "unknown_key")],
  "a sibling": [() => spoiltSibling(signed()), mismatch("root", "other_root")],
  "the root in the checkpoint": [() => spoiltRoot(signed()), mismatch("root", "other_root")],
  "the size in the checkpoint": [() => resized(signed(), 1), mismatch("root", "other_size")],
  "the log's signature": [() => spoiltLine(signed(), "example.org/nato-china", 20), mismatch("head", "signature")],
  "a witness's cosignature": [() => spoiltLine(signed(), "china.example/witness", 40), mismatch("witnesses", "cosignature")],
  "the time of a cosignature": [() => spoiltLine(signed(), "nato.example/witness", 11), mismatch("witnesses", "cosignature")],
  "the head seen before": [() => withSeen(signed(), { root: flipped64(signed().seen.root, 7) }), mismatch("seen", "kept_head")],
  "the head seen before, kept without its note": [
    () => withSeen(signed(), { root: flipped64(signed().seen.root, 7), note: "" }),
    mismatch("seen", "not_consistent"),
  ],
  "the head seen before, of the same size": [
    () => withSeen(material("same"), { root: flipped64(material("same").seen.root, 7), note: "" }),
    mismatch("seen", "other_root"),
  ],
  "a hash of the proof that the log goes on": [
    () => signed({ consistency: signed().consistency.map((each, at) => (at === 0 ? flipped64(each, 1) : each)) }),
    mismatch("seen", "not_consistent"),
  ],
  "a head longer than this one, seen before": [
    () => withSeen(signed(), { size: sizeOf(signed()) + 1, note: "" }),
    mismatch("seen", "shorter"),
  ],
  "a proof without its last sibling": [() => shortened(signed()), mismatch("path", "path_length")],
  "a proof cut off in its head": [() => signed({ proof: signed().proof.slice(0, 60) }), mismatch("path", "proof_unreadable")],
  "a proof cut off in its signatures": [() => signed({ proof: signed().proof.slice(0, -9) }), mismatch("path", "note_unreadable")],
  "the proof of another record": [() => signed({ proof: material("host").proof }), mismatch("path", "other_index")],
  "a checkpoint that is none": [() => signed({ checkpoint: "x\n\n— y AAAAAAA=\n" }), mismatch("root", "checkpoint_unreadable")],
  "another origin": [() => underAnother(signed(), "example.org/other"), mismatch("head", "other_origin")],
  "another log's key": [() => signed({ log: notes.log.vkey, genesis: undefined }), mismatch("head", "other_origin")],
  "a log's key that the genesis does not name": [() => signed({ log: notes.log.vkey }), mismatch("head", "other_log")],
  "the id of the log's key": [
    () => signed({ log: signed().log.replace(/\+[0-9a-f]{8}\+/, "+00000000+") }),
    mismatch("head", "key_unreadable"),
  ],
  "another channel's cid": [
    () => material("host", { cid: "00".repeat(32) }),
    mismatch("head", "other_channel", { author: "host_attested" }),
  ],
  "another channel's cid under a signature": [() => signed({ cid: "00".repeat(32) }), mismatch("author", "signed_disagrees")],
  "a record signed by a key that was revoked": [() => material("revoked"), mismatch("author", "key_not_valid")],
  "a record signed before its key was entered": [() => signed({ keys: withKeys("since", 1_000) }), mismatch("author", "key_not_valid")],
  "a key that is said to be added by another act": [
    () => material("revoked", { keys: withKeys("added", true) }),
    mismatch("author", "key_not_valid"),
  ],
  "a weak key": [() => weaklySigned(signed()), mismatch("author", "weak_key")],
  "signatures that are not in order": [() => disordered(material("two_keys")), mismatch("author", "signatures_unreadable")],
  "a key of another side": [() => owned(signed(), "nato/signer", "china/signer"), mismatch("author", "other_side")],
  "a key of a colleague": [() => owned(signed(), "nato/signer", "nato/second"), mismatch("author", "actor_unsigned")],
  "a second key that is a colleague's": [
    () => owned(material("two_keys"), "nato/second", "nato/third"),
    mismatch("author", "second_unsigned"),
  ],
  "a new key that has not signed": [() => signedOnlyBy(material("officer"), "nato/root"), mismatch("author", "new_key_unsigned")],
  "a genesis that one side has not signed": [() => signedOnlyBy(material("opening"), "nato/root"), mismatch("author", "below_threshold")],
  "a head that the log has not signed": [() => unsignedBy(signed(), "example.org/nato-china"), mismatch("head", "unsigned")],
  "a proof under a head that is too short": [() => beyond(signed()), mismatch("path", "beyond_size")],
  "a witness's key as the log's": [
    () => signed({ log: signed().witnesses[0].key, genesis: undefined }),
    mismatch("head", "key_unreadable"),
  ],
  "a root below its threshold": [() => thresholds("revocation", 3), mismatch("author", "below_threshold")],
  "a root whose new keys are counted with the old ones": [() => thresholds("rotation", 2), mismatch("author", "below_threshold")],
  "a root that asks for no key": [() => thresholds("officer", 0), mismatch("author", "below_threshold")],
  "new roots below their threshold": [() => withoutANewKey(material("rotation")), mismatch("author", "new_key_unsigned")],
  "a signature that holds for who knows the key, of a point that holds for all": [
    () => signedByTheIdentity(),
    mismatch("author", "signature"),
  ],
  "another key under the log's name": [
    async () => signed({ log: await verifierOf(signed().log.split("+")[0], 1, unhex(notes.log.public_hex)) }),
    mismatch("head", "other_log"),
  ],
  "the log's key under another name": [
    async () => signed({ log: await verifierOf("example.org/other", 1, (await parseVerifier(signed().log)).publicKey) }),
    mismatch("head", "other_log"),
  ],
  "a log's key as a witness's": [
    () => signed({ witnesses: [{ side: "nato", name: "n", key: signed().log }] }),
    mismatch("witnesses", "key_unreadable"),
  ],
  "a kept head of another origin": [() => material("strange"), mismatch("seen", "kept_head")],
  "a kept head that is said to be of another size": [() => withSeen(signed(), { size: 4 }), mismatch("seen", "kept_head")],
  "a kept head that the log has not signed": [
    () => withSeen(signed(), { note: signed().seen.note.replace("— example.org/nato-china ", "— example.org/other ") }),
    mismatch("seen", "kept_head"),
  ],
  "a hash that is none": [
    () => signed({ consistency: signed().consistency.map((each, at) => (at === 0 ? "x" : each)) }),
    mismatch("seen", "not_consistent"),
  ],
  "an erasure that not every side signed": [
    () => material("erasure", { sides: [...material("erasure").sides, { name: "asean", threshold: 1 }] }),
    mismatch("author", "side_unsigned"),
  ],
  "what is no list of keys": [() => signed({ witnesses: 5 }), mismatch("witnesses", "material_unreadable")],
};

for (const [what, [changed, steps]] of Object.entries(DIFFERS)) {
  test(`one change differs in its step, and later steps are not checked: ${what}`, async () => {
    const result = await prove(await changed());
    assert.deepEqual(verdicts(result), steps);
    assert.equal(result.verdict, "differs");
    const verdictsOfSteps = result.steps.map(({ verdict }) => verdict);
    assert.equal(verdictsOfSteps.filter((verdict) => verdict === "differs").length, 1);
    assert.ok(verdictsOfSteps.slice(verdictsOfSteps.indexOf("differs") + 1).every((verdict) => verdict === "unchecked"));
  });
}

for (const member of ["channel", "type", "exchange", "id", "author", "after", "seen"]) {
  test(`what was signed for something else differs: ${member}`, async () => {
    const result = await prove(material(`disagrees_${member}`));
    assert.deepEqual(verdicts(result), mismatch("author", "signed_disagrees"));
    assert.equal(stepOf(result, "author").values.member, member);
  });
}

const RECORDS = {
  "white space between members": ['","id"', '", "id"', "not_a_record", "rebuilt_otherwise"],
  "a member that is not known": ['"channel":', '"more":"x","channel":', "not_a_record", "rebuilt_otherwise"],
  "a member that is wanting": [/"family":"[a-z]+",/, "", "not_a_record", "family"],
  "a day that does not exist": [/"time":"2026-11-24/, '"time":"2026-02-30', "not_a_record", "time"],
  "an attestation without signatures": ['"attestation":"host"', '"attestation":"author"', "not_a_record", "signatures"],
  "a number of more than seventeen digits": ['"lat":15.12', '"lat":15.120000000000000000', "not_a_record", "act_word"],
  "an act of another name": ['"act":"hazardous-incident"', '"act":"contact-note"', "members_disagree", "type"],
  "another version's schema": ['incident:1"', 'incident:2"', "members_disagree", "dataschema"],
  "a source of another side": ['"source":"/sides/nato', '"source":"/sides/china', "members_disagree", "source"],
  "a family that there is not": ['"family":"notification"', '"family":"letters"', "members_disagree", "family"],
  "a decision on what was not yet written": [/"decided":"[0-9]+"/, '"decided":"18"', "members_disagree", "decided"],
  "an act that says it is signed": ['{"act":', '{"signed":{},"act":', "members_disagree", "attestation"],
};

for (const [what, [from, to, code, why]] of Object.entries(RECORDS)) {
  test(`a record is none, or contradicts itself: ${what}`, async () => {
    const found = material("host");
    const changed = text(found.record).replace(from, to);
    assert.notEqual(changed, text(found.record));
    const [bytes] = (await prove({ ...found, record: utf8(changed) })).steps;
    assert.deepEqual([bytes.verdict, bytes.code, bytes.values.why ?? bytes.values.member], ["differs", code, why]);
  });
}

test("a genesis stands at position 1 alone, nothing else does, and it says nothing of a signature before it", async () => {
  const opening = material("opening");
  const signedToo = utf8(text(opening.record).replace('{"act":', '{"signed":{},"act":'));
  const wrong = [
    [{ position: 2 }, "type"],
    [{ record: material("host").record }, "type"],
    [{ record: signedToo }, "attestation"],
  ];
  for (const [changes, member] of wrong) {
    const [bytes] = (await prove({ ...opening, ...changes })).steps;
    assert.deepEqual([bytes.code, bytes.values.member], ["members_disagree", member]);
  }
});

test("no flipped bit of a signed record passes", async () => {
  const found = signed();
  for (let at = 0; at < found.record.length; at += 5) {
    const { verdict } = await prove({ ...found, record: flipped(found.record, at) });
    assert.notEqual(verdict, "holds", `byte ${at}`);
  }
});

test("no flipped bit of the text of a checkpoint passes", async () => {
  const found = signed();
  const bytes = utf8(found.checkpoint);
  for (let at = 0; at < found.checkpoint.indexOf("\n\n"); at += 1) {
    const { verdict } = await prove({ ...found, checkpoint: text(flipped(bytes, at)) });
    assert.equal(verdict, "differs", `byte ${at}`);
  }
});

test("an entry that no erasure names is junk, and not the leaf", async () => {
  const result = await prove(material("withheld", { erasure: undefined }));
  assert.deepEqual(verdicts(result), mismatch("leaf", "other_entry", { bytes: "junk", author: "junk" }));
  const { position, record, erasure, entry } = material("withheld");
  const naming = (from, to) => ({ erasure: { ...erasure, record: utf8(text(erasure.record).replace(from, to)) } });
  for (const changes of [
    { erasure: { ...erasure, position: 3 } },
    naming(`"position":${position}`, `"position":${position - 1}`),
    naming('"commit":"', '"commit":"00'),
    { record: utf8(text(record).replace(`index ${position - 1}`, `index ${position}`)) },
    { erasure: { position: position + 1, record: material("host").record } },
  ]) {
    assert.equal(stepOf(await prove(material("withheld", changes)), "bytes").code, "junk");
  }
  assert.equal(entry, text(record));
});

const POLICIES = {
  "no quorum": (policy) => policy.replace("quorum both\n", ""),
  "two quorums": (policy) => `${policy}quorum nato\n`,
  "a quorum of nobody": (policy) => policy.replace("quorum both", "quorum nobody"),
  "a quorum of no one name": (policy) => policy.replace("quorum both", "quorum both nato"),
  "a group above its members": (policy) => `group early any nato\n${policy}`,
  "a group of one twice": (policy) => policy.replace("all nato china", "2 nato nato"),
  "a group of more than it has": (policy) => policy.replace("both all", "both 3"),
  "a group of none": (policy) => policy.replace("both all", "both 0"),
  "a name that comes twice": (policy) => policy.replace("group china any", "group nato any"),
  "a witness without a key": (policy) => policy.replace(/witness nato-1 \S+ \S+/, "witness nato-1"),
  "a witness whose key is a log's": (policy) => policy.replace(/witness nato-1 \S+/, `witness nato-1 ${notes.log.vkey}`),
  "the line of another log": (policy) => `log ${notes.log.vkey}\n${policy}`,
  "a word that is not known": (policy) => `${policy}mirror x\n`,
};

for (const [what, change] of Object.entries(POLICIES)) {
  test(`a policy is none: ${what}`, async () => {
    const policy = change(signed().policy);
    assert.notEqual(policy, signed().policy);
    assert.deepEqual(verdicts(await prove(signed({ policy }))), mismatch("witnesses", "policy_unreadable"));
  });
}

test("a policy may name its own log, count its groups, and ask for one side alone", async () => {
  const own = `log ${signed().log} https://log.example/\n`;
  const one = signed().policy.replace("both all", "both 1");
  for (const policy of [own + one, one.replace("both 1", "both any")]) {
    const { steps } = await prove(material("open", { policy }));
    assert.equal(stepOf({ steps }, "witnesses").verdict, "holds");
  }
});

test("a quorum of none asks for every witness that it names", async () => {
  const policy = signed().policy.replace("quorum both", "quorum none");
  assert.equal(stepOf(await prove(signed({ policy })), "witnesses").verdict, "holds");
  assert.equal(stepOf(await prove(material("open", { policy })), "witnesses").code, "quorum_open");
});

test("a key of an unsound point is refused wherever it comes from", async () => {
  for (const digits of notes.keys_to_refuse_hex) {
    assert.equal(proof.isSound(unhex(digits)), false, digits);
    await assert.rejects(parseVerifier(await verifierOf("n", 4, unhex(digits))), /weak_key/);
  }
  for (const { public: each } of Object.values(signed().keys)) assert.ok(proof.isSound(fromBase64(each)));
});

test("what is no material at all rejects", async () => {
  for (const changes of [{ position: 0 }, { position: 1.5 }, { position: "1" }, { record: "{}" }, { proof: null }]) {
    await assert.rejects(prove(material("signed", changes)), TypeError);
  }
});

// Known answers

test("the known records, leaves and encodings", async () => {
  for (const name of ["signed_record", "host_record", "genesis_record"]) {
    const known = vectors[name];
    const keys = { [vectors.author_key.keyid]: { public: base64(unhex(vectors.author_key.public_hex)), owner: "nato/o-17", since: 2 } };
    const { index, entry, cid = vectors.cid } = known;
    const { steps } = await prove(signed({ position: index + 1, record: utf8(known.record), entry, cid, keys }));
    const found = Object.fromEntries(steps.map((step) => [step.key, step]));
    assert.equal(found.bytes.verdict, "holds", name);
    if (name === "genesis_record") {
      assert.equal(found.author.code, "unknown_key"); // the known one leaves its sides out
      continue;
    }
    assert.equal(found.author.code, name === "signed_record" ? "" : "host_attested");
    assert.deepEqual([found.leaf.values.leaf, found.leaf.values.commit], [known.leaf_hash, known.commit]);
  }
  const { act, pae_sha256: encoded } = vectors.signed_record;
  assert.equal(hex(await proof.sha256(proof.pae(vectors.pae_type, utf8(act)))), encoded);
  for (const { type, body, pae, pae_sha256: digest } of notes.dsse) {
    const found = proof.pae(type, utf8(body));
    if (pae) assert.equal(text(found), pae);
    else assert.equal(hex(await proof.sha256(found)), digest);
  }
});

test("the known junk is a leaf over its own bytes", async () => {
  const { message_hex: message, index, leaf_hash: leaf, entry } = vectors.junk_leaf;
  const found = stepOf(await prove(signed({ position: index + 1, record: unhex(message), entry })), "leaf");
  assert.deepEqual([found.verdict, found.values.leaf], ["holds", leaf]);
});

test("the known acts to refuse make no record", async () => {
  const { act, record } = vectors.host_record;
  const prefix = utf8(record.slice(0, record.indexOf(act)));
  for (const { why, act_hex: digits } of vectors.acts_to_refuse.filter((each) => each.why !== "unknown key")) {
    const spoilt = new Uint8Array([...prefix, ...unhex(digits), 125]);
    const [bytes] = (await prove(signed({ record: spoilt }))).steps;
    assert.deepEqual([why, bytes.code, /^act_|^length_or_utf8$/.test(bytes.values.why)], [why, "not_a_record", true]);
  }
});

test("acts are read as strictly as Python reads them", async () => {
  for (const { record, strict } of given.spoilt) {
    const found = fromBase64(record);
    const [bytes] = (await prove(signed({ position: 2 ** 40, record: found }))).steps;
    assert.equal(bytes.code !== "not_a_record", strict, text(found));
  }
});

test("whole records are read as strictly as Python reads them", async () => {
  const disagreeing = [];
  for (const { record, reads } of given.framed) {
    const found = fromBase64(record);
    const [bytes] = (await prove(signed({ position: 2 ** 40, record: found }))).steps;
    if ((bytes.verdict === "holds" || bytes.code === "members_disagree") !== reads) disagreeing.push([reads, bytes.values.why, text(found)]);
  }
  assert.deepEqual(disagreeing, []);
});

test("the sample of every record is rebuilt from its members", async () => {
  const folder = new URL("../../../schemas/samples/records/", import.meta.url);
  for (const name of readdirSync(folder).filter((each) => /\.v[0-9]+\.json$/.test(each))) {
    const record = new Uint8Array(readFileSync(new URL(name, folder)));
    const [bytes] = (await prove(signed({ position: name.startsWith("channel-opening.") ? 1 : 2 ** 40, record }))).steps;
    assert.deepEqual([name, bytes.verdict, bytes.values.member ?? ""], [name, "holds", ""]);
  }
});

test("the known checkpoints and verifier keys", async () => {
  const log = await parseVerifier(notes.log.vkey);
  const witness = await parseVerifier(notes.witness.vkey_cosignature);
  assert.deepEqual([hex(log.publicKey), hex(witness.publicKey)], [notes.log.public_hex, notes.witness.public_hex]);
  assert.deepEqual([log.type, witness.type], [1, 4]);
  const found = parseNote(notes.checkpoint_size_8_with_cosignature);
  assert.deepEqual(found.signatures.map(({ name, id }) => [name, id]), [[log.name, log.id], [witness.name, witness.id]]);
  const { origin, size, root } = parseCheckpoint(found.text);
  assert.deepEqual([origin, size, hex(root)], ["log.example/liaison", 8, merkle.small_tree.roots_hex["8"]]);
  assert.equal(parseCheckpoint(parseNote(notes.checkpoint_size_0).text).size, 0);
});

const NO_NOTES = [
  "",
  "\n\n",
  "text\n",
  "text\n\n",
  "text\n\n— name\n",
  "text\n\n- name AAAAAAA=\n",
  "text\n\n— na+me AAAAAAA=\n",
  "text\n\n— name AAAA\n",
  "text\n\n— name AAAAAAB=\n",
  "te\rxt\n\n— name AAAAAAA=\n",
  "text\n\n— name AAAAAAA=",
  `text\n\n${"— name AAAAAAA=\n".repeat(101)}`,
];

for (const wrong of NO_NOTES) {
  test(`no note is read from ${JSON.stringify(wrong.slice(0, 30))}`, () => assert.throws(() => parseNote(wrong), proof.Unreadable));
}

test("a note may have an empty line of its own", () => {
  assert.equal(parseNote("one\n\ntwo\n\n— name AAAAAAA=\n").text, "one\n\ntwo\n");
});

test("a checkpoint has three lines and no others", () => {
  const root = "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=";
  for (const wrong of [
    `o\n8\n${root}\nextension\n`,
    `o\n08\n${root}\n`,
    `o\n-8\n${root}\n`,
    `o\n8\n${root.replace("g=", "h=")}\n`,
    `o\n0\n${root}\n`,
    `\n8\n${root}\n`,
    "o\n8\n",
    `o\n9007199254740993\n${root}\n`,
  ]) {
    assert.throws(() => parseCheckpoint(wrong), proof.Unreadable, wrong);
  }
});

test("a proof in a file is read as it is written", () => {
  const hash = `${base64(new Uint8Array(32))}\n`;
  const found = parseProof(`c2sp.org/tlog-proof@v1\nindex 7\n${hash}${hash}\no\n8\n`);
  assert.deepEqual([found.index, found.hashes.length, found.checkpoint], [7, 2, "o\n8\n"]);
  const head = "c2sp.org/tlog-proof@v1\nindex ";
  for (const wrong of ["", "index 7\n\n", `${head}07\n\n`, `${head}7\n`, `${head}7\nAAAA\n\n`, `${head}7\n${hash.repeat(64)}\n`]) {
    assert.throws(() => parseProof(wrong), proof.Unreadable, wrong);
  }
});

const small = merkle.small_tree;

test("the known proofs that a leaf is there", async () => {
  for (const { index, size, proof_hex: siblings } of small.inclusion) {
    const leaf = await leafHash(unhex(small.leaves_hex[index]));
    const rows = await foldPath(index, size, leaf, hexes(siblings));
    assert.equal(rows.at(-1)?.hash ?? hex(leaf), small.roots_hex[size], `${index} of ${size}`);
  }
});

test("the known proofs that a tree goes on", async () => {
  for (const { old, new: size, proof_hex: hashes } of small.consistency) {
    const [before, after] = hexes([small.roots_hex[old], small.roots_hex[size]]);
    assert.ok(await verifyConsistency(old, size, before, after, hexes(hashes)), `${old} to ${size}`);
  }
});

test("the known proofs of a large tree", async () => {
  const large = merkle.large_tree;
  const root = (size) => fromBase64(large.roots_b64[size], 32);
  const rows = await foldPath(12345, 70000, await leafHash('{"n":12345,"m":"event 12345"}'), hexes(large.inclusion_12345_of_70000_hex));
  assert.equal(rows.at(-1).hash, hex(root(70000)));
  const hashes = hexes(large.consistency_66000_70000_hex);
  assert.ok(await verifyConsistency(66000, 70000, root(66000), root(70000), hashes));
  assert.ok(!(await verifyConsistency(66000, 70000, root(65537), root(70000), hashes)));
});

// Trees built here, as RFC 6962 §2.1 defines their roots and proofs

const MOST = 40;
const hashes = new Map();

function splitOf(count) {
  return 2 ** [...Array(10).keys()].findLast((power) => 2 ** power < count);
}

async function rangeHash(begin, end) {
  const key = `${begin}-${end}`;
  if (!hashes.has(key)) hashes.set(key, end - begin === 1 ? await leafHash(`leaf ${begin}`) : await nodeOf(begin, end));
  return hashes.get(key);
}

async function nodeOf(begin, end) {
  const middle = begin + splitOf(end - begin);
  return nodeHash(await rangeHash(begin, middle), await rangeHash(middle, end));
}

async function pathOf(index, begin, end) {
  if (end - begin === 1) return [];
  const middle = begin + splitOf(end - begin);
  if (index < middle) return [...(await pathOf(index, begin, middle)), await rangeHash(middle, end)];
  return [...(await pathOf(index, middle, end)), await rangeHash(begin, middle)];
}

async function growthOf(old, begin, end, whole) {
  if (old === end) return whole ? [] : [await rangeHash(begin, end)];
  const middle = begin + splitOf(end - begin);
  if (old <= middle) return [...(await growthOf(old, begin, middle, whole)), await rangeHash(middle, end)];
  return [...(await growthOf(old, middle, end, false)), await rangeHash(begin, middle)];
}

for (let size = 1; size <= MOST; size += 1) {
  test(`every leaf of a tree of ${size} is proved, and by no other path`, async () => {
    const root = hex(await rangeHash(0, size));
    for (let index = 0; index < size; index += 1) {
      const leaf = await rangeHash(index, index + 1);
      const siblings = await pathOf(index, 0, size);
      const rootBy = async (...way) => (await foldPath(...way))?.at(-1)?.hash ?? hex(leaf);
      assert.equal(await rootBy(index, size, leaf, siblings), root);
      assert.equal(await foldPath(index, size, leaf, [...siblings, leaf]), null);
      assert.equal(await foldPath(size, size, leaf, siblings), null);
      if (siblings.length === 0) continue;
      assert.equal(await foldPath(index, size, leaf, siblings.slice(1)), null);
      const at = index % siblings.length;
      assert.notEqual(await rootBy(index, size, leaf, siblings.with(at, flipped(siblings[at], 0))), root);
      const other = (index + 1) % size;
      assert.notEqual((await foldPath(other, size, leaf, siblings))?.at(-1)?.hash, root);
    }
  });

  test(`every beginning of a tree of ${size} is proved, and no other`, async () => {
    const root = await rangeHash(0, size);
    for (let old = 1; old <= size; old += 1) {
      const before = await rangeHash(0, old);
      const growth = await growthOf(old, 0, size, true);
      assert.ok(await verifyConsistency(old, size, before, root, growth));
      assert.ok(!(await verifyConsistency(old, size, flipped(before, 0), root, growth)));
      assert.ok(!(await verifyConsistency(old, size, before, flipped(root, 0), growth)));
      assert.ok(!(await verifyConsistency(old, size, before, root, [...growth, before])));
      if (growth.length === 0) continue;
      assert.ok(!(await verifyConsistency(old, size, before, root, growth.slice(1))));
      assert.ok(!(await verifyConsistency(old, size, before, root, growth.slice(0, -1))));
      assert.ok(!(await verifyConsistency(old, size, before, root, [flipped(growth[0], 31), ...growth.slice(1)])));
      assert.ok(!(await verifyConsistency(size, old, root, before, growth)));
    }
  });
}

test("a tree of nothing begins every other", async () => {
  const empty = await proof.sha256("");
  const root = await rangeHash(0, 3);
  assert.ok(await verifyConsistency(0, 3, empty, root, []));
  assert.ok(!(await verifyConsistency(0, 3, root, root, [])));
  assert.ok(!(await verifyConsistency(0, 3, empty, root, [root])));
});

test("a path in a tree beyond 32 bits has as many siblings as it asks for", async () => {
  const [index, size] = [2 ** 45 + 3, 2 ** 52 + 1];
  const siblings = (count) => Array.from({ length: count }, () => new Uint8Array(32));
  assert.equal((await foldPath(index, size, new Uint8Array(32), siblings(53))).length, 53);
  assert.equal(await foldPath(index, size, new Uint8Array(32), siblings(52)), null);
  assert.equal((await foldPath(size - 1, size, new Uint8Array(32), siblings(1))).length, 1);
});
