// The forms: read times and places back while the reader types, save drafts, and count words.
// Drafts are saved on the server. What cannot be saved there is kept on this device, sealed, until
// it can.

import "./sealed.js";
import { restore as putTexts } from "./level.js";
import "./preview.js";
import { ask, bar, button, clock, hour, page, parsed, words } from "./page.js";

if (document.querySelector("[data-phrases]")) import("./phrases.js");

const READ_MS = 250;
const SAVE_MS = 10_000;

const form = document.getElementById("writing");
const saved = document.getElementById("saved");

// An answer below the messages of its exchange leaves the newest of them in view.
if (document.getElementById("answer")) [...document.querySelectorAll(".message")].at(-1)?.scrollIntoView();

// Reading back

function echo(field) {
  const shown = document.getElementById(`${field.id}-echo`);
  let asked = 0;
  let timer = 0;
  const read = async (typed) => {
    const text = field.value.trim();
    const mine = ++asked;
    if (!text || (field.dataset.reads === "place" && !/[0-9]/.test(text))) {
      shown.replaceChildren();
      return;
    }
    const begun = document.getElementById(field.dataset.after)?.value ?? "";
    const query = new URLSearchParams({ kind: field.dataset.reads, text, ahead: field.dataset.ahead ?? "", days: field.dataset.days ?? "", begun });
    const answer = await ask(`/c/${page.channel}/compose/read?${query}`).catch(() => null);
    if (!answer?.ok || mine !== asked) return;
    const said = parsed(await answer.text()).body;
    const unread = said.querySelector("[data-unread]") !== null;
    if (unread && document.getElementById(`${field.id}-fault`)) return; // the page says it already
    shown.classList.toggle("unread", unread);
    shown.replaceChildren(...[...said.childNodes].map((each) => document.adoptNode(each)));
    if (typed && !unread) mended(field); // the gateway may refuse a time that can be read
  };
  field.addEventListener("input", () => {
    document.getElementById(`${field.id}-fault`)?.remove(); // it is of what stood here before
    clearTimeout(timer);
    timer = setTimeout(read, READ_MS, true);
  });
  if (field.value) read(false);
}

for (const field of document.querySelectorAll("[data-reads]")) echo(field);

// What was wrong with a field goes once another value was typed and read

function mended(field) {
  document.getElementById(`${field.id}-fault`)?.remove();
  field.removeAttribute("aria-invalid");
  const summary = document.querySelector("main .fault");
  summary?.querySelector(`a[href="#${field.id}"]`)?.closest("li").remove();
  if (summary && !summary.querySelector("li, p")) summary.remove();
}

document.addEventListener("click", (event) => {
  const use = event.target.closest("[data-use]");
  if (use) {
    event.preventDefault();
    const field = document.getElementById(use.dataset.for ?? use.closest("output").getAttribute("for"));
    field.value = use.dataset.use;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }
  const link = event.target.closest("main .fault a[href^='#']");
  const place = link && document.getElementById(link.getAttribute("href").slice(1));
  if (place) {
    event.preventDefault();
    const control = place.matches("input, textarea, select") ? place : place.querySelector("input:not([type=hidden]), textarea, select, a");
    place.scrollIntoView({ block: "center" });
    (control ?? place).focus({ preventScroll: true });
  }
});

for (const quick of document.querySelectorAll("[data-quick] button")) {
  quick.hidden = false;
  quick.type = "button";
  quick.addEventListener("click", () => {
    const field = document.getElementById(quick.parentElement.dataset.quick);
    const moment = new Date(clock.now() - Number(quick.value) * 60_000).toISOString();
    field.value = `${moment.slice(0, 10)} ${moment.slice(11, 16)}Z`;
    field.dispatchEvent(new Event("input"));
    field.focus();
  });
}

// The urgency by the rule is chosen as soon as that is on which it rests; an officer's own choice stays

const urgency = document.querySelector("[data-rules]");
if (urgency) {
  const rules = JSON.parse(urgency.dataset.rules);
  const radios = [...urgency.querySelectorAll("[data-level]")];
  const byRule = urgency.querySelector("[data-by-rule]");
  let own = radios.some((each) => each.checked && each.value !== "");
  urgency.addEventListener("change", () => { own = true; });
  const apply = () => {
    const chosen = form.querySelector(`[name="${urgency.dataset.of}"]:checked`)?.value ?? "";
    const level = rules[chosen] ?? "";
    const mine = radios.find((each) => each.checked)?.dataset.level;
    byRule.hidden = level !== "";
    for (const radio of radios) radio.value = radio.dataset.level === level ? "" : radio.dataset.level;
    const wanted = own && mine ? mine : level;
    for (const radio of radios) radio.checked = radio.dataset.level === wanted;
    byRule.querySelector("input").checked = wanted === "";
    for (const said of urgency.querySelectorAll("[data-rule]")) said.hidden = !chosen || said.dataset.rule !== level;
  };
  form.addEventListener("change", (event) => { if (event.target.name === urgency.dataset.of) apply(); });
  apply();
}

