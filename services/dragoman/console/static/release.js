// Verifies a published bundle in the reader's own browser. The format is
// schemas/dragoman_schemas/release_bundle.py. The script trusts nothing of the server but the
// log's key. The bundle names the key, and a side must have told it to the reader.
//
//   1 head       the log signed the head (C2SP signed-note), by the key to which it was handed over
//                last: the root keys of every side have signed that
//   2 records    each record's commitment leads to the root of that head (C2SP tlog-proof)
//   3 sides      the opening of the channel names this log and these sides; an observer is none
//   4 text       the release's own records give exactly this text, and its SHA-256 is the terms
//   5 consents   each side consented to these terms, by two officers, and nothing in the bundle
//                takes a consent back
//   6 published  the shown content of each record is the content that the text lists; for the
//                members alone, no record has a member that names an officer
//
// services/dragoman/domain/release_bundle.py takes the same steps.
// tests/browser/test_release_pages.py tries both against the same lies.

import { foldPath, handoverAt, hex, holdsUnder, isOfRoots, keyAt, leafHash, parseCheckpoint, parseNote, parseProof, parseVerifier, sha256, verifierText } from "./proof.js";

const BESIDE = ["act", "signed", "precedence", "area", "dtg", "for_the_record", "passed_by", "acting_for"];
const CONSENTS = ["release-consent", "amendment", "amendment-agreement"];
const NAMING = ["signed", "acting_for", "passed_by"];

class NotProved extends Error {}

function must(holds, why) {
  if (!holds) throw new NotProved(why);
}

const sideOf = (actor) => actor.split("/")[0];
const digest = async (text) => hex(await sha256(text));
const commitOf = async (each) => (each.record ? hex(await sha256("dragoman-commit/v1\n", each.record)) : each.commit);

/** Whether two values of JSON are the same, whatever the order of members. */
function same(one, other) {
  if (typeof one !== "object" || one === null || typeof other !== "object" || other === null) return one === other;
  const names = Object.keys(one);
  return Array.isArray(one) === Array.isArray(other) && names.length === Object.keys(other).length && names.every((name) => same(one[name], other[name]));
}

/** The handovers of the log that the root keys of every side have signed: `[{since, log}]`. Only a replay follows others. */
async function handoversIn({ opening, cid }, origin) {
  const sides = [];
  const later = [];
  for (const { position, record } of opening) {
    const { data } = JSON.parse(record);
    sides.push(...[data.sides ?? data.side ?? []].flat().filter(({ observer }) => observer !== true));
    if (data.act !== "log-handover" || data.epoch !== later.length + 1) continue;
    if (await isOfRoots(new TextEncoder().encode(record), sides, cid)) later.push({ since: position, log: await verifierText(origin, data.key) });
  }
  return later;
}

async function provePlace(each, log, later) {
  const proof = parseProof(each.proof);
  const note = parseNote(proof.checkpoint);
  const head = parseCheckpoint(note.text);
  const verifier = await keyAt(log, later, head.size);
  must(await holdsUnder(note, verifier), "head");
  must(head.origin === verifier.name && proof.index === each.position - 1, "place");
  const leaf = await leafHash(`dragoman-entry/v1\nindex ${proof.index}\ncommit ${await commitOf(each)}\n`);
  const path = await foldPath(proof.index, head.size, leaf, proof.hashes);
  must(path && (path.at(-1)?.hash ?? hex(leaf)) === hex(head.root), "path");
  return head.size;
}

async function sidesOf(bundle, verifier) {
  const [genesis, ...admissions] = bundle.opening;
  const opened = JSON.parse(genesis.record).data;
  must(genesis.position === 1 && opened.act === "channel-opening", "opening");
  const act = genesis.record.slice(genesis.record.indexOf(',"data":') + 8, -1);
  must(opened.name === bundle.channel && (await digest(`dragoman-channel/v1\n${act}`)) === bundle.cid, "channel");
  must(opened.origin === verifier.name && opened.log_key === btoa(String.fromCharCode(...verifier.publicKey)), "log");
  const proposed = Math.min(...bundle.consents.map(({ position }) => position));
  const admitted = admissions.filter(({ position }) => position < proposed).map(({ record }) => JSON.parse(record).data.side ?? []).flat();
  return new Set([...opened.sides, ...admitted].filter(({ observer }) => observer !== true).map(({ name }) => name));
}

