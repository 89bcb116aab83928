// Proves in the browser that one record is in a channel's log. A server hands over all the data,
// and this script trusts none of it. Eight steps compare computed values with the server's data
// (record.md §2 to §7):
//
//   1 bytes      the record is rebuilt from its members, byte by byte, and its act is strict JSON
//   2 author     Ed25519 over DSSE's pre-authentication encoding of the act, by keys valid at the
//                record's position
//   3 leaf       commit = SHA-256("dragoman-commit/v1\n" || bytes),
//                leaf = SHA-256(00 || "dragoman-entry/v1\nindex …\ncommit …\n")
//   4 path       the leaf and the siblings of the .tlog-proof, folded upwards (RFC 6962):
//                node = SHA-256(01 || left || right)
//   5 root       the result of the folding is the root in the checkpoint
//   6 head       the log's signature of the checkpoint (C2SP signed-note)
//   7 witnesses  their cosignatures of it (C2SP tlog-cosignature), counted by the sides' policy
//   8 seen       the head that this browser saw last begins the tree of this one (RFC 6962)
//
// A step `holds`, `differs`, or is `unchecked` with a reason. After the first step that differs,
// the others are unchecked. The script needs SHA-256 and Ed25519 of WebCrypto, and nothing else:
// no page, no network, no library.

const PAYLOAD_TYPE = "application/vnd.dragoman.act.v1+json";
const RECORD_BYTES = 524_288;
const ACT_BYTES = 240 * 1024;
const DEPTH = 32;
const DIGITS = 17;
const NOTE_LENGTH = 1_000_000;
const SIGNATURES = 100; // of a note; a record has at most 64
const AUTHORS = 64;
const HASHES = 63;
const ED25519 = 1;
const COSIGNATURE = 4;
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** What cannot be read as what it should be: the code of its kind, why, and what else a page may show. */
export class Unreadable extends Error {
  constructor(code, why, values = {}) {
    super(`${code}: ${why}`);
    this.code = code;
    this.values = { why, ...values };
  }
}

/** This browser does not know Ed25519. */
class NoEd25519 extends Error {}

// Bytes

function joined(parts) {
  const raws = parts.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : part));
  const whole = new Uint8Array(raws.reduce((length, raw) => length + raw.length, 0));
  let at = 0;
  for (const raw of raws) {
    whole.set(raw, at);
    at += raw.length;
  }
  return whole;
}

/** Bytes as lower-case hex digits. */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Bytes as standard base64 with padding. */
export const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** The bytes of canonical base64, of that length if one is given; else null. */
export function fromBase64(text, length) {
  let raw = null;
  try {
    raw = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
  return base64(raw) === text && (length === undefined || raw.length === length) ? raw : null; // atob takes more than one form
}

function decoded(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** SHA-256 over parts, one behind the other; a string is its UTF-8. */
export const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(parts)));

/** The hash of a leaf over its entry. */
export const leafHash = (entry) => sha256([0], entry);

/** The hash of a node over its two children. */
export const nodeHash = (left, right) => sha256([1], left, right);

// Ed25519, as strictly as the servers take it where browsers differ. That a key is of the subgroup of prime order is seen only
// for the points of small order: the rest was refused when the key was entered (record.md §4).

const FIELD = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const IDENTITY = `01${"00".repeat(31)}`;
const EIGHTH = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";

const little = (digits) => BigInt(`0x${digits.match(/../g).reverse().join("")}`);
const SMALL = new Set([0n, 1n, FIELD - 1n, little(EIGHTH), FIELD - little(EIGHTH)]); // heights of the eight points of small order

/** Whether 32 bytes may be a public key: a canonical point, and none of small order. */
export function isSound(publicKey) {
  if (publicKey.length !== 32) return false;
  const height = little(hex(publicKey)) & (2n ** 255n - 1n);
  return height < FIELD && !SMALL.has(height);
}

async function isSignature(publicKey, message, signature) {
  if (signature.length !== 64 || !isSound(publicKey)) return false;
  const digits = hex(signature);
  if (digits.startsWith(IDENTITY) || little(digits.slice(64)) >= ORDER) return false;
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
  } catch (error) {
    if (error.name === "NotSupportedError") throw new NoEd25519();
    if (error.name === "DataError") return false; // no point of the curve
    throw error;
  }
}

/** DSSE's pre-authentication encoding of a type and a body. */
export function pae(type, body) {
  return joined([`DSSEv1 ${new TextEncoder().encode(type).length} ${type} ${body.length} `, body]);
}

// Notes, checkpoints, proofs in a file

const NAME = "[^\\s\\u0085+]+";
const LINE = new RegExp(`^— (${NAME}) ([A-Za-z0-9+/]+={0,2})$`, "u");
const VERIFIER = new RegExp(`^(${NAME})\\+([0-9a-f]{8})\\+([A-Za-z0-9+/]+={0,2})$`, "u");
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;
const CHECKPOINT = /^([^\n]+)\n(0|[1-9][0-9]{0,15})\n([^\n]+)\n$/;
const PROOF = /^c2sp\.org\/tlog-proof@v1\nindex (0|[1-9][0-9]{0,15})\n((?:[^\n]+\n)*)\n/;

