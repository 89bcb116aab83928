// Verifies an evidence file: the records of one exchange, with all that their proof needs. Nothing
// is taken from outside the file but the channel's id and the log's key, which a side wrote down;
// both may be missing. The format is schemas/dragoman_schemas/evidence.py.
//
//   1 opening     every side's root signed it; it names the log's key, and its digest is the cid
//   2 place       each record leads to the root of the head (RFC 6962)
//   3 author      each signature is of a key that an earlier record here entered, and none ended
//   4 head        this key signed it (C2SP signed-note, tlog-checkpoint), or from a handover on the
//                 key to which every side handed the log over
//   5 witnesses   their cosignatures (C2SP tlog-cosignature), by the policy that the sides adopted
//
// Each record goes through the eight steps of proof.js. This script works out whose the keys are,
// how many roots must sign, and which policy is in force. services/dragoman/domain/evidence.py takes
// the same steps. tests/evidence tries both against the same lies.

import { base64, fromBase64, hex, isSound, isWithout, parseCheckpoint, parseNote, prove, readPolicy, sha256, Unreadable, verifierText } from "./proof.js";

const FORMAT = "dragoman-evidence/v1";
const PLACES = ["bytes", "leaf", "path", "root"];
const BY_ROOT = ["root-rotation"];
const BY_KEEPERS = ["officer", "officer-revocation", "key-addition", "side-admission", "policy-adoption", "log-handover"];
const BY_EVERY_SIDE = ["side-admission", "log-handover"];
const REGISTRY_ACTS = [...BY_ROOT, ...BY_KEEPERS, "key-revocation"];

/** What speaks against the file: a code, the position that it is about (0 for none), and values for the words. */
export class Refuted extends Error {
  constructor(code, position = 0, values = {}) {
    super(`${code} at ${position}`);
    Object.assign(this, { code, position, values });
  }
}

const sideOf = (actor) => actor.split("/")[0];
const keyIdOf = async (publicKey) => hex(await sha256(fromBase64(publicKey, 32) ?? new Uint8Array()));

/** The members, keys and policies of a channel, as the records of the file show them. */
class Members {
  constructor(opening) {
    this.sides = opening.sides.map(sideFrom);
    this.custody = opening.custody === "host" ? "host" : "sides";
    this.policy = opening.policy ?? "";
    this.origin = opening.origin;
    this.logKeys = [opening.log_key];
    this.later = [];
    this.keys = {};
    this.officers = {};
    this.policies = {};
  }

  async enter(publicKeys, owner, since, keptBy = "") {
    for (const publicKey of publicKeys) {
      const keyid = await keyIdOf(publicKey);
      if (Object.hasOwn(this.keys, keyid)) throw new Refuted("key_known", since);
      this.keys[keyid] = { public: publicKey, owner, since, until: null, suspect: null, keptBy };
    }
  }

  end(owner, until) {
    for (const key of Object.values(this.keys)) if (key.owner === owner && key.until === null) key.until = until;
  }

  /** Whether an officer in office at a position has a role. */
  hasRole(officer, role, position) {
    const known = this.officers[officer];
    return known !== undefined && known.since < position && (known.until === null || known.until >= position) && known.roles.includes(role);
  }

  /** Whether root of a side, or an administrator in office, is among the keys that signed. */
  consents({ name, threshold }, keyids, position) {
    const owners = keyids.map((keyid) => this.keys[keyid]?.owner).filter(Boolean);
    const isAdministrator = (owner) => sideOf(owner) === name && this.officers[owner]?.until === null && this.hasRole(owner, "administrator", position);
    return owners.filter((owner) => owner === `${name}/root`).length >= threshold || owners.some(isAdministrator);
  }

  /** Refuse a handover of the log that is not valid where it is. */
  async checkHandover({ envelope, data }, position) {
    const policies = [];
    for (const text of new Set([this.policy, ...Object.values(this.policies)])) if (text) policies.push(await readPolicy(text, null));
    const witnesses = policies.flatMap(({ witnesses: named }) => [...named.values()].map(({ publicKey }) => base64(publicKey)));
    const publicKey = fromBase64(data.key, 32);
    const isUsed = [...this.logKeys, ...witnesses].includes(data.key) || Object.hasOwn(this.keys, await keyIdOf(data.key));
    const isAsked = this.policy !== "" && this.sides.every(({ name, observer }) => observer || !isWithout(policies[0], name));
    const isNext = Number(envelope.decided) === position - 1 && data.epoch === this.later.length + 1;
    const isPlaced = data.cut !== true || data.signed.seen.size === position - 1;
    if (publicKey === null || !isSound(publicKey) || isUsed || !isAsked || !isNext || !isPlaced) throw new Refuted("handover", position);
  }

