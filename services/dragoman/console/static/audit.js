// The proof of a record, worked out in the reader's browser. When the reader presses *Prove it*,
// this script loads proof.js and the data that it needs. It shows the result of each step, and keeps
// the head that it has seen. Both stay in the page, so the proof can be worked out again with the
// network off. The script also copies texts to the clipboard.

import { ask, element, icon, say, words as sentence } from "./page.js";
import { lastSeen, remember } from "./heads.js";

const SHAPES = { holds: ["normal", "tick"], differs: ["critical", "critical"], unchecked: ["off", "off"] };
const PATIENCE_MS = 20_000;
const STEPS = 8;

let given = {};
let prover = null; // proof.js, once it is needed
let kept = null;

const fill = (form = "", values = {}) => form.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
const told = (key, values) => fill(given[key], values);
const unit = (key, values) => fill(given.units[key], values);
const why = ({ code, values }) => fill(given.why[code] ?? code, values);
const written = (seconds) => new Date(seconds * 1000).toISOString().replace("T", " ").replace(".000Z", "Z");

// What the server hands over, and what this browser kept

class Refused extends Error {}

async function asked(address) {
  const answer = await ask(address, { accept: "application/json", patience: PATIENCE_MS });
  const body = await answer.json();
  if (!answer.ok) throw new Refused(body.detail);
  return body;
}

async function gather(place) {
  const { record, genesis, erasure, handovers, ...rest } = await asked(place.dataset.prove);
  const material = {
    ...rest,
    record: prover.fromBase64(record),
    genesis: prover.fromBase64(genesis),
    erasure: erasure ? { position: erasure.position, record: prover.fromBase64(erasure.record) } : null,
    seen: lastSeen(rest.cid),
    consistency: null,
  };
  const head = headOf(material);
  if (head && handovers.length) material.later = await (await import("./evidence.js")).handoversOf(handovers, head.note, rest);
  if (material.seen && head && material.seen.size < head.size) {
    const address = `${place.dataset.consistency}?from=${material.seen.size}&to=${head.size}`;
    material.consistency = (await asked(address).catch(() => null))?.hashes ?? null;
  }
  return material;
}

/** The head under which a proof is, as far as it can be read. */
function headOf({ proof }) {
  try {
    const note = prover.parseProof(proof).checkpoint;
    const { size, root } = prover.parseCheckpoint(prover.parseNote(note).text);
    return { size, root: prover.base64(root), note };
  } catch (error) {
    if (error instanceof prover.Unreadable) return null;
    throw error;
  }
}

/** Keep the head, unless what was kept before speaks against it. */
function keep(material, steps) {
  const verdicts = Object.fromEntries(steps.map((step) => [step.key, step]));
  const goesOn = verdicts.seen.verdict === "holds" || verdicts.seen.code === "first_visit";
  if (verdicts.head.verdict === "holds" && goesOn) remember(material.cid, headOf(material));
}

// What is shown

const code = (text) => element("code", { className: "break", textContent: text });
const line = (text) => element("span", { className: "break", textContent: text });
const bytes = (text) => element("pre", { className: "bytes", tabIndex: 0, textContent: text });

function rows(computed, expected) {
  const list = element("dl", { className: "comparison" });
  for (const [name, parts] of [["computed", computed], ["expected", expected]]) {
    if (parts.length) list.append(element("div", {}, element("dt", { textContent: told(name) }), element("dd", {}, ...parts)));
  }
  return list;
}

const DETAILS = {
  bytes: ({ equal, length, act_length: act }) =>
    rows(equal === undefined ? [] : [line(unit("bytes", { n: equal, m: length, a: act ?? 0 }))], [line(unit("bytes_expected", { m: length ?? 0 }))]),
  author: ({ signatures = [], signed_length: length }) =>
    rows(signatures.map(signature), length === undefined || !signatures.length ? [] : [line(unit("signed", { n: length }))]),
  leaf: ({ commit, leaf, index, entry, expected }) =>
    rows([line(unit("commit")), code(commit), line(unit("leaf", { n: index })), code(leaf), bytes(entry)], expected ? [bytes(expected)] : []),
  path: ({ path = [], siblings, expected_siblings: wanted, root, size }) =>
    element("div", {}, rows([line(unit("siblings", { n: siblings ?? 0 })), code(root ?? "")], [line(unit("siblings", { n: wanted ?? 0 })), line(unit("head", { n: size ?? 0 }))]), ...(path.length ? [way(path)] : [])),
  root: ({ computed, expected, expected_base64: encoded, size, proof_size: own }) =>
    rows([line(unit("head", { n: own ?? 0 })), code(computed ?? "")], [line(unit("head", { n: size })), code(expected), code(encoded)]),
  head: ({ note, origin, expected_origin: wanted, key, cid, since }) =>
    rows([line(`${unit("origin")}: ${origin ?? ""}`), bytes(note ?? ""), ...(since ? [line(unit("handed", { n: since }))] : [])], [line(`${unit("origin")}: ${wanted ?? ""}`), line(unit("key")), code(key ?? ""), ...(cid ? [line(unit("cid")), code(cid)] : [])]),
  witnesses: ({ witnesses = [], covered = [], uncovered = [] }) =>
    rows(witnesses.map(witness), witnesses.length ? [line(unit("covered", { who: covered.join(", ").toUpperCase() })), ...(uncovered.length ? [line(unit("uncovered", { who: uncovered.join(", ").toUpperCase() }))] : [])] : []),
  seen: ({ size, root, seen_size: before, seen_root: was, hashes }) =>
    before === undefined
      ? rows([line(unit("first", { n: size, root }))], [])
      : rows([line(unit("grown", { n: hashes, m: size })), code(root)], [line(unit("seen", { n: before, root: was }))]),
};