/** A signed note's text and signature lines: `{text, signatures: [{name, id, payload}]}`. Throws `Unreadable`. */
export function parseNote(text) {
  const gap = text.lastIndexOf("\n\n");
  if (text.length > NOTE_LENGTH || CONTROL.test(text)) throw new Unreadable("note_unreadable", "length_or_control");
  if (gap < 0 || gap + 2 === text.length || !text.endsWith("\n")) throw new Unreadable("note_unreadable", "no_signatures");
  const lines = text.slice(gap + 2, -1).split("\n");
  if (lines.length > SIGNATURES) throw new Unreadable("note_unreadable", "too_many_signatures");
  return { text: text.slice(0, gap + 1), signatures: lines.map(signatureOf) };
}

function signatureOf(line) {
  const found = LINE.exec(line);
  const raw = found && fromBase64(found[2]);
  if (!raw || raw.length < 5) throw new Unreadable("note_unreadable", "signature_line");
  return { name: found[1], id: hex(raw.subarray(0, 4)), payload: raw.subarray(4) };
}

/** The head that a note's text is: `{origin, size, root}`. Throws `Unreadable`. */
export function parseCheckpoint(text) {
  const found = CHECKPOINT.exec(text);
  const root = found && fromBase64(found[3], 32);
  const size = found && Number(found[2]);
  if (!root || !Number.isSafeInteger(size)) throw new Unreadable("checkpoint_unreadable", "three_lines");
  if (size === 0 && hex(root) !== EMPTY) throw new Unreadable("checkpoint_unreadable", "root_of_nothing");
  return { origin: found[1], size, root };
}

/** A .tlog-proof: `{index, hashes, checkpoint}`, the last as text. Throws `Unreadable`. */
export function parseProof(text) {
  const found = PROOF.exec(text);
  if (!found || !Number.isSafeInteger(Number(found[1]))) throw new Unreadable("proof_unreadable", "head");
  const hashes = found[2].split("\n").slice(0, -1).map((line) => fromBase64(line, 32));
  if (hashes.length > HASHES || hashes.includes(null)) throw new Unreadable("proof_unreadable", "hashes");
  return { index: Number(found[1]), hashes, checkpoint: text.slice(found[0].length) };
}

/** A verifier key, whose id is computed anew: `{name, type, id, publicKey}`. Throws `Unreadable`. */
export async function parseVerifier(text) {
  const found = VERIFIER.exec(text);
  const raw = found && fromBase64(found[3], 33);
  if (!raw || ![ED25519, COSIGNATURE].includes(raw[0])) throw new Unreadable("key_unreadable", "verifier_key");
  if (!isSound(raw.subarray(1))) throw new Unreadable("key_unreadable", "weak_key");
  const id = hex(await sha256(`${found[1]}\n`, raw)).slice(0, 8);
  if (id !== found[2]) throw new Unreadable("key_unreadable", "key_id");
  return { name: found[1], type: raw[0], id, publicKey: raw.subarray(1) };
}

/** The text of a log's verifier key, by its name and its public key in base64; null where there is no such key. */
export async function verifierText(name, publicKey) {
  const raw = fromBase64(publicKey ?? "", 32);
  if (raw === null) return null;
  const typed = joined([[ED25519], raw]);
  return `${name}+${hex(await sha256(`${name}\n`, typed)).slice(0, 8)}+${base64(typed)}`;
}

/** The handover under which a head of so many records is signed; undefined where the log's first key signs it. */
export const handoverAt = (later, size) => later?.findLast(({ since }) => since <= size);

/** The key that signs a head of so many records: `log`, or that of a handover. `later` are `{since, log}`, in order. */
export const keyAt = (log, later, size) => parseVerifier(handoverAt(later, size)?.log ?? log);

/** What a note has of a key: "absent", "holds", or "differs" if any line of it does not hold; and when, if cosigned. */
async function signedBy(note, verifier) {
  const lines = note.signatures.filter(({ name, id }) => name === verifier.name && id === verifier.id);
  for (const { payload } of lines) {
    if (!(await lineHolds(note.text, verifier, payload))) return { verdict: "differs", time: 0 };
  }
  if (lines.length === 0) return { verdict: "absent", time: 0 };
  return { verdict: "holds", time: verifier.type === COSIGNATURE ? Number(secondsOf(lines[0].payload)) : 0 };
}

/** Whether a note, taken apart, is signed by a key, and every line of that key holds. */
export const holdsUnder = async (note, verifier) => (await signedBy(note, verifier)).verdict === "holds";

const secondsOf = (payload) => BigInt(`0x${hex(payload.subarray(0, 8))}`);

function lineHolds(text, verifier, payload) {
  const isCosignature = verifier.type === COSIGNATURE;
  const message = isCosignature ? `cosignature/v1\ntime ${secondsOf(payload)}\n${text}` : text;
  return isSignature(verifier.publicKey, joined([message]), payload.subarray(isCosignature ? 8 : 0));
}

// The tree

/** The largest power of two below a count of at least two. */
function splitOf(count) {
  let split = 1;
  while (split * 2 < count) split *= 2; // shifts end at 32 bits
  return split;
}

