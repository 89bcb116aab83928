// The page of an evidence file: it verifies the file by evidence.js, and shows what was proved. It
// runs inside the file, without a server. Everything that it shows of a record it takes from the
// bytes that were proved. Only the names of acts and members, and the words beside a code, are from
// the producer of the file: nothing proves them, and the page says so. The outcome rests on none.

import { readEvidence, Refuted, verifyEvidence } from "./evidence.js";

const HIDDEN = /[\p{Cf}\p{Zl}\p{Zp}]/gu;
const APART = ["act", "signed"];

const words = JSON.parse(document.getElementById("words").textContent);
const place = (name) => document.querySelector(`[data-place="${name}"]`);
const fill = (form, values = {}) => form.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
const shown = (text) => text.replace(HIDDEN, (sign) => `[U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
const named = (kind, code, all = words) => member(all[kind], code) ?? code;
const member = (object, name) => (object !== null && typeof object === "object" && Object.hasOwn(object, name) ? object[name] : undefined);

function element(tag, members = {}, ...children) {
  const made = Object.assign(document.createElement(tag), members);
  made.append(...children);
  return made;
}

// What is proved

/** The producer's word for a code, marked as such; null if the file has none. Nothing proves it. */
function wordingOf(act, path, code) {
  const word = member(member(member(words.codes, act), path), code);
  if (typeof word !== "string") return null;
  return element(
    "span", { className: "wording" },
    element("span", { textContent: shown(word) }), " ", element("small", { textContent: words.unproven }),
  );
}

/** A value of an act, exactly as it was recorded, with the producer's word after a code. */
function valueOf(value, act, path) {
  if (Array.isArray(value)) return element("ul", {}, ...value.map((each) => element("li", {}, valueOf(each, act, path))));
  if (value !== null && typeof value === "object") return listOf(value, [], act, `${path}/`);
  const recorded = element("span", { dir: "auto", className: "value", textContent: shown(String(value)) });
  const wording = wordingOf(act, path, String(value));
  return wording === null ? recorded : element("span", {}, recorded, " ", wording);
}

function listOf(value, apart, act, path = "") {
  const rows = Object.entries(value).filter(([name]) => !apart.includes(name));
  return element("dl", {}, ...rows.flatMap(([name, each]) => [element("dt", { textContent: named("fields", name) }), element("dd", {}, valueOf(each, act, path + name))]));
}

function cardOf(record) {
  const { position, time, act, actor, word, signers, signedFor, isDisputed, data, text } = record;
  const who = signers.length ? fill(words.signed_by, { who: signers.join(", ") }) : "";
  const lines = [element("p", { className: "word", textContent: `${signedFor.length ? fill(words.signed_for, { who: signedFor.join(", ") }) : words.word[word]} ${who}` })];
  if (isDisputed) lines.push(element("p", { className: "word disputed", textContent: words.disputed }));
  return element(
    "article", { className: "card", id: `record-${position}` },
    element("h3", {}, named("acts", act), " ", element("code", { textContent: act })),
    element("p", { textContent: fill(words.line, { n: position, who: actor, t: time.replace("T", " ") }) }),
    ...lines,
    listOf(data, APART, act),
    element("details", {}, element("summary", { textContent: words.bytes }), element("pre", { textContent: shown(text) })),
  );
}

function rowsOf(proved, { cid, log }) {
  const count = (word) => proved.records.filter((each) => each.word === word).length;
  const missing = proved.witnesses.filter((name) => !proved.cosignedBy.includes(name));
  const head = [fill(words.head_found, { n: proved.size, log: proved.log }), ...proved.later.map(({ since }) => fill(words.handed, { n: since }))].join(". ");
  return [
    [words.opening, fill(words.opening_found, { sides: proved.sides.join(", ").toUpperCase(), cid: proved.cid }), cid ? words.by_yours : words.by_file],
    [words.head, head, log ? words.by_yours : words.by_file],
    [words.places, fill(words.places_found, { n: proved.records.length, size: proved.size }), words.by_head],
    [words.signatures, fill(words.signatures_found, { a: count("author"), t: count("trial"), h: count("host"), s: count("service") }), count("trial") ? words.by_host : words.by_sides],
    [
      words.witnesses,
      proved.witnesses.length === 0 ? words.no_witnesses : fill(proved.isFinal ? words.final : words.open, { who: proved.cosignedBy.join(", ") || "–", missing: missing.join(", ") || "–" }),
      proved.isFinal ? words.by_witnesses : words.by_host,
    ],
  ];
}

// What each side stated: the producer names records and members, and the values are from the proved bytes

const statingSide = (record) => record.actor.split("/")[0].toUpperCase();
const timeOf = (record) => record.time.replace("T", " ");
const row = (...cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));

function linkTo(record) {
  return element("a", { href: `#record-${record.position}`, textContent: fill(words.record, { n: record.position }) });
}