function signature({ keyid, owner, since, added, verdict, code: fault }) {
  const text = unit(added ? "signature_new" : since ? "signature" : "signature_root", { who: owner, n: since });
  return element("span", {}, icon(verdict === "holds" ? "tick" : "critical"), ` ${text} `, code(keyid), fault ? ` ${why({ code: fault, values: {} })}` : "");
}

function witness({ name, key_name: key, verdict, time }) {
  const known = { holds: "cosigned", absent: "not_cosigned", differs: "spoilt" }[verdict];
  const shape = { holds: "tick", absent: "none", differs: "critical" }[verdict];
  return element("span", {}, icon(shape), ` ${unit(known, { name: `${name} (${key})`, t: time ? written(time) : "" })}`);
}

function way(path) {
  const head = element("tr", {}, ...["up", "where", "sibling", "so_far"].map((key) => element("th", { scope: "col", textContent: unit(key) })));
  const body = path.map(({ level, side, sibling, hash }) =>
    element("tr", {}, ...[line(level), line(unit(side)), element("code", { textContent: sibling }), element("code", { textContent: hash })].map((part) => element("td", {}, part))));
  const table = element("table", { className: "log" }, element("thead", {}, head), element("tbody", {}, ...body));
  const scroll = element("div", { className: "wide-scroll", tabIndex: 0 }, table);
  table.setAttribute("aria-label", unit("path"));
  scroll.setAttribute("role", "group");
  scroll.setAttribute("aria-label", unit("path"));
  return scroll;
}

function showStep(place, step) {
  const [level, shape] = SHAPES[step.verdict];
  const shown = place.querySelector(`[data-step="${step.key}"]`);
  shown.dataset.state = level;
  shown.dataset.verdict = step.verdict;
  shown.querySelector(":scope > .i use").setAttribute("href", `#i-${shape}`);
  shown.querySelector("[data-said]").textContent = step.verdict === "holds" ? told("holds") : told(step.verdict, { why: why(step) });
  const hasValues = Object.keys(step.values ?? {}).some((name) => name !== "why");
  shown.querySelector("[data-detail]").replaceChildren(line(given.compared[step.key]), ...(hasValues ? [DETAILS[step.key](step.values)] : []));
}

function showOutcome(place, verdict, text) {
  const [level, shape] = SHAPES[verdict];
  const shown = place.querySelector("[data-proved]");
  shown.dataset.state = level;
  shown.querySelector("use").setAttribute("href", `#i-${shape}`);
  shown.querySelector("b").textContent = text;
}

function outcome({ steps, verdict }) {
  const count = steps.filter((step) => step.verdict === "holds").length;
  const failed = steps.find((step) => step.verdict === "differs");
  if (failed) return told("fails", { n: failed.number, name: given.names[failed.key] });
  if (count === STEPS) return told("all");
  return verdict === "holds" ? told("holds_but", { n: count }) : told("nothing", { why: why(steps.find((step) => step.verdict !== "holds")) });
}

function showNothing(place, reason) {
  const text = told("nothing", { why: reason });
  showOutcome(place, "unchecked", text);
  for (const shown of place.querySelectorAll("[data-step] [data-said]")) shown.textContent = text;
}

// Working it out

async function workOut(place) {
  const found = await prover.prove(kept);
  if (!place.isConnected) return;
  for (const step of found.steps) showStep(place, step);
  showOutcome(place, found.verdict, outcome(found));
  const scope = place.querySelector("[data-scope]");
  scope.querySelector("ul").replaceChildren(...found.scope.map((name) => element("li", { textContent: given.limits[name] })));
  scope.hidden = false;
  place.querySelector("[data-offline]").hidden = false;
  keep(kept, found.steps);
}

function begin() {
  copying();
  const place = document.querySelector("[data-prove]");
  if (!place) return;
  given = JSON.parse(document.getElementById("proof-words").dataset.words);
  kept = null;
  showOutcome(place, "unchecked", told("not_yet"));
  place.querySelector("[data-begin]").hidden = false;
  if (location.hash === "#proof") proveIn(place); // the reader has pressed *Proof* of a message
}

async function proveIn(place) {
  showOutcome(place, "unchecked", told("working"));
  try {
    prover ??= await import("./proof.js");
    kept ??= await gather(place);
    await workOut(place);
  } catch (error) {
    showNothing(place, error instanceof TypeError ? fill(given.why.material_unreadable, { why: error.message }) : told("no_material", { why: error.message }));
  }
}

document.addEventListener("click", (event) => {
  const press = event.target.closest("[data-begin]");
  if (press) proveIn(press.closest("[data-prove]"));
});

// Copying

function copying() {
  if (!navigator.clipboard) return;
  for (const press of document.querySelectorAll("[data-copy]")) press.hidden = false;
}

document.addEventListener("click", async (event) => {
  const press = event.target.closest("[data-copy]");
  if (!press) return;
  await navigator.clipboard.writeText(press.dataset.copy);
  say(sentence("copied"));
});

document.addEventListener("travelled", begin);
begin();