  /** Refuse a change of the members that its actor may not make. */
  check({ envelope, data }, position) {
    const { actor } = envelope;
    const isRoot = actor === `${sideOf(actor)}/root`;
    if (envelope.attestation !== "author") throw new Refuted("not_signed", position);
    const isKeeper = isRoot || this.hasRole(actor, "administrator", position);
    if (BY_ROOT.includes(data.act) && !isRoot) throw new Refuted("not_permitted", position);
    if (BY_KEEPERS.includes(data.act) && !isKeeper) throw new Refuted("not_permitted", position);
    if (BY_EVERY_SIDE.includes(data.act)) {
      const isAgreed = (side) => side.observer || this.consents(side, signersOf(envelope), position);
      if (!this.sides.every(isAgreed)) throw new Refuted("side_unsigned", position);
    }
    if (data.act !== "key-revocation") return;
    const owner = this.keys[data.key]?.owner ?? "";
    if (owner !== actor && !(isKeeper && sideOf(owner) === sideOf(actor))) throw new Refuted("not_permitted", position);
  }

  async take({ envelope, data }, position) {
    const side = sideOf(envelope.actor);
    const officer = `${side}/${data.officer}`;
    switch (data.act) {
      case "officer":
        if (this.officers[officer] !== undefined || data.officer === "root") throw new Refuted("officer_known", position);
        this.officers[officer] = { since: position, until: null, roles: data.roles };
        return this.enter(data.keys ?? [], officer, position, data.kept_by);
      case "officer-revocation":
        if (this.officers[officer] === undefined || this.officers[officer].until !== null) throw new Refuted("officer_unknown", position);
        this.officers[officer].until = position;
        return this.end(officer, position);
      case "key-addition":
        if (this.officers[officer] === undefined || this.officers[officer].until !== null) throw new Refuted("officer_unknown", position);
        return this.enter(data.keys, officer, position, data.kept_by);
      case "key-revocation": {
        const key = this.keys[data.key];
        if (key === undefined) throw new Refuted("key_unknown", position);
        key.until ??= position;
        key.suspect = data.suspect_from ?? null;
        return undefined;
      }
      case "root-rotation":
        return this.rotate(side, data, position);
      case "side-admission":
        this.sides = [...this.sides, sideFrom(data.side)];
        return this.enter(data.side.roots, `${data.side.name}/root`, position);
      case "log-handover":
        await this.checkHandover({ envelope, data }, position);
        this.logKeys.push(data.key);
        this.later.push({ since: position, log: await verifierText(this.origin, data.key) });
        return undefined;
      case "policy-adoption":
        return this.adopt(side, data.policy);
      default:
        return undefined;
    }
  }

  rotate(side, data, position) {
    this.end(`${side}/root`, position);
    this.sides = this.sides.map((each) => (each.name === side ? { ...each, threshold: data.threshold } : each));
    return this.enter(data.roots, `${side}/root`, position);
  }

  adopt(side, policy) {
    this.policies[side] = policy;
    const texts = new Set(this.sides.filter(({ observer }) => !observer).map(({ name }) => this.policies[name] ?? null));
    const [text] = texts;
    if (texts.size === 1 && text !== null) this.policy = text;
  }
}

const sideFrom = ({ name, threshold, observer }) => ({ name, threshold, observer: observer === true });

/** The data of a file from its text. Throws `Refuted`: text that ends too early is `cut`, which is no lie. */
export function readEvidence(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refuted(isCut(text) ? "cut" : "format");
  }
}