// Han characters count half a word each

const count = document.querySelector("[data-count]");
const MOST = 200;
const length = (text) => (text.match(/[^\s\u4e00-\u9fff]+/g) ?? []).length + Math.ceil((text.match(/[\u4e00-\u9fff]/g) ?? []).length / 2);
if (count) {
  form.addEventListener("input", () => {
    const lengths = {};
    for (const each of form.querySelectorAll("textarea[name^='f.facts']")) lengths[each.name] = (lengths[each.name] ?? 0) + length(each.value);
    const most = Math.max(0, ...Object.values(lengths));
    count.textContent = most >= MOST * 0.75 ? `${most} / ${MOST}` : "";
  });
}

// Drafts

const { sealed } = globalThis;
const slot = `draft ${new URL(form?.action ?? location.href).pathname}`;
const HERE_MS = 1000;

let changed = false;
let saving = false;
let sending = false;
let lost = false;
let waiting = 0;

const typed = () => [...new FormData(form)].filter(([name, value]) => typeof value === "string" && name !== "key" && name !== "do" && !name.startsWith("draft"));

function label(name) {
  const field = form.elements[name];
  const control = field instanceof RadioNodeList ? field[0] : field;
  if (control?.tagName === "TEXTAREA" && control.labels.length) return control.labels[0].textContent.trim();
  return (control?.closest("fieldset")?.querySelector("legend") ?? control?.labels?.[0])?.textContent.trim() ?? name;
}

// Keep the text on this device while the server does not answer.
async function keepHere() {
  const values = typed();
  const fields = values.filter(([name, value]) => value.trim() && form.elements[name]?.type !== "hidden").map(([name, value]) => [label(name), value]);
  return fields.length > 0 && sealed.put(slot, { title: document.querySelector("h1").textContent.trim(), fields, values }).catch(() => false);
}

// What was kept for this form while the line was lost is offered once, and never put in by itself.
async function offer(name, said, shown) {
  const kept = await sealed.get(name).catch(() => null);
  if (!kept || !words(said)) return;
  const done = async () => { bar(shown, null); await sealed.remove(name).catch(() => null); };
  const restore = button(words("restore"), async () => { putBack(kept.content.values); await done(); });
  bar(shown, "standby", [words(said, { t: hour(kept.at) })], restore, button(words("drop"), done));
}

function putBack(values) {
  const texts = new Set(values.map(([name]) => name).filter((name) => putTexts(name, values.filter((each) => each[0] === name).map((each) => each[1]))));
  for (const [name, value] of values) {
    if (texts.has(name)) continue;
    const field = form.elements[name];
    const controls = field instanceof RadioNodeList ? [...field] : field ? [field] : [];
    if (!controls.length && value) form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value })); // the page shows it when it is sent
    for (const control of controls) {
      if (control.type === "radio" || control.type === "checkbox") control.checked = control.checked || control.value === value;
      else if (control.type !== "hidden" && controls.length === 1) {
        control.value = value;
        if ("reads" in control.dataset) control.dispatchEvent(new Event("input")); // its reading stands below it
      }
    }
  }
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

async function save(leaving = false) {
  if (!changed || saving || sending) return;
  saving = true;
  changed = false;
  const body = new FormData(form);
  body.delete("upload");
  body.set("do", "autosave");
  try {
    const answer = await ask(form.action, { method: "POST", body: new URLSearchParams(body), accept: "application/json", keepalive: leaving });
    if (!answer.ok) throw new Error(String(answer.status));
    const kept = await answer.json();
    for (const [name, value] of [["draft", kept.draft], ["draft_etag", kept.etag]]) hidden(name, value);
    saved.textContent = words("saved", { t: kept.time });
    if (lost) await sealed.remove(slot).catch(() => null);
    lost = false;
  } catch {
    changed = true;
    lost = true;
    await keepHere();
    saved.textContent = words("not_saved", { t: hour(clock.now()) });
  } finally {
    saving = false;
  }
}

function hidden(name, value) {
  const known = form.querySelector(`input[type="hidden"][name="${name}"]`);
  if (known) known.value = value;
  else form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
}

if (form) {
  form.addEventListener("input", () => {
    changed = true;
    clearTimeout(waiting);
    if (lost) waiting = setTimeout(keepHere, HERE_MS);
  });
  form.addEventListener("submit", () => {
    sending = true;
    if (lost) keepHere();
  });
  form.addEventListener("unreached", ({ detail }) => {
    changed = true;
    lost = true;
    detail.kept = keepHere();
  });
  offer(slot, "kept_here", "kept");
  offer(`${slot} begun`, "begun_here", "kept-begun");
  setInterval(save, SAVE_MS);
  document.addEventListener("visibilitychange", () => { if (document.hidden) save(true); });
}