/** The release's own records, and the ids of those with two officers behind them that were not taken back. */
function saidOf(bundle) {
  const records = bundle.consents.map(({ record }) => JSON.parse(record));
  must(records.every(({ subject }) => subject === bundle.release), "other_exchange");
  const seconds = records.filter(({ data }) => data.act === "second-key").map(({ data, actor }) => [data.of, actor]);
  for (const record of records) if (record.releasedby) seconds.push([record.id, record.releasedby]);
  const back = new Set(records.filter(({ data }) => data.act === "consent-withdrawal").map(({ data }) => data.of));
  const stands = (record) => seconds.some(([of, by]) => of === record.id && by !== record.actor && sideOf(by) === sideOf(record.actor));
  return { records, counting: new Set(records.filter((record) => stands(record) && !back.has(record.id)).map(({ id }) => id)) };
}

function textOf(bundle, said, sides) {
  const text = {};
  const amendments = new Map();
  const put = (fields) => {
    for (const [name, value] of Object.entries(fields)) if (!BESIDE.includes(name)) text[name] = value;
  };
  for (const { id, actor, data } of said.records) {
    const counts = said.counting.has(id);
    if (data.act === "release" && id === bundle.release) put(data);
    if (data.act === "correction") put(data.fields);
    if (data.act === "amendment") amendments.set(id, { fields: data.fields, takers: new Set(counts ? [sideOf(actor)] : []) });
    if (data.act === "amendment-agreement" && counts) amendments.get(data.of)?.takers.add(sideOf(actor));
  }
  for (const { fields, takers } of amendments.values()) if ([...sides].every((side) => takers.has(side))) put(fields);
  return text;
}

async function provePublished(item, given) {
  must((await commitOf(given)) === item.commit, "record");
  if (item.without) must(!given.record && (!given.extract || (await digest(given.extract)) === item.extract), "extract");
  else must(!given.extract, "extract");
}

/** Prove a bundle: `{sides, head, since}`, the last being the record from which on another key signs the log, or 0. Throws where it does not prove what it says. */
export async function prove(bundle) {
  const verifier = await parseVerifier(bundle.log);
  const later = await handoversIn(bundle, verifier.name);
  let head = 0;
  for (const each of [...bundle.opening, ...bundle.consents, ...bundle.records]) head = Math.max(head, await provePlace(each, bundle.log, later));
  const sides = await sidesOf(bundle, verifier);
  must(same(bundle.sides, [...sides].sort()), "sides");
  const said = saidOf(bundle);
  const text = JSON.parse(bundle.text);
  must(Date.parse(bundle.publish_at) === Date.parse(text.publish_at), "time");
  must(same(text, textOf(bundle, said, sides)), "text");
  must((await digest(`dragoman-terms/v1\n${bundle.release}\ntext\n${bundle.text}`)) === bundle.terms, "terms");
  const agreed = said.records.filter(({ id, data }) => said.counting.has(id) && (data.act === "release" || (CONSENTS.includes(data.act) && data.terms === bundle.terms)));
  const behind = new Set(agreed.map(({ actor }) => sideOf(actor)));
  must([...sides].every((side) => behind.has(side)), "consents");
  must(text.records.length === bundle.records.length, "records");
  must(text.audience !== "members" || text.records.every(({ without }) => NAMING.every((name) => without?.includes(name))), "members");
  for (const [at, item] of text.records.entries()) await provePublished(item, bundle.records[at]);
  return { sides: [...sides].sort(), head, since: handoverAt(later, head)?.since ?? 0 };
}

async function show(place) {
  const said = place.querySelector("b");
  const detail = place.querySelector("small");
  if (!globalThis.crypto?.subtle) {
    said.textContent = place.dataset.wanting;
    return;
  }
  try {
    const answer = await fetch(place.dataset.bundle, { headers: { Accept: "*/*" } });
    const raw = await answer.text();
    must(answer.ok && (!place.dataset.sha256 || (await digest(raw)) === place.dataset.sha256), "file");
    const bundle = JSON.parse(raw);
    must(!place.dataset.release || (bundle.cid === place.dataset.cid && bundle.release === place.dataset.release && bundle.terms === place.dataset.terms), "source");
    const { since } = await prove(bundle);
    place.dataset.state = "normal";
    said.textContent = place.dataset.proved;
    detail.textContent = since ? `${bundle.log}. ${place.dataset.handed.replace("{n}", since).replace("{cid}", bundle.cid)}` : bundle.log;
  } catch (error) {
    const isWanting = error?.name === "NotSupportedError";
    place.dataset.state = isWanting ? "caution" : "critical";
    said.textContent = isWanting ? place.dataset.wanting : place.dataset.failed;
    detail.textContent = error instanceof NotProved ? error.message : String(error);
  }
}

const place = globalThis.document?.querySelector("[data-bundle]");
if (place) show(place);
