// The functions that every script of a page needs: its words, its clock, and its fragments.

const body = document.body;
const given = JSON.parse(document.getElementById("words")?.dataset.words ?? "{}");

export const page = {
  channel: body.dataset.channel ?? "",
  exercise: body.dataset.exercise ?? "",
  drill: body.dataset.drill ?? "",
  position: Number(body.dataset.position ?? 0),
  past: "at" in body.dataset,
  officer: body.dataset.officer === "yes",
  duty: body.dataset.duty === "yes",
  keys: body.dataset.keys === "on",
  actor: body.dataset.actor ?? "",
  check: (body.dataset.check ?? "").split(" ").map(Number), // seconds without a touch, and of each step after
};

const NBSP = "\u00a0";

// A sentence of the catalogue with its braces filled in.
export const words = (key, values = {}) =>
  (typeof given[key] === "string" ? given[key] : "").replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));

const fill = (form, values) => form.replace(/\{(\w+)\}/g, (_, name) => values[name]).replaceAll(" ", NBSP);

// A span of time, as the server writes it: 41 s, 9 min 05 s, 31 h 05 min.
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  const units = given.units;
  if (whole < 60) return fill(units.s, { n: whole });
  if (minutes < 10) return fill(units.ms, { m: minutes, s: String(whole % 60).padStart(2, "0") });
  if (minutes < 60) return fill(units.m, { n: minutes });
  return fill(units.hm, { h: Math.floor(minutes / 60), m: String(minutes % 60).padStart(2, "0") });
}

// A time that grows under somebody's eyes, in a width that does not: 00:41, 99:59, and from then on in hours.
export function minutes(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value) => String(value).padStart(2, "0");
  return whole < 6000 ? `${two(Math.floor(whole / 60))}:${two(whole % 60)}` : span(whole);
}

// The host's clock, as far as it was heard of last: computers' own clocks are wrong.
export const clock = {
  offset: Date.parse(body.dataset.now ?? "") - Date.now() || 0,
  now: () => Date.now() + clock.offset,
  set(iso) {
    clock.offset = Date.parse(iso) - Date.now();
  },
};

// A time by the clocks of a zone, with the days between its date and that of UTC.
const zones = new Map();
export function local(zone, now) {
  if (!zones.has(zone)) zones.set(zone, new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }));
  const there = new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(now);
  const days = Math.round((Date.parse(there) - Date.parse(new Date(now).toISOString().slice(0, 10))) / 86_400_000);
  return zones.get(zone).format(now) + (days ? `\u00a0${days > 0 ? "+" : "\u2212"}${Math.abs(days)}` : "");
}

export const hour = (moment) => `${new Date(moment).toISOString().slice(11, 19)}Z`;

const policy = globalThis.trustedTypes?.createPolicy("dragoman", { createHTML: (html) => html, createScriptURL: (url) => url });

// A worker of our own.
export const workerPath = (path) => (policy ? policy.createScriptURL(path) : path);
export const worker = (path) => new Worker(workerPath(path));

// The address of the style sheet of a page, which names its release.
export const styleOf = (whole) => whole.querySelector("link[rel='stylesheet']")?.getAttribute("href");
export const OWN_STYLE = styleOf(document);

// A page of ours as a document; nothing in it runs.
export const parsed = (html) => new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");

const saying = document.getElementById("saying");
const stands = Boolean(saying?.textContent.trim()); // the server has said something there: it has its place in the page
const SAID_MS = 10_000;
let unsaying = 0;

// A live region is read out only when it changes after it was there. What is shown lies over the page, and pushes nothing.
export function say(text, { shown = true } = {}) {
  if (!saying) return;
  saying.textContent = stands ? "\u200b" : "";
  if (!stands) saying.classList.toggle("hide", !shown);
  saying.classList.toggle("over", shown && !stands);
  setTimeout(() => { saying.textContent = text; }, 100);
  clearTimeout(unsaying);
  if (shown && !stands) unsaying = setTimeout(() => { saying.textContent = ""; }, SAID_MS);
}

export class SignedOut extends Error {}

// Ask our own service for something; a session that has ended is told apart from a line that is lost.
export async function ask(url, { accept = "text/html", patience = 5000, ...options } = {}) {
  const answer = await fetch(url, {
    cache: "no-store",
    redirect: "manual",
    signal: AbortSignal.timeout(patience),
    ...options,
    headers: { Accept: accept, ...options.headers },
  });
  if (answer.status === 401 || answer.type === "opaqueredirect") throw new SignedOut();
  return answer;
}

export const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

export function icon(name) {
  const SVG = "http://www.w3.org/2000/svg";
  const drawn = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  drawn.setAttribute("class", "i");
  drawn.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  drawn.append(use);
  return drawn;
}