/** On which side the siblings of a leaf stand, from the leaf upwards. */
function sidesOf(index, size) {
  if (size === 1) return [];
  const split = splitOf(size);
  return index < split ? [...sidesOf(index, split), "right"] : [...sidesOf(index - split, size - split), "left"];
}

/** The way up from a leaf hash: `[{level, side, sibling, hash}]` in hex; null where such a tree asks for another number of siblings. */
export async function foldPath(index, size, leaf, siblings) {
  const sides = index < size ? sidesOf(index, size) : null;
  if (sides?.length !== siblings.length) return null;
  const rows = [];
  let hash = leaf;
  for (const [at, sibling] of siblings.entries()) {
    hash = sides[at] === "left" ? await nodeHash(sibling, hash) : await nodeHash(hash, sibling);
    rows.push({ level: at + 1, side: sides[at], sibling: hex(sibling), hash: hex(hash) });
  }
  return rows;
}

/** Whether hashes show that the tree of the old size and root begins that of the new: both are rebuilt as RFC 6962 §2.1.2 parts them. */
export async function verifyConsistency(oldSize, newSize, oldRoot, newRoot, hashes) {
  if (oldSize > newSize) return false;
  if (oldSize === 0) return hashes.length === 0 && hex(oldRoot) === EMPTY;
  const left = [...hashes];
  const roots = await rootsOf(oldSize, newSize, true, oldRoot, left);
  return roots !== null && left.length === 0 && hex(roots.before) === hex(oldRoot) && hex(roots.after) === hex(newRoot);
}

/** The old and the new hash over a subtree. `whole`: the old tree is this subtree's beginning from leaf 0 on, and its root is known. */
async function rootsOf(oldSize, newSize, whole, oldRoot, left) {
  if (oldSize === newSize) {
    const hash = whole ? oldRoot : left.shift();
    return hash === undefined ? null : { before: hash, after: hash };
  }
  const split = splitOf(newSize);
  const isLeft = oldSize <= split;
  const inner = isLeft
    ? await rootsOf(oldSize, split, whole, oldRoot, left)
    : await rootsOf(oldSize - split, newSize - split, false, oldRoot, left);
  const sibling = left.shift();
  if (inner === null || sibling === undefined) return null;
  if (isLeft) return { before: inner.before, after: await nodeHash(inner.after, sibling) };
  return { before: await nodeHash(sibling, inner.before), after: await nodeHash(sibling, inner.after) };
}

// Records

