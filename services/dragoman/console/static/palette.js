// The palette: a dialog over the page that leads to what somebody types, while they type it.
//
// The dialog is not opened as a modal one, because a flash must be able to cover it while its field
// keeps the keyboard, as any field does (alarm.js). The rest of the page is made inert instead.
// Nothing that is typed is stored, and closing the palette clears it.

import { ask, parsed, SignedOut } from "./page.js";

const SLOW_MS = 1000;
const PATIENCE_MS = 8000;
const LIVE = ["alarm", "alerted", "saying"]; // the takeover and what is read out go on above the palette

let dialog = null;
let field = null;
let list = null;
let told = null;
let opener = null;
let hidden = []; // what was made inert
let request = null; // the request that is under way
let shownFor = null; // the text whose goals are shown
let enters = false; // Enter was pressed before the answer came
let active = null;

const covered = () => document.querySelector("dialog.flash[open]") !== null;
const options = () => [...list.querySelectorAll("[role=option]")];
const typed = () => field.value.trim();

function open() {
  if (dialog.open || document.querySelector("dialog[open]")) return;
  opener = document.activeElement;
  hidden = [...document.body.children].filter((each) => each !== dialog && !each.inert && !LIVE.includes(each.id));
  for (const each of hidden) each.inert = true;
  dialog.show();
  field.focus();
  load();
}

function close() {
  if (!dialog?.open) return;
  stop();
  dialog.close();
  for (const each of hidden) each.inert = false;
  hidden = [];
  field.value = "";
  shownFor = null;
  enters = false;
  show([], "");
  if (opener?.isConnected && opener !== document.body) opener.focus();
  else if (opener?.id) document.getElementById(opener.id)?.focus();
  opener = null;
}

// The answers

function stop() {
  clearTimeout(request?.slow);
  clearTimeout(request?.late);
  request?.abort.abort();
  request = null;
}

function address(text) {
  const url = new URL(dialog.dataset.path, location.origin);
  if (text) url.searchParams.set("q", text);
  const about = document.getElementById("main")?.dataset.about;
  if (about) url.searchParams.set("about", about);
  return url;
}

// Ask for the goals of what is typed. An older request is aborted, and its answer is never shown.
async function load() {
  stop();
  const text = typed();
  const mine = { abort: new AbortController() };
  request = mine;
  mine.slow = setTimeout(() => tell(dialog.dataset.slow), SLOW_MS);
  mine.late = setTimeout(() => mine.abort.abort(), PATIENCE_MS);
  try {
    const answer = await ask(address(text), { signal: mine.abort.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = parsed(await answer.text()).getElementById("palette-answer");
    if (request !== mine) return;
    answered(text, fresh.children, fresh.dataset.told);
  } catch (error) {
    if (request !== mine) return; // a newer one is under way, or the palette is closed
    if (error instanceof SignedOut) signedOut(text);
    else failed();
  } finally {
    if (request === mine) stop();
  }
}

function answered(text, groups, said) {
  shownFor = text;
  show([...groups].map((each) => document.adoptNode(each)), said);
  if (enters) follow();
}

function failed() {
  shownFor = null;
  enters = false;
  show([], dialog.dataset.failed);
}

// The session is over: the list has the way to the sign-in, and what stands on the page stays.
function signedOut(text) {
  import("./kept.js").then(({ forget }) => forget());
  const to = document.createElement("a");
  to.href = `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
  to.textContent = dialog.dataset.signIn;
  to.tabIndex = -1;
  to.setAttribute("role", "option");
  enters = false;
  shownFor = text;
  show([to], dialog.dataset.signedOut);
}

function show(groups, said) {
  list.replaceChildren(...groups);
  for (const [place, option] of options().entries()) option.id = `palette-${place}`;
  field.setAttribute("aria-expanded", String(options().length > 0));
  choose(typed() ? options()[0] : null);
  list.scrollTop = 0;
  dialog.dataset.shown = shownFor ?? "";
  tell(said);
}

function tell(text) {
  if (told.textContent !== text) told.textContent = text;
}

// The choice

function choose(option) {
  active?.setAttribute("aria-selected", "false");
  active = option ?? null;
  if (!active) {
    field.removeAttribute("aria-activedescendant");
    return;
  }
  active.setAttribute("aria-selected", "true");
  field.setAttribute("aria-activedescendant", active.id);
  active.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const all = options();
  if (!all.length) return;
  const at = all.indexOf(active);
  choose(at < 0 ? all[by > 0 ? 0 : all.length - 1] : all[(at + by + all.length) % all.length]);
}

// Enter leads to the choice. Before the answer to what is typed has come, it waits for that answer.
function follow(apart = false) {
  if (shownFor !== typed()) {
    enters = true;
    if (!request) load();
    return;
  }
  enters = false;
  if (!active) return;
  const { href } = active;
  if (apart) {
    globalThis.open(href, "_blank", "noopener");
    return;
  }
  close();
  location.assign(href);
}

const MOVES = {
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  Home: () => choose(options()[0]),
  End: () => choose(options().at(-1)),
};

function pressed(event) {
  if (event.isComposing || event.keyCode === 229) return; // the input method has the key
  event.stopPropagation(); // no other shortcut acts from within the palette
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  if (event.key === "Escape") {
    event.preventDefault();
    if (!event.repeat) close();
  } else if (isOpening(event)) {
    event.preventDefault();
    if (!event.repeat && !covered()) close();
  } else if (event.key === "Tab") {
    event.preventDefault();
    (document.activeElement === field ? dialog.querySelector("[data-close]") : field).focus();
  } else if (event.target !== field) {
    return;
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (!event.repeat && !covered()) follow(event.ctrlKey || event.metaKey);
  } else if (plain && event.key in MOVES) {
    event.preventDefault();
    MOVES[event.key]();
  }
}

const isOpening = (event) => event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;

function wire(made) {
  dialog = made;
  field = dialog.querySelector("#palette-q");
  list = dialog.querySelector("#palette-list");
  told = dialog.querySelector("#palette-told");
  dialog.addEventListener("keydown", pressed);
  dialog.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  dialog.querySelector("[data-close]").addEventListener("click", close);
  field.addEventListener("input", (event) => { if (!event.isComposing) load(); });
  field.addEventListener("compositionend", load);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (!option || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { href } = option;
    close();
    location.assign(href);
  });
}

// The wall display has no control of its own, so the dialog is fetched when it is called for.
async function fetched() {
  const { at, channel } = document.body.dataset;
  try {
    const answer = await ask(`/c/${channel}/go${at ? `?at=${at}` : ""}`);
    const made = answer.ok && parsed(await answer.text()).getElementById("palette");
    if (!made || dialog) return;
    document.body.append(document.adoptNode(made));
    wire(made);
    open();
  } catch (error) {
    if (error instanceof SignedOut) location.reload(); // the page itself leads to the sign-in
  }
}

const standing = document.getElementById("palette");
if (standing) wire(standing);
addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229 || !isOpening(event)) return;
  event.preventDefault(); // over a takeover too: it must not become the browser's own search
  if (event.repeat) return;
  if (dialog) open();
  else fetched();
});
addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-palette]");
  if (!link || !dialog || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open();
});
addEventListener("pointerdown", (event) => {
  if (dialog?.open && !covered() && !dialog.contains(event.target)) close();
});
addEventListener("pagehide", close); // a page that comes back from the browser's cache has nothing typed