// The strip: the worst of what is so has its line, and the rest unfolds. One bar of each name; null takes it away.
// It is read out when it comes: what counts in it afterwards is seen and not heard.
const strip = document.getElementById("strip");
const place = document.getElementById("link-bar");
const alerted = document.getElementById("alerted");
const RANK = ["critical", "serious", "caution", "standby"];
const WANTING = RANK.slice(0, 3); // of a cell of the rail; any other one is calm
const LOST = ["lost", "signed-out"]; // bars of a line that is lost; other critical ones are of flashes and of the watch
const ANSWERS = ["arm", "help", "check", "unreached"]; // what somebody has just pressed, or is asked
// What concerns this page or came with a sound goes before what merely lasts, and after all that is new and serious. An exercise goes after all that is serious.
const AFTER = { settled: 1.25, kept: 1.25, "kept-begun": 1.25, later: 1.25, drill: 1.75 };

function rankOf({ id, dataset: { bar: name, state } }) {
  if (ANSWERS.includes(name)) return -1;
  const lasts = id === "cell-alarm" ? 0.4 : id ? 0.5 : 0; // of what lasts, what the reader can mend at once goes first
  return AFTER[name] ?? RANK.indexOf(state) + lasts;
}

export function arrange() {
  if (!strip) return;
  const cells = [...strip.querySelectorAll("#rail li")].filter(({ dataset }) => WANTING.includes(dataset.state));
  const all = [...strip.querySelectorAll(".bar"), ...cells].sort((one, other) => rankOf(one) - rankOf(other));
  for (const each of strip.querySelectorAll("[data-worst]")) if (each !== all[0]) each.removeAttribute("data-worst");
  all[0]?.setAttribute("data-worst", "");
  const more = strip.querySelector("#more");
  const text = all.length > 1 ? words("more", { n: all.length - 1 }) : "";
  if (more.textContent !== text) more.textContent = text;
}

// What is read out is gone again from the text of the page, where the bar has it.
let forgetting = 0;
function readOut(text) {
  alerted.textContent = text;
  clearTimeout(forgetting);
  forgetting = setTimeout(() => { alerted.textContent = ""; }, 10_000);
}

export function bar(name, level, sentences, ...actions) {
  if (!place) return;
  const known = place.querySelector(`[data-bar="${name}"]`);
  if (level === null) {
    known?.remove();
    if (known) arrange();
    return;
  }
  const [first, ...rest] = sentences;
  const shown = [level, ...actions.map((action) => `${action.textContent} ${action.getAttribute("href")}`)].join("\n"); // links to two messages may have one word
  if (known && known.dataset.shown === shown) {
    if (known.querySelector("b").textContent !== first) known.querySelector("b").textContent = first;
    known.querySelector("[data-rest]").textContent = rest.join(" ");
    known.title = sentences.join(" ");
    return;
  }
  const made = element("div", { className: "bar", title: sentences.join(" ") },
    element("div", {}, icon(LOST.includes(name) ? "lost" : level),
      element("p", {}, element("b", { textContent: first }), " ", element("span", { textContent: rest.join(" ") })), ...actions));
  made.querySelector("p span").dataset.rest = "";
  made.dataset.bar = name;
  made.dataset.state = level;
  made.dataset.shown = shown;
  readOut(sentences.join(" "));
  if (known) known.replaceWith(made);
  else {
    const after = [...place.children].find((other) => RANK.indexOf(other.dataset.state) > RANK.indexOf(level));
    place.insertBefore(made, after ?? null);
  }
  arrange();
}

// A link of the strip that opens one message: a short word, and the number for who hears it or points at it.
export const opens = (href, number) =>
  element("a", { className: "button", href, title: number, ariaLabel: `${words("open")} ${number}`, textContent: words("open") });

export const button = (text, press) => {
  const made = element("button", { type: "button", textContent: text });
  made.addEventListener("click", press);
  return made;
};

// One state of the strip.
export function cell(key, level, word, detail, shape = level) {
  const shown = document.getElementById(`cell-${key}`);
  if (!shown) return;
  shown.dataset.state = level;
  shown.querySelector("use").setAttribute("href", `#i-${shape}`);
  if (shown.querySelector("b").textContent !== word) shown.querySelector("b").textContent = word;
  if (shown.querySelector("small").textContent !== detail) shown.querySelector("small").textContent = detail;
  shown.title = detail ? `${word}: ${detail}` : word;
  arrange();
}

// Whom to ring in this channel, with the number: what stands there as a link wherever the telephone is named.
const listed = document.getElementById("ringing");
export const unknowns = JSON.parse(listed?.dataset.unknown ?? "{}"); // the words of the rail's cells when nothing is known of them
export const ringing = JSON.parse(listed?.dataset.ringing ?? "[]");
export const rings = (own = false) => ringing
  .filter(({ side }) => !own || side === listed.dataset.side)
  .flatMap(({ side, role, numbers }) => numbers.slice(0, 1).map(({ number, dialled }) =>
    element("a", { className: "button", href: `tel:${dialled}`, textContent: `${side}, ${role}: ${number}` })));