const MEMBERS = [
  "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "channel", "family", "actor",
  "releasedby", "decided", "causationid", "attestation", "signatures", "salt",
];
const OPTIONAL = ["releasedby", "causationid", "signatures"];
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[578][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const DIGEST = /^[0-9a-f]{64}$/;
const FORMS = {
  specversion: /^1\.0$/,
  id: ID,
  subject: ID,
  time: /^(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/,
  datacontenttype: /^application\/json$/,
  decided: /^(?:0|[1-9][0-9]{0,15})$/,
  attestation: /^(?:author|host)$/,
  salt: DIGEST,
};
const FAMILIES = ["contact", "meeting", "notification", "dialogue", "channel", "desk"];
const PRINTABLE = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const TYPE = /^dragoman\.([a-z0-9-]+)\.v([1-9][0-9]{0,3})$/;
const ENTRY = /^dragoman-entry\/v1\nindex (0|[1-9][0-9]{0,15})\ncommit ([0-9a-f]{64})\n$/;
const CLAIM = '{"specversion":';
const DATA = ',"data":';

const noRecord = (why, values) => new Unreadable("not_a_record", why, values);

/** A record taken apart: `{envelope, act, data}`, the act as bytes and as a value. Throws `Unreadable`. */
function readRecord(bytes) {
  const text = bytes.length > RECORD_BYTES ? null : decoded(bytes);
  if (text === null) throw noRecord("length_or_utf8", { length: bytes.length });
  const at = text.indexOf(DATA);
  const envelope = at < 0 ? null : parsed(`${text.slice(0, at)}}`);
  if (envelope === null || !text.endsWith("}")) throw noRecord("frame", { length: bytes.length });
  const prefix = prefixOf(envelope);
  if (!text.startsWith(prefix)) throw noRecord("rebuilt_otherwise", { length: bytes.length, equal: commonLength(prefix, text) });
  const wrong = Object.keys(FORMS).find((member) => !FORMS[member].test(envelope[member]));
  if (wrong) throw noRecord(wrong);
  if (!isTime(envelope.time)) throw noRecord("time");
  if ((envelope.attestation === "author") !== Object.hasOwn(envelope, "signatures")) throw noRecord("signatures");
  return { envelope, act: bytes.subarray(prefix.length, -1), data: readAct(text.slice(prefix.length, -1)) };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What stands before the act, from the members alone. Throws `Unreadable` where one is wanting or could be read in two ways. */
function prefixOf(envelope) {
  const names = MEMBERS.filter((name) => !OPTIONAL.includes(name) || Object.hasOwn(envelope, name));
  const wrong = names.find((name) => typeof envelope[name] !== "string" || !PRINTABLE.test(envelope[name]));
  if (wrong) throw noRecord(wrong);
  return `{${names.map((name) => `"${name}":"${envelope[name]}"`).join(",")}${DATA}`;
}

function commonLength(one, other) {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  return at;
}

function isTime(text) {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString() === text;
}

// Acts, read strictly (record.md §2): what JSON.parse makes of them must be what any other reader sees.

const STRING = /"([^"\\]*(?:\\.[^"\\]*)*)"(:?)/gs;
const KEY = /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/;
const NUMBER = /^-?(?:0|[1-9][0-9]*)(\.[0-9]+)?$/;
const FORBIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u;

function readAct(text) {
  const data = text.startsWith("{") && text.length <= ACT_BYTES ? parsed(text) : null;
  if (data === null || joined([text]).length > ACT_BYTES) throw noRecord("act_not_json");
  const keys = [...text.matchAll(STRING)].filter(([, , colon]) => colon).map(([, key]) => key);
  const words = text.replace(STRING, '"').match(/[^{}[\]:,"]+/g) ?? [];
  if (!keys.every((key) => KEY.test(key))) throw noRecord("act_key");
  if (!words.every((word) => word === "true" || word === "false" || isNumber(word))) throw noRecord("act_word");
  if (membersIn(data, 1) !== keys.length) throw noRecord("act_key_string_or_depth");
  return data;
}

function isNumber(word) {
  const found = NUMBER.exec(word);
  if (!found || word.replace(/[^0-9]/g, "").length > DIGITS || /^-[0.]+$/.test(word)) return false;
  return found[1] !== undefined || Number.isSafeInteger(Number(word));
}

/** How many members there are within a value, a key that came twice being one; NaN where it is too deep or holds a forbidden string. */
function membersIn(value, depth) {
  if (typeof value === "string") return FORBIDDEN.test(value) ? NaN : 0;
  if (typeof value !== "object") return 0;
  if (depth > DEPTH) return NaN;
  const inner = Object.values(value);
  return inner.reduce((count, each) => count + membersIn(each, depth + 1), Array.isArray(value) ? 0 : inner.length);
}

// Steps

const holds = (values) => ({ verdict: "holds", code: "", values });
const differs = (code, values = {}) => ({ verdict: "differs", code, values });
const unchecked = (code, values = {}) => ({ verdict: "unchecked", code, values });

/** Step 1. Leaves the record in `known`, or why there is none: junk, or an entry that an erasure put in its place. */
function checkBytes({ position, record, erasure }, known) {
  const length = record.length;
  const entry = ENTRY.exec(decoded(record) ?? "");
  if (entry && isErased(position, entry, erasure)) {
    known.absent = "withheld";
    return unchecked("withheld", { length, commit: entry[2], erased_by: erasure.position });
  }
  if (!(decoded(record.subarray(0, CLAIM.length)) ?? "").startsWith(CLAIM)) {
    known.absent = "junk";
    return unchecked("junk", { length });
  }
  known.record = readRecord(record);
  const { envelope, act } = known.record;
  const { id, type, actor, time, attestation } = envelope;
  const values = { length, equal: length, act_length: act.length, id, type, actor, time, attestation };
  const member = contradiction(known.record, position);
  return member ? differs("members_disagree", { ...values, member }) : holds(values);
}

/** Whether an erasure further on names the entry that stands at a position. Its own proof is another one. */
function isErased(position, [, index, commit], erasure) {
  if (!erasure || erasure.position <= position || Number(index) !== position - 1) return false;
  const { envelope, data } = readRecord(erasure.record);
  if (TYPE.exec(envelope.type)?.[1] !== "erasure" || !Array.isArray(data.records)) return false;
  return data.records.some((each) => each.position === position && each.commit === commit);
}

/** The member that contradicts the others, the act or the position; empty where none does. */
function contradiction({ envelope: e, data }, position) {
  const [, act, version] = TYPE.exec(e.type) ?? [];
  const [side, officer] = e.actor.split("/");
  if (act === undefined || act !== data.act || (act === "channel-opening") !== (position === 1)) return "type";
  if (e.dataschema !== `urn:dragoman:schema:${act}:${version}`) return "dataschema";
  if (!FAMILIES.includes(e.family)) return "family";
  if (!isSourceOf(e.source, side, officer)) return "source";
  if (Number(e.decided) >= position) return "decided";
  if (e.releasedby !== undefined && (e.releasedby === e.actor || !e.releasedby.startsWith(`${side}/`))) return "releasedby";
  const isSigned = Object.hasOwn(data, "signed"); // a genesis alone is of its authors without that
  return (e.attestation === "author") === (position === 1 || isSigned) && !(position === 1 && isSigned) ? "" : "attestation";
}

function isSourceOf(source, side, officer) {
  if (side === "service") return source === `/services/${officer}`;
  return officer === "root" ? source === `/sides/${side}` : source.startsWith(`/sides/${side}/offices/`);
}

/** Step 2. Every signature must hold, and those must have signed whom the act asks for. */
async function checkAuthor(material, { record, absent }) {
  if (record === undefined) return unchecked(absent);
  const { envelope: e, act } = record;
  const message = pae(PAYLOAD_TYPE, act);
  const values = {
    attestation: e.attestation, actor: e.actor, releasedby: e.releasedby ?? "", payload_type: PAYLOAD_TYPE,
    act_length: act.length, signed_length: message.length,
  };
  if (e.attestation === "host") return unchecked(e.actor.startsWith("service/") ? "service" : "host_attested", values);
  const member = await disagreement(record, material);
  if (member) return differs("signed_disagrees", { ...values, member });
  const signatures = readSignatures(e.signatures);
  if (signatures === null) return differs("signatures_unreadable", values);
  const keys = await keysFor(record, material);
  const rows = [];
  for (const [keyid, signature] of signatures) rows.push(await signatureRow(keyid, signature, message, keys.get(keyid), material.position));
  const code = rows.find((row) => row.code)?.code ?? unsigned(record, material, rows);
  const told = { ...values, signatures: rows.map(({ added, ...row }) => row) };
  if (code) return differs(code, told);
  return material.custody === "host" ? unchecked("host_keys", told) : holds(told);
}

/** The member of `signed` that does not agree with the record, the channel or the position; of a genesis, its cid. */
async function disagreement({ envelope: e, act, data }, { position, cid }) {
  if (position === 1) return (await cidOf(act)) === cid ? "" : "channel";
  const { channel, type, exchange, id, author, after, seen, ...others } = data.signed ?? {};
  const opens = e.subject === e.id;
  const expected = { channel: cid, type: e.type, exchange: opens ? "" : e.subject, id: e.id, author: e.actor };
  const wrong = Object.entries({ channel, type, exchange, id, author }).find(([member, value]) => value !== expected[member]);
  if (wrong) return wrong[0];
  if (!(after === "" || (!opens && DIGEST.test(after)))) return "after";
  const isSeen = Number.isInteger(seen?.size) && seen.size >= 1 && seen.size < position && fromBase64(seen.root, 32) !== null;
  if (!isSeen) return "seen";
  return Object.keys(others)[0] ?? "";
}

const cidOf = async (act) => hex(await sha256("dragoman-channel/v1\n", act));

/** The signatures by key id, or null where they are not written as they must be: sorted, once each, in canonical base64. */
function readSignatures(text) {
  const found = text.split(" ").map((item) => [item.slice(0, 64), item[64] === ":" ? fromBase64(item.slice(65), 64) : null]);
  const sound = found.every(([keyid, signature], at) => DIGEST.test(keyid) && signature && (at === 0 || found[at - 1][0] < keyid));
  return sound && found.length <= AUTHORS ? found : null;
}

/** Whose keys may stand under an act: those handed over, those that the act itself adds, and of a genesis none but its roots. */
async function keysFor({ envelope, data }, { keys, position }) {
  const found = new Map();
  for (const [keyid, { public: publicKey, owner, since, until }] of position === 1 ? [] : Object.entries(keys ?? {})) {
    found.set(keyid, { publicKey, owner, since, until: until ?? 0, added: false });
  }
  for (const { publicKey, owner, added } of keysNamedBy(envelope, data)) {
    const keyid = hex(await sha256(fromBase64(publicKey, 32) ?? []));
    found.set(keyid, { publicKey, owner, since: added ? position : 0, until: 0, added });
  }
  return found;
}

function keysNamedBy({ actor }, data) {
  const of = (keys, owner, added) => (Array.isArray(keys) ? keys : []).map((publicKey) => ({ publicKey, owner, added }));
  const side = actor.split("/")[0];
  switch (data.act) {
    case "channel-opening":
      return (Array.isArray(data.sides) ? data.sides : []).flatMap((each) => of(each.roots, `${each.name}/root`, false));
    case "officer":
    case "key-addition":
      return of(data.keys, `${side}/${data.officer}`, true);
    case "root-rotation":
      return of(data.roots, `${side}/root`, true);
    case "side-admission":
      return of(data.side?.roots, `${data.side?.name}/root`, true);
    default:
      return [];
  }
}

async function signatureRow(keyid, signature, message, key, position) {
  const { owner = "", since = 0, until = 0, added = false } = key ?? {};
  const code = key === undefined ? "unknown_key" : await signatureFault(keyid, signature, message, key, position);
  return { keyid, owner, since, until, added, verdict: code ? "differs" : "holds", code };
}

async function signatureFault(keyid, signature, message, key, position) {
  const publicKey = fromBase64(key.publicKey, 32);
  if (publicKey === null || hex(await sha256(publicKey)) !== keyid) return "key_id";
  if (!isSound(publicKey)) return "weak_key";
  const isValid = key.since < position && (key.until === 0 || key.until >= position);
  if (!isValid && !key.added) return "key_not_valid";
  return (await isSignature(publicKey, message, signature)) ? "" : "signature";
}

/** Who has not signed and should have, or has and should not; empty where all is as it must be. */
function unsigned({ envelope: e, data }, { sides, position }, rows) {
  if (position === 1) return data.sides.every((each) => isRoot(rows, each)) ? "" : "below_threshold";
  const side = e.actor.split("/")[0];
  const owners = rows.filter((row) => !row.added).map((row) => row.owner);
  const signing = new Set(owners.map((owner) => owner.split("/")[0]));
  if (rows.filter((row) => row.added).length < addedWanted(data)) return "new_key_unsigned";
  if (["erasure", "side-admission", "log-handover", "channel-end"].includes(data.act)) {
    if (!sides.every(({ name, observer }) => observer || signing.has(name))) return "side_unsigned";
  } else if ([...signing].some((each) => each !== side)) return "other_side";
  if (e.releasedby !== undefined && !owners.includes(e.releasedby)) return "second_unsigned";
  if (!owners.includes(e.actor)) return "actor_unsigned";
  return e.actor !== `${side}/root` || isRoot(rows, sides.find(({ name }) => name === side)) ? "" : "below_threshold";
}

/** Whether the roots of all these sides have signed a record of a channel, and nobody else has. Throws `Unreadable`. */
export async function isOfRoots(bytes, sides, cid) {
  const { envelope, act, data } = readRecord(bytes);
  const roots = { envelope, data: { act: "channel-opening", sides } };
  const keys = await keysFor(roots, { position: 1 });
  const message = pae(PAYLOAD_TYPE, act);
  const rows = [];
  for (const [keyid, signature] of readSignatures(envelope.signatures ?? "") ?? []) {
    rows.push(await signatureRow(keyid, signature, message, keys.get(keyid), 1));
  }
  return data.signed?.channel === cid && rows.every(({ verdict }) => verdict === "holds") && sides.every((side) => isRoot(rows, side));
}

/** Whether as many of a side's root keys have signed as it asks for; each key stands in one row. */
function isRoot(rows, { name, threshold }) {
  return threshold >= 1 && rows.filter((row) => !row.added && row.owner === `${name}/root`).length >= threshold;
}

/** How many of the keys that an act adds must sign it themselves. */
function addedWanted(data) {
  if (data.act === "officer" || data.act === "key-addition") return data.keys?.length ?? 0;
  if (data.act === "root-rotation") return data.threshold ?? 1;
  return data.act === "side-admission" ? data.side.threshold : 0;
}

/** Step 3. An entry that stands for a record is its own leaf. */
async function checkLeaf({ position, record, entry: expected }, known) {
  const index = position - 1;
  const commit = known.absent === "withheld" ? ENTRY.exec(decoded(record))[2] : hex(await sha256("dragoman-commit/v1\n", record));
  const entry = `dragoman-entry/v1\nindex ${index}\ncommit ${commit}\n`;
  known.leaf = await leafHash(entry);
  const values = { index, commit, entry, leaf: hex(known.leaf), expected: expected ?? "" };
  return (expected ?? entry) === entry ? holds(values) : differs("other_entry", values);
}

/** Step 4. Rests on the proof's file alone; whether its head is the one that was signed is seen next. */
async function checkPath({ position, proof }, known) {
  const { index, hashes, checkpoint } = parseProof(proof);
  const { size } = parseCheckpoint(parseNote(checkpoint).text);
  const values = { index, expected_index: position - 1, size, siblings: hashes.length, expected_siblings: 0, path: [], root: "" };
  if (index !== position - 1) return differs("other_index", values);
  if (index >= size) return differs("beyond_size", values);
  values.expected_siblings = sidesOf(index, size).length;
  const path = await foldPath(index, size, known.leaf, hashes);
  if (path === null) return differs("path_length", values);
  known.proofSize = size;
  known.folded = path.at(-1)?.hash ?? hex(known.leaf);
  return holds({ ...values, path, root: known.folded });
}

/** Step 5. */
function checkRoot({ checkpoint, proof }, known) {
  known.note = parseNote(checkpoint ?? parseProof(proof).checkpoint);
  known.head = parseCheckpoint(known.note.text);
  const { size, root } = known.head;
  const values = { size, proof_size: known.proofSize, computed: known.folded, expected: hex(root), expected_base64: base64(root) };
  if (size !== known.proofSize) return differs("other_size", values);
  return known.folded === hex(root) ? holds(values) : differs("other_root", values);
}

/** Step 6. The key is that of the head's size. With the genesis, the log's key is the one that every side signed there, and the cid is what to hold against one's own notes. */
async function checkHead({ log, later, genesis, cid }, known) {
  const { origin, size } = known.head;
  const first = await parseVerifier(log);
  const verifier = await keyAt(log, later, size);
  const { name, type, id, publicKey } = verifier;
  const since = handoverAt(later, size)?.since ?? 0;
  const values = { origin, expected_origin: name, size, key_id: id, key: base64(publicKey), note: known.note.text, cid: "", since };
  if (type !== ED25519) return differs("key_unreadable", { ...values, why: "not_of_a_log" });
  if (genesis) {
    const { act, data } = readRecord(genesis);
    values.cid = await cidOf(act);
    if (values.cid !== cid || data.act !== "channel-opening") return differs("other_channel", { ...values, expected_cid: cid ?? "" });
    if (data.log_key !== base64(first.publicKey) || data.origin !== name) return differs("other_log", values);
    known.agreed = data.policy;
  }
  if (origin !== name) return differs("other_origin", values);
  const { verdict } = await signedBy(known.note, verifier);
  if (verdict === "absent") return differs("unsigned", values);
  return verdict === "holds" ? holds(values) : differs("signature", values);
}

/** Step 7. A cosignature that is wanting may still come; one that does not hold may not. */
async function checkWitnesses({ witnesses, policy, sides, log }, known) {
  const agreed = policy ? await readPolicy(policy, log) : null;
  const names = (sides ?? []).map(({ name }) => name);
  const rows = [];
  for (const each of await witnessesOf(agreed, witnesses ?? [], names)) {
    const { side, name, verifier } = each;
    rows.push({ side, name, key_name: verifier.name, key_id: verifier.id, ...(await signedBy(known.note, verifier)) });
  }
  const cosigned = new Set(rows.filter((row) => row.verdict === "holds").map((row) => row.name));
  const covers = (side) => {
    if (agreed && isNamed(agreed, side)) return isSatisfied(agreed, cosigned, side);
    return rows.some((row) => row.side === side && row.verdict === "holds");
  };
  const isMet = agreed?.quorum ? isSatisfied(agreed, cosigned, agreed.quorum) : rows.every((row) => row.verdict === "holds");
  const values = {
    size: known.head.size, witnesses: rows, covered: names.filter(covers), uncovered: names.filter((side) => !covers(side)),
    quorum: agreed?.quorum ?? "", quorum_state: isMet ? "met" : "open",
  };
  if (rows.some((row) => row.verdict === "differs")) return differs("cosignature", values);
  if (rows.length === 0) return unchecked("no_witnesses", values);
  return isMet ? holds(values) : unchecked("quorum_open", values);
}

/** The witnesses of the policy, each with its side, and those named besides, each key once. */
async function witnessesOf(agreed, named, sides) {
  const found = [];
  for (const [name, verifier] of agreed?.witnesses ?? []) {
    const side = sides.find((each) => membersOf(agreed, each).has(name)) ?? "";
    found.push({ side, name, verifier });
  }
  for (const { side, name, key } of named) {
    const verifier = await parseVerifier(key);
    if (verifier.type !== COSIGNATURE) throw new Unreadable("key_unreadable", "not_of_a_witness");
    const known = found.find((each) => base64(each.verifier.publicKey) === base64(verifier.publicKey));
    if (known) known.side ||= side;
    else found.push({ side, name, verifier });
  }
  return found;
}

/** A policy (C2SP tlog-policy): `{witnesses, groups, quorum}`, by name; the log's line may be left out. Throws `Unreadable`. */
export async function readPolicy(text, log) {
  const policy = { witnesses: new Map(), groups: new Map(), quorum: null };
  for (const line of text.split("\n")) {
    const words = line.split("#")[0].match(/\S+/g);
    if (words && !(await isPolicyLine(policy, words, log))) throw new Unreadable("policy_unreadable", words.join(" "));
  }
  if (policy.quorum === null) throw new Unreadable("policy_unreadable", "no_quorum");
  return policy;
}

async function isPolicyLine(policy, [word, name, ...rest], log) {
  const isNew = name !== "none" && !isNamed(policy, name);
  switch (word) {
    case "log":
      return name === log && rest.length < 2;
    case "witness":
      if (!isNew || rest.length < 1 || rest.length > 2) return false;
      policy.witnesses.set(name, await parseVerifier(rest[0]));
      return policy.witnesses.get(name).type === COSIGNATURE;
    case "group": {
      const [count, ...members] = rest;
      const threshold = thresholdOf(count, members.length);
      if (!isNew || !threshold || new Set(members).size < members.length || !members.every((each) => isNamed(policy, each))) return false;
      policy.groups.set(name, { threshold, members });
      return true;
    }
    case "quorum":
      if (policy.quorum !== null || rest.length > 0 || !(name === "none" || isNamed(policy, name))) return false;
      policy.quorum = name === "none" ? "" : name;
      return true;
    default:
      return false;
  }
}

/** How many of so many members are asked for; 0 where that is no number of them. */
function thresholdOf(count, members) {
  if (count === "all") return members;
  const asked = count === "any" ? 1 : /^[0-9]{1,4}$/.test(count) ? Number(count) : 0;
  return asked <= members ? asked : 0;
}

/** Whether a policy can be satisfied without the witnesses of a side. */
export function isWithout(policy, side) {
  const own = membersOf(policy, side);
  const others = new Set([...policy.witnesses.keys()].filter((name) => !own.has(name)));
  return policy.quorum === "" || isSatisfied(policy, others, policy.quorum);
}

const isNamed = ({ witnesses, groups }, name) => witnesses.has(name) || groups.has(name);

function isSatisfied(policy, cosigned, name) {
  const group = policy.groups.get(name);
  if (group === undefined) return cosigned.has(name);
  return group.members.filter((member) => isSatisfied(policy, cosigned, member)).length >= group.threshold;
}

function membersOf(policy, name) {
  const group = policy.groups.get(name);
  return new Set(group === undefined ? [name] : group.members.flatMap((member) => [...membersOf(policy, member)]));
}

/** Step 8. What this browser kept must itself be a head that this log signed. */
async function checkSeen({ seen, consistency, log, later }, known) {
  const { size, root } = known.head;
  if (!seen) return unchecked("first_visit", { size, root: base64(root) });
  const values = { size, root: base64(root), seen_size: seen.size, seen_root: seen.root, hashes: consistency?.length ?? 0 };
  const seenRoot = fromBase64(seen.root, 32);
  if (seenRoot === null || !(await isKept(seen, known.head, (keptSize) => keyAt(log, later, keptSize)))) return differs("kept_head", values);
  if (seen.size > size) return differs("shorter", values);
  if (seen.size === size) return seen.root === base64(root) ? holds(values) : differs("other_root", values);
  if (!consistency) return unchecked("no_consistency", values);
  const hashes = consistency.map((text) => fromBase64(text, 32));
  const isBeginning = !hashes.includes(null) && (await verifyConsistency(seen.size, size, seenRoot, root, hashes));
  return isBeginning ? holds(values) : differs("not_consistent", values);
}

async function isKept(seen, head, keyOf) {
  if (!Number.isSafeInteger(seen.size) || seen.size < 0) return false;
  if (!seen.note) return true;
  const note = parseNote(seen.note);
  const kept = parseCheckpoint(note.text);
  if (kept.origin !== head.origin || kept.size !== seen.size || base64(kept.root) !== seen.root) return false;
  return holdsUnder(note, await keyOf(kept.size));
}

// The proof

const CHECKS = {
  bytes: checkBytes,
  author: checkAuthor,
  leaf: checkLeaf,
  path: checkPath,
  root: checkRoot,
  head: checkHead,
  witnesses: checkWitnesses,
  seen: checkSeen,
};
const CORE = ["bytes", "leaf", "path", "root", "head"];

async function step(check, material, known) {
  try {
    return await check(material, known);
  } catch (error) {
    if (error instanceof Unreadable) return differs(error.code, error.values);
    if (error instanceof NoEd25519) return unchecked("no_ed25519");
    if (error instanceof TypeError) return differs("material_unreadable", { why: error.message }); // members of another kind
    throw error;
  }
}

function verdictOf(steps) {
  if (steps.some(({ verdict }) => verdict === "differs")) return "differs";
  return steps.every(({ key, verdict }) => verdict === "holds" || !CORE.includes(key)) ? "holds" : "unchecked";
}

/** What the proof does not show, whatever it came to: of the last ones each is left out where a step has shown it. */
function scopeOf(material, steps, known) {
  const isShown = (wanted) => steps.some(({ key, verdict }) => key === wanted && verdict === "holds");
  return [
    "read", // that anybody has read it
    "true", // that what it says is so
    "holder", // who held the key
    "legal", // that the record was legal at its position: only a replay of the whole log tells
    "newest", // that nothing was recorded since
    "page", // that whoever served this page served the one that it should be
    ...(material.position === 1 ? [] : ["owners"]), // whose the keys were, between which positions: the server's word
    ...(material.genesis && isShown("head") ? [] : ["log_key"]), // that the log's key is the one that every side signed
    ...(isShown("witnesses") ? [] : ["one_log"]), // that others are shown the same log
    ...(known.agreed && known.agreed === material.policy ? [] : ["policy"]), // that the sides named these witnesses
  ];
}

/**
 * Works the proof out. Resolves to `{steps: [{number, key, verdict, code, values}], verdict, scope}`; what is wrong with the
 * material is a step's verdict, and only what is no material at all rejects, with a TypeError.
 *
 * The material is of the server but for `seen`, which this browser kept, and `cid`, which a reader should hold against notes of their own:
 *
 *     position, record                the record's bytes as they stand in the log, a Uint8Array
 *     proof                           the text of its .tlog-proof
 *     log, cid                        the log's verifier key; the channel's id
 *     keys                            {keyid: {public: base64, owner, since, until}}, of everybody whoever signed here
 *     sides                           [{name, threshold, observer}], as they stood before that position
 *
 * and what may be wanting:
 *
 *     checkpoint                      a signed head of the proof's size with more cosignatures than the proof's own copy
 *     custody                         "host" where the host keeps the keys of all sides
 *     policy, witnesses               the policy in force, as text; [{side, name, key}] of witnesses named besides
 *     entry                           the leaf entry that the log serves, as text: tells a changed record from a wrong path
 *     later                           [{since, log}] of the handovers of the log, which evidence.js has proved
 *     genesis                         position 1's bytes, a Uint8Array: binds the log's key, and the policy of old, to the cid
 *     erasure                         {position, record} of the erasure that names a record which is withheld
 *     seen, consistency               {size, root: base64, note}, and the hashes from that head to this one, in base64
 */
export async function prove(material) {
  const { position, record, proof } = material;
  if (!Number.isSafeInteger(position) || position < 1 || !(record instanceof Uint8Array) || typeof proof !== "string") {
    throw new TypeError("a proof needs a position, the record's bytes, and the text of a .tlog-proof");
  }
  const known = {};
  const steps = [];
  let stopped = globalThis.crypto?.subtle ? "" : "no_webcrypto";
  for (const [key, check] of Object.entries(CHECKS)) {
    const found = stopped ? unchecked(stopped) : await step(check, material, known);
    steps.push({ number: steps.length + 1, key, ...found });
    if (found.verdict === "differs") stopped = "after_mismatch";
  }
  return { steps, verdict: verdictOf(steps), scope: scopeOf(material, steps, known) };
}
