// Time travel without leaving the page: the slider and the arrow keys change the address. The page
// of that address is then loaded. It is always the server's own page, so it says the same as
// without scripts.

import { arrange, ask, page, parsed, SignedOut } from "./page.js";

const SETTLE_MS = 150;
const PLAY_MS = 1000;

let settling = 0;
let asked = 0;
let playing = false;
let aimed = null; // where the slider or the keys lead, before the address follows

const form = () => document.getElementById("travel");
const slider = () => document.getElementById("travel-slider");
const newest = () => Number(form()?.dataset.newest ?? document.body.dataset.position);
const shown = () => {
  if (typeof aimed === "number") return aimed;
  const at = new URL(location.href).searchParams.get("at") ?? newest();
  return Number.isNaN(Number(at)) ? Number(document.body.dataset.position) : Number(at);
};
// The page shows a time at which nothing was recorded: the record before it is its newest one.
const between = () => aimed === null && Number.isNaN(Number(document.body.dataset.at ?? 0));
const byTime = () => form()?.dataset.axis === "time";
const inMain = () => form()?.closest("main") !== null;
const past = () => "at" in document.body.dataset;

function addressOf(at) {
  const address = new URL(location.href);
  address.searchParams.set("at", at);
  address.searchParams.delete("said");
  return address;
}

// The address and the page follow when nothing has moved for a moment.
function move(at) {
  const wanted = Math.min(Math.max(1, at), newest());
  if (slider() && !byTime()) slider().value = wanted;
  const field = document.getElementById("travel-record");
  if (field && field !== document.activeElement) field.value = wanted;
  turn(wanted);
}

// The slider of times names a time; the host finds the record that was the newest then.
function slide() {
  if (!byTime()) move(Number(slider().value));
  else turn(new Date(Date.parse(form().dataset.begins) + 1000 * Number(slider().value)).toISOString());
}

function turn(at) {
  const address = addressOf(at);
  aimed = at;
  clearTimeout(settling);
  settling = setTimeout(() => {
    aimed = null;
    history.replaceState(null, "", address);
    follow();
  }, SETTLE_MS);
}

async function follow() {
  const mine = ++asked;
  const address = location.href;
  try {
    const answer = await ask(address, { patience: 20_000 });
    const text = answer.ok ? await answer.text() : "";
    if (mine !== asked) return; // it has moved on meanwhile
    if (answer.ok) show(parsed(text));
    else location.assign(address); // the page itself says why there is none
  } catch (error) {
    pause();
    if (error instanceof SignedOut) location.assign(address);
  }
}

function show(fresh) {
  if (document.body.dataset.sounding !== "flash") document.title = fresh.title;
  document.body.classList.toggle("gone-by", fresh.body.classList.contains("gone-by"));
  document.body.dataset.at = fresh.body.dataset.at;
  document.body.dataset.position = fresh.body.dataset.position;
  for (const place of [".past", ".mast", "#rail", "#foot"]) exchange(place, fresh);
  arrange();
  if (!inMain() && form() && fresh.getElementById("travel")) exchangeForm(form(), fresh.getElementById("travel"));
  exchangeMain(document.getElementById("main"), fresh.getElementById("main"));
  document.dispatchEvent(new CustomEvent("travelled"));
}

function exchange(place, fresh) {
  const old = document.querySelector(place);
  const made = fresh.querySelector(place);
  if (playing && place === ".past") made.setAttribute("aria-live", "off"); // not read out once a second
  if (old) old.replaceWith(made);
  else if (made) document.querySelector(".mast").before(made);
}

// The form stays where it is, with the focus and the finger on it; what stands before and after it is exchanged.
function exchangeMain(main, made) {
  const kept = form();
  const fresh = made.querySelector("#travel");
  if (kept?.parentElement !== main || fresh?.parentElement !== made) {
    main.replaceChildren(...made.childNodes);
    return;
  }
  const children = [...made.childNodes];
  const at = children.indexOf(fresh);
  for (const child of [...main.childNodes]) if (child !== kept) child.remove();
  kept.before(...children.slice(0, at));
  kept.after(...children.slice(at + 1));
  exchangeForm(kept, fresh);
}

function exchangeForm(kept, fresh) {
  kept.dataset.newest = fresh.dataset.newest;
  kept.querySelector("svg.density")?.replaceWith(fresh.querySelector("svg.density"));
  for (const field of kept.querySelectorAll("[type=hidden]")) field.remove();
  kept.prepend(...fresh.querySelectorAll("[type=hidden]"));
  const moved = fresh.querySelector("#travel-slider");
  slider().max = moved.max;
  if (slider() !== document.activeElement) slider().value = moved.value;
  kept.querySelector(".axes")?.replaceWith(fresh.querySelector(".axes"));
  for (const field of fresh.querySelectorAll(".field input")) {
    const own = document.getElementById(field.id);
    if (own !== document.activeElement) own.value = field.value;
  }
  const back = kept.querySelector("[data-now]");
  if (back) back.hidden = fresh.querySelector("[data-now]").hidden;
}

// Play: one record a second, from a press to the next press

function pause() {
  playing = false;
  label();
  document.querySelector(".past")?.removeAttribute("aria-live");
}

function label() {
  const press = form()?.querySelector("[data-play]");
  if (press) press.textContent = playing ? press.dataset.pause : press.dataset.play;
}

async function play() {
  playing = true;
  label();
  if (shown() >= newest()) history.replaceState(null, "", addressOf(0));
  while (playing && shown() < newest()) {
    const begun = performance.now();
    const next = shown() + 1;
    history.replaceState(null, "", addressOf(next));
    if (slider()) slider().value = next;
    await follow();
    await new Promise((go) => { setTimeout(go, PLAY_MS - (performance.now() - begun)); });
  }
  pause();
}

// Presses, moves and keys

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };
const OWN_ARROWS = "input, textarea, select, [contenteditable], .wide-scroll, pre"; // where an arrow moves something else

addEventListener("keydown", (event) => {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
  if (event.defaultPrevented || !plain || !page.keys || document.querySelector("dialog[open]")) return;
  if (event.target === slider() && event.key === "End") {
    event.preventDefault();
    document.getElementById("now")?.click();
    return;
  }
  const step = STEPS[event.key];
  if (!step || !form() || !(past() || inMain()) || event.target.closest(OWN_ARROWS)) return;
  event.preventDefault();
  pause();
  move(shown() + (step < 0 && between() ? 0 : step));
});

document.addEventListener("input", (event) => {
  if (event.target !== slider()) return;
  pause();
  slide();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("#travel [data-play]")) return;
  if (playing) pause();
  else play();
});

document.addEventListener("focusin", (event) => {
  if (playing && event.target.closest("#travel .field")) pause();
});

document.addEventListener("visibilitychange", () => { if (document.hidden) pause(); });

// An address that names the slider leads to it, unfolded.
if (location.hash === "#travel-slider" && slider()) {
  const folded = slider().closest("details");
  if (folded) folded.open = true;
  slider().focus({ preventScroll: true });
}

for (const press of document.querySelectorAll("#travel [data-play]")) {
  press.dataset.play = press.textContent;
  press.hidden = false;
}
