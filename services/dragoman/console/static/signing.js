// Signs with a key that this browser made and cannot give out. Before it signs, it verifies the
// data of the server. The act must be the one that the page shows, and must be bound to this
// channel. The head that the act names must be signed by the log, and must continue the head that
// this browser has seen.
//
//   key        Ed25519 in IndexedDB, not extractable, one for each channel and officer; the log's
//              key of the time of its making is stored beside it
//   signature  over DSSE's pre-authentication encoding of the act's bytes (record.md §4)

import { ask, element, page, words } from "./page.js";
import { base64, fromBase64, hex, holdsUnder, pae, parseCheckpoint, parseNote, parseVerifier, sha256, Unreadable, verifyConsistency } from "./proof.js";
import { lastSeen, remember } from "./heads.js";

const PAYLOAD_TYPE = "application/vnd.dragoman.act.v1+json";
const STORE = "keys";
const PATIENCE_MS = 8000;

/** Why nothing was signed: a code, for which the page has a sentence. */
export class Unsigned extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

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

async function verifiedHead({ cid, log, head: note, consistency }) {
  const parts = parseNote(note);
  const { origin, size, root } = parseCheckpoint(parts.text);
  const verifier = await parseVerifier(log);
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

// The act that a press stands for: of this name, in the exchange and about the message that the form names, as the page shows it.
function isMeant(act, body, name, shown) {
  const data = JSON.parse(act);
  return data.act === name
    && (shown === null || act === shown)
    && (!body.has("officer") || data.officer === body.get("officer"))
    && (!body.has("of") || !("of" in data) || data.of === body.get("of"))
    && (!body.has("exchange") || data.signed.exchange === body.get("exchange"));
}

/** What a form would record is asked for, and signed: the fields to send with it, none where no signature is asked. Throws `Unsigned`. */
export async function signatureFor(action, body, name, shown = null) {
  const asking = new URLSearchParams(body);
  asking.set("sign", "ask");
  const answer = await ask(action, { method: "POST", body: asking, accept: "application/json", patience: PATIENCE_MS });
  if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("application/json")) return null; // sent as it is, the answer says what is wrong
  const asked = await answer.json();
  if (!asked.act) return {};
  if (!isMeant(asked.act, body, name, shown)) throw new Unsigned("other_act");
  return sign(asked);
}

/** The sentence for why nothing was signed. */
export const whyUnsigned = (error) => words(`unsigned_${error.code}`);

/** Forms whose button is marked: signed when pressed, then sent. */
export function signForms(fail) {
  addEventListener("submit", async (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || !submitter?.hasAttribute("data-signs") || form.dataset.ready) return;
    event.preventDefault();
    submitter.disabled = true;
    try {
      const body = new URLSearchParams(new FormData(form, submitter));
      if (submitter.name) body.set(submitter.name, submitter.value); // a button that is disabled by now says nothing
      const action = submitter.getAttribute("formaction") ?? form.getAttribute("action") ?? location.href;
      const shown = form.elements.act?.value ?? document.getElementById("act-bytes")?.textContent ?? null;
      const found = await signatureFor(action, body, submitter.dataset.signs, shown);
      for (const [name, value] of Object.entries(found ?? {})) {
        form.querySelector(`input[name="${name}"]`)?.remove();
        form.append(element("input", { type: "hidden", name, value }));
      }
      form.dataset.ready = "yes";
      if (!form.isConnected) document.body.append(form); // the board was exchanged meanwhile; what was pressed is still meant
      submitter.disabled = false;
      form.requestSubmit(submitter);
    } catch (error) {
      submitter.disabled = false;
      fail(error instanceof Unsigned ? whyUnsigned(error) : words("unsigned_unreachable"));
    }
  });
}