/** A record's own value of a member and its path in the act; the member of a correction is under `fields`. */
function statedIn({ data }, name) {
  const changed = member(member(data, "fields"), name);
  return changed === undefined ? [member(data, name), name] : [changed, `fields/${name}`];
}

function howOf(record, change) {
  const { act, data } = record;
  const cell = element("div", {}, element("p", {}, `${named("changes", change, words.stated)}, `, linkTo(record)));
  if (["correction", "retraction"].includes(act) && member(data, "reason") !== undefined) cell.append(valueOf(data.reason, act, "reason"));
  if (act === "retraction" && typeof data.known_since === "string") cell.append(element("p", {}, fill(words.stated.known_since, { t: data.known_since.replace("T", " ") })));
  return cell;
}

function showStated(proved) {
  const own = new Map(proved.records.filter(({ belongs }) => belongs).map((record) => [record.position, record]));
  const { rows, differences, still, ended } = words.stated;
  const statements = rows.flatMap(({ member: name, at, change }) => {
    const record = own.get(at);
    const [value, path] = record === undefined ? [] : statedIn(record, name);
    if (value === undefined) return [];
    return [row(statingSide(record), named("fields", name, words.stated), valueOf(value, record.act, path), timeOf(record), howOf(record, change))];
  });
  const differed = differences.filter(({ begins, ends }) => own.has(begins) && (ends === 0 || own.has(ends))).map(({ member: name, sides, begins, ends }) => {
    const [first, last] = [own.get(begins), own.get(ends)];
    const until = last === undefined ? still : fill(ended, { t: timeOf(last), side: statingSide(last) });
    return row(sides.join(", ").toUpperCase(), named("fields", name, words.stated), timeOf(first), until);
  });
  place("statements").replaceChildren(...statements);
  place("differences").replaceChildren(...differed);
  place("stated").hidden = statements.length === 0;
  place("differed").hidden = differed.length === 0;
}

const LIMITS = {
  cid: (_, { cid }) => !cid,
  log: (_, { log }) => !log,
  one_log: (proved) => !proved.isFinal,
};

function showProved(proved, noted) {
  say("holds", noted.cid && noted.log ? words.holds : words.holds_alone);
  place("findings").replaceChildren(
    ...rowsOf(proved, noted).map(([what, found, word]) =>
      element("tr", {}, element("th", { scope: "row", textContent: what }), element("td", { textContent: found }), element("td", { textContent: word }))),
  );
  for (const limit of document.querySelectorAll("[data-limit]")) limit.hidden = LIMITS[limit.dataset.limit]?.(proved, noted) === false;
  const [own, others] = [true, false].map((belongs) => proved.records.filter((each) => each.belongs === belongs).map(cardOf));
  showStated(proved);
  place("records").replaceChildren(...own);
  place("others").replaceChildren(...others);
  for (const name of ["proved", "drill"]) place(name).hidden = name === "drill" && !proved.isExercise;
}

// What is not

function showRefuted({ code, position, values }) {
  place("proved").hidden = true;
  const why = fill(words.why[code] ?? code, values);
  say("differs", position ? fill(words.fails_at, { n: position, why }) : fill(words.fails, { why }));
}

function say(state, text) {
  place("outcome").dataset.state = state;
  place("outcome").textContent = text;
}

// Asking

const typed = (name) => document.getElementById(name).value.replace(/\s+/g, "");

async function verify() {
  const noted = { cid: typed("cid").toLowerCase(), log: typed("log") };
  say("working", words.working);
  if (globalThis.crypto?.subtle === undefined) return say("unknown", words.no_webcrypto);
  try {
    const evidence = readEvidence(document.getElementById("evidence").textContent);
    showProved(await verifyEvidence(evidence, noted), noted);
  } catch (error) {
    if (!(error instanceof Refuted)) throw error;
    if (["no_ed25519", "cut"].includes(error.code)) say("unknown", words[error.code]);
    else showRefuted(error);
  }
  return undefined;
}

document.getElementById("noted").addEventListener("submit", (event) => {
  event.preventDefault();
  verify();
});
// The last style of the file hides the warning that its end is missing. Without it this warning is the outcome.
if (document.getElementById("whole")?.sheet) {
  place("scripted").hidden = false;
  verify();
}
