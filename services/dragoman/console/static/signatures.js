// Signs with a key that this browser made and cannot give out. Before it signs, it verifies the
// data of the server. The act must be the one that the page shows, and must be bound to this
// channel. The head that the act names must be signed by the log, and must continue the head that
// this browser has seen. Handovers of the log to other keys are proved by evidence.js, from the records.
//
//   key        Ed25519 in IndexedDB, not extractable, one for each channel and officer; the log's
//              key of the time of its making is stored beside it
//   signature  over DSSE's pre-authentication encoding of the act's bytes (record.md §4)

import { ask, page } from "./page.js";
import { base64, fromBase64, hex, holdsUnder, keyAt, pae, parseCheckpoint, parseNote, sha256, Unreadable, verifyConsistency } from "./proof.js";
import { lastSeen, remember } from "./heads.js";
import { Unsigned } from "./signing.js";

const PAYLOAD_TYPE = "application/vnd.dragoman.act.v1+json";
const STORE = "keys";
const PATIENCE_MS = 8000;

// Keys

const done = (request) => new Promise((resolve, reject) => {
  request.addEventListener("success", () => resolve(request.result));
  request.addEventListener("error", () => reject(request.error));
});

async function keys(mode, use) {
  const opening = indexedDB.open("dragoman", 1);
  opening.addEventListener("upgradeneeded", () => opening.result.createObjectStore(STORE, { keyPath: "of" }));
  const database = await done(opening);
  try {
    return await done(use(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

const of = (cid) => `${cid} ${page.actor}`;

/** The reader's key in this browser: `{id, publicKey, privateKey, log}`, or undefined. */
export const ownKey = (cid) => keys("readonly", (store) => store.get(of(cid)));

/** Forget it. */
export const forgetKey = (cid) => keys("readwrite", (store) => store.delete(of(cid)));

/** Make one, in place of none. Throws where the browser cannot. */
export async function makeKey(cid, log) {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const made = { of: of(cid), id: hex(await sha256(raw)), publicKey: base64(raw), privateKey: pair.privateKey, log };
  await keys("readwrite", (store) => store.add(made));
  return made;
}

// Signing

async function proved(consistency, older, newer) {
  if (older.size > newer.size) return false;
  if (older.size === newer.size) return older.root === newer.root;
  const answer = await ask(`${consistency}?from=${older.size}&to=${newer.size}`, { accept: "application/json", patience: PATIENCE_MS });
  if (!answer.ok) return false;
  const { hashes } = await answer.json();
  return verifyConsistency(older.size, newer.size, fromBase64(older.root, 32), fromBase64(newer.root, 32), hashes.map((each) => fromBase64(each, 32)));
}

async function verifiedHead({ cid, log, head: note, consistency, handovers }) {
  const parts = parseNote(note);
  const { origin, size, root } = parseCheckpoint(parts.text);
  const later = handovers.length ? await (await import("./evidence.js")).handoversOf(handovers, note, { cid, log }) : [];
  const verifier = await keyAt(log, later, size);
  if (origin !== verifier.name || !(await holdsUnder(parts, verifier))) throw new Unsigned("head_unsigned");
  const head = { size, root: base64(root), note };
  const before = lastSeen(cid);
  if (before && !(await proved(consistency, before, head))) throw new Unsigned("head_goes_back");
  remember(cid, head);
  return head;
}

/** The fields that carry an act and its signature: `{signed, signatures}`. Throws `Unsigned`. */
export async function sign(asked) {
  const key = await ownKey(asked.cid).catch(() => undefined);
  if (!key) throw new Unsigned("no_key");
  if (key.log !== asked.log) throw new Unsigned("other_log");
  try {
    const head = await verifiedHead(asked);
    const { channel, author, seen } = JSON.parse(asked.act).signed;
    if (channel !== asked.cid || author.split("/")[0] !== page.actor.split("/")[0]) throw new Unsigned("other_act");
    if (!(await proved(asked.consistency, seen, head))) throw new Unsigned("head_goes_back");
  } catch (error) {
    if (error instanceof Unreadable) throw new Unsigned("head_unsigned");
    throw error;
  }
  const message = pae(PAYLOAD_TYPE, new TextEncoder().encode(asked.act));
  const signature = new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, key.privateKey, message));
  return { signed: asked.act, signatures: `${key.id}:${base64(signature)}` };
}