/** Whether a text of JSON ends before its last bracket. */
function isCut(text) {
  const bare = text.replaceAll(/"[^"\\]*(?:\\[^][^"\\]*)*"/g, "");
  const count = (brackets) => bare.match(brackets)?.length ?? 0;
  return bare.includes('"') || bare.trim() === "" || count(/[[{]/g) > count(/[\]}]/g);
}

/** The records of a file as bytes, in the order of the log. */
function readRecords(evidence) {
  if (evidence?.format !== undefined && evidence.format !== FORMAT) throw new Refuted("format");
  if (!Array.isArray(evidence?.records) || typeof evidence.checkpoint !== "string" || typeof evidence.exchange !== "string") throw new Refuted("format");
  const records = evidence.records.map(({ position, record, hashes = [] }) => ({ position, text: record, hashes }));
  const isRead = ({ position, text, hashes }) => Number.isSafeInteger(position) && typeof text === "string" && text.isWellFormed() && Array.isArray(hashes);
  if (!records.every(isRead)) throw new Refuted("format");
  const isOrdered = records.every(({ position }, at) => (at === 0 ? position === 1 : records[at - 1].position < position));
  if (records.length === 0 || !isOrdered) throw new Refuted("order");
  return records.map((record) => ({ ...record, raw: new TextEncoder().encode(record.text) }));
}

function readItem({ text, position }) {
  try {
    const envelope = JSON.parse(text);
    return { envelope, data: envelope.data ?? {} };
  } catch {
    throw new Refuted("not_a_record", position, { why: "frame" });
  }
}

async function logOf({ origin, log_key: key }) {
  const text = typeof origin === "string" ? await verifierText(origin, key) : null;
  if (text === null) throw new Refuted("key_unreadable", 1, { why: "verifier_key" });
  return text;
}

/** The act's bytes of a record, as they stand in it. */
const actOf = (text) => new TextEncoder().encode(text.slice(text.indexOf(',"data":') + 8, -1));

/** Prove one record by the keys that the records before it entered. */
async function proveOne(item, file, members) {
  const proof = `c2sp.org/tlog-proof@v1\nindex ${item.position - 1}\n${item.hashes.map((hash) => `${hash}\n`).join("")}\n${file.checkpoint}`;
  return prove({
    position: item.position,
    record: item.raw,
    proof,
    log: file.log,
    cid: file.cid,
    keys: members.keys,
    sides: members.sides,
    custody: members.custody,
    policy: "",
    genesis: file.genesis,
  });
}

/** On whose word a proved record rests. Which key must have signed the head is known after the last one. Throws `Refuted` if it is not proved. */
function wordOf(item, { steps }) {
  const failed = steps.find(({ key, verdict }) => verdict === "differs" && key !== "head");
  if (failed) throw new Refuted(failed.code, item.position, failed.values);
  const lacking = steps.find(({ key, verdict }) => PLACES.includes(key) && verdict !== "holds");
  if (lacking) throw new Refuted(lacking.code, item.position, lacking.values);
  const author = steps.find(({ key }) => key === "author");
  if (author.verdict === "holds") return "author";
  if (author.code === "no_ed25519") throw new Refuted("no_ed25519", item.position);
  return { host_keys: "trial", service: "service" }[author.code] ?? "host";
}

const signersOf = (envelope) => (envelope.signatures ?? "").split(" ").map((each) => each.slice(0, 64)).filter(Boolean);

/**
 * The handovers of a log to other keys: `[{since, log}]`, proved by records under one of its heads. Where those prove nothing, there
 * are none, so that a head of an unproved key is not the log's.
 */
export async function handoversOf(records, checkpoint, noted) {
  try {
    const { subject: exchange } = JSON.parse(records[0].record);
    return (await verifyEvidence({ records, checkpoint, exchange }, noted)).later;
  } catch (error) {
    if (error instanceof Refuted) return [];
    throw error;
  }
}

/**
 * Verifies a file. Resolves to `{channel, cid, log, later, exchange, size, root, sides, isExercise, records, witnesses, cosignedBy, isFinal}`;
 * `records` are `{position, word, act, actor, time, signers, signedFor, belongs, isDisputed, data}`. Throws `Refuted`.
 */
export async function verifyEvidence(evidence, noted = {}) {
  try {
    return await verifiedFile(evidence, noted);
  } catch (error) {
    if (error instanceof Unreadable) throw new Refuted(error.code, 0, error.values);
    if (error instanceof TypeError) throw new Refuted("format"); // members of another kind
    throw error;
  }
}

async function verifiedFile(evidence, { cid = "", log = "" }) {
  const items = readRecords(evidence);
  const opening = readItem(items[0]).data;
  if (opening.act !== "channel-opening" || !Array.isArray(opening.sides)) throw new Refuted("no_opening", 1);
  const file = {
    checkpoint: evidence.checkpoint,
    genesis: items[0].raw,
    channel: opening.name,
    cid: hex(await sha256("dragoman-channel/v1\n", actOf(items[0].text))),
    log: await logOf(opening),
  };
  if (cid && cid !== file.cid) throw new Refuted("other_cid", 1, { cid: file.cid });
  if (log && log !== file.log) throw new Refuted("other_key", 1, { log: file.log });
  const members = new Members(opening);
  for (const { name } of members.sides) await members.enter(opening.sides.find((side) => side.name === name).roots, `${name}/root`, 0);
  const records = [];
  for (const item of items) records.push(await recordOf(item, file, members, evidence.exchange));
  if (log && !cid && members.later.length) throw new Refuted("cid_wanted"); // the cid alone binds the roots that signed the handover
  const witnesses = await cosignersOf(items[0], file, members);
  if (!records.some(({ belongs }) => belongs)) throw new Refuted("no_exchange");
  for (const record of records) record.isDisputed = record.keyids.some((keyid) => isSuspect(members.keys[keyid], record.position));
  const { size, root } = parseCheckpoint(parseNote(evidence.checkpoint).text);
  return {
    channel: opening.name, cid: file.cid, log: file.log, later: members.later, exchange: evidence.exchange, size, root: base64(root),
    sides: members.sides.map(({ name }) => name), isExercise: opening.kind === "exercise", records, ...witnesses,
  };
}

async function recordOf(item, file, members, exchange) {
  const { envelope, data } = readItem(item);
  const word = wordOf(item, await proveOne(item, file, members));
  if (envelope.channel !== file.channel) throw new Refuted("other_channel", item.position);
  const keyids = envelope.attestation === "author" ? signersOf(envelope) : [];
  const signers = word === "author" || word === "trial" ? [...new Set(keyids.map((keyid) => members.keys[keyid]?.owner).filter(Boolean))].sort() : [];
  const keys = keyids.map((keyid) => members.keys[keyid]).filter(Boolean);
  const isKept = (officer) => signers.includes(officer) && keys.every((key) => key.owner !== officer || key.keptBy);
  const signedFor = signers.length ? [envelope.actor, envelope.releasedby].filter(isKept) : [];
  if (item.position > 1 && REGISTRY_ACTS.includes(data.act)) {
    members.check({ envelope, data }, item.position);
    await members.take({ envelope, data }, item.position);
  }
  return {
    position: item.position, word, act: data.act, actor: envelope.actor, time: envelope.time, signers, signedFor, keyids,
    belongs: envelope.subject === exchange, isDisputed: false, data, text: item.text,
  };
}

const isSuspect = (key, position) => key !== undefined && key.suspect !== null && key.until !== null && key.suspect <= position && position < key.until;

/** The witnesses of the policy in force, and which of them cosigned the head. Throws `Refuted` where the log did not sign it. */
async function cosignersOf(item, file, members) {
  const { steps } = await prove({
    position: 1, record: item.raw, proof: `c2sp.org/tlog-proof@v1\nindex 0\n${item.hashes.map((hash) => `${hash}\n`).join("")}\n${file.checkpoint}`,
    log: file.log, later: members.later, cid: file.cid, keys: {}, sides: members.sides, custody: members.custody, policy: members.policy, genesis: file.genesis,
  });
  const [head, step] = ["head", "witnesses"].map((name) => steps.find(({ key }) => key === name));
  if (head.verdict !== "holds") throw new Refuted(head.code, 0, head.values);
  if (step.verdict === "differs") throw new Refuted(step.code, 0, step.values);
  if (members.policy === "") return { witnesses: [], cosignedBy: [], isFinal: false };
  const rows = step.values.witnesses ?? [];
  return {
    witnesses: rows.map(({ name }) => name).sort(),
    cosignedBy: rows.filter(({ verdict }) => verdict === "holds").map(({ name }) => name).sort(),
    isFinal: step.values.quorum_state === "met",
  };
}
