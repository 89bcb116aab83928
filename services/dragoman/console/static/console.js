// The scripts of every page: the event stream of the browser, the clocks, and the keys.

import { Alarm } from "./alarm.js";
import { keep } from "./kept.js";
import { keys } from "./keys.js";
import { Link } from "./link.js";
import { signForms } from "./signing.js";
import { arrange, ask, bar, button, cell, clock, element, hour, local, minutes, OWN_STYLE, page, parsed, rings, say, SignedOut, span, styleOf, unknowns, words, worker } from "./page.js";

const UNSURE_S = 15;
const BLIND_S = 20; // twice the interval of the pings: a threshold equal to it cries wolf for ever
const BACK_MS = 30_000;
const GATHER_MS = 150;
const AGAIN_MS = 30_000;
const SETTLE_MS = 500; // a row that has just moved under a finger is not the one that was meant
const HELD_MS = 1000;
const REACH_MS = 8000;
const SKEW_S = 2;

for (const each of document.querySelectorAll("#plain, .unscripted")) each.remove(); // what stands there is for who has no scripts
arrange();

const link = new Link();
const alarm = new Alarm(link);
const watchdog = worker(new URL("watchdog.js", import.meta.url).pathname);
const main = document.getElementById("main");
const about = main.dataset.about ?? ""; // the exchange that the page is about
const live = main.hasAttribute("data-live") && !page.past;
const every = "every" in main.dataset; // the page shows all channels, and not one of them

let heardAt = clock.now();
let lostAt = 0;
let lostFrom = 0;
let errors = 0;
let newest = page.position;
let missed = 0;
let fresh = 0; // records that the page does not show: of the exchange that it is about, else of the channel
let gathering = 0;
let refreshing = false;
let wanted = false;
let movedAt = -Infinity;
let heldSince = -Infinity;
let railIsOld = false;

// What is heard

function heard(iso) {
  heardAt = clock.now();
  errors = 0;
  watchdog.postMessage("heard");
  if (!iso) return;
  const skew = Math.abs(Date.now() - Date.parse(iso)) / 1000;
  clock.set(iso);
  heardAt = clock.now();
  bar("clock", skew > SKEW_S ? "caution" : null, [words("clock_off", { d: span(skew) })]);
}

link.addEventListener("hello", ({ detail }) => {
  heard(detail.now);
  found();
  alarm.refresh();
  if (lostFrom || live) refresh();
  lostFrom = 0;
});

link.addEventListener("change", ({ detail }) => {
  heard();
  found();
  if (detail.ring) alarm.refresh();
  if (every) hint();
  if (detail.channel !== page.channel) return;
  missed = Math.max(0, detail.position - newest);
  if (live) hint();
  else if (!page.past && detail.position > newest) {
    news(about ? (detail.exchanges[about] ?? 0) : detail.position - newest);
    hint();
  }
});

link.addEventListener("ping", ({ detail }) => {
  heard(detail.now);
  const back = lostAt > 0;
  found(); // a stream that was held up goes on without a new hello, and perhaps without a record for hours
  if (back) alarm.refresh();
  const stale = every
    ? detail.stale.join(" ") !== main.dataset.every
    : document.body.classList.contains("stale") !== detail.stale.includes(page.channel);
  if (back || stale) refresh();
});

link.addEventListener("error", () => {
  errors += 1;
  if (errors >= 3) lose((clock.now() - heardAt) / 1000);
});

// What a board counts from moments that lie behind or ahead is said anew, unless somebody is busy with it.
if (live) {
  setInterval(() => {
    const busy = main.contains(document.activeElement) && document.activeElement !== main;
    if (!document.hidden && !busy && !lostAt && !String(getSelection())) hint();
  }, AGAIN_MS);
}

// Until the watchdog runs, whose script may never come, the page looks itself.
const own = setInterval(() => looked((clock.now() - heardAt) / 1000), 1000);

watchdog.addEventListener("message", ({ data: age }) => {
  clearInterval(own);
  looked(age);
});

function looked(age) {
  tick();
  if (age >= BLIND_S) lose(age);
  else if (age >= UNSURE_S) unsure();
  else if (!lostAt) lives(age);
}

function lives(age) {
  document.body.classList.remove("unsure");
  cell("page", "normal", words("live"), words("live_detail", { d: span(age) }));
}

function unsure() {
  if (lostAt) return;
  document.body.classList.add("unsure");
  cell("page", "caution", words("unsure"), words("unsure_detail", { t: hour(heardAt) }));
}

function lose(age) {
  if (!lostAt) {
    lostAt = heardAt;
    lostFrom = newest;
    document.body.classList.add("stale", "lost");
    unknown();
    cell("page", "critical", words("blind"), words("unsure_detail", { t: hour(heardAt) }), "lost");
    alarm.blind(true, age);
  }
  const values = { d: span((clock.now() - lostAt) / 1000), t: hour(lostAt) };
  bar("lost", "critical", [words("lost", values), words("lost_more")], ...rings(), button(words("lost_know"), () => alarm.knowsBlind()));
}

// Nothing is claimed any more: what was known is shown as what was known last.
function unknown() {
  const t = hour(lostAt);
  for (const shown of document.querySelectorAll("#rail li")) {
    const key = shown.id.slice(5);
    if (key in unknowns) cell(key, "off", unknowns[key], words("lost_was", { was: shown.querySelector("b").textContent, t }));
  }
  for (const shown of document.querySelectorAll(".times-line")) shown.append(element("small", { className: "own-clock", textContent: ` ${words("own_clock")}` }));
  const headline = live && document.getElementById("headline");
  const lead = headline && headline.nextElementSibling;
  if (!lead) return;
  lead.textContent = `${words("lost_known", { t, was: headline.textContent.trim() })} ${words("lost_since")}`;
  headline.textContent = words("lost_headline");
}

// Cleared by data alone, and never by the mere standing of a connection.
function found() {
  if (!lostAt) return;
  const away = (clock.now() - lostAt) / 1000;
  const records = Math.max(0, newest - lostFrom, missed);
  lostAt = 0;
  document.body.classList.remove("lost", "unsure");
  if (!live) document.body.classList.remove("stale");
  alarm.blind(false);
  for (const shown of document.querySelectorAll(".own-clock")) shown.remove();
  if (!live) {
    railIsOld = true;
    hint();
  }
  bar("lost", null);
  bar("back", "standby", [words("back", { d: span(away), n: records })]);
  setTimeout(() => bar("back", null), BACK_MS);
}

// The page itself

function news(count) {
  fresh = about ? fresh + count : count;
  if (!fresh) return;
  if (main.hasAttribute("data-whole")) return; // what it is about goes on by itself: there is nothing else to show
  if (main.hasAttribute("data-draft")) sent();
  const known = document.getElementById("news");
  const text = words(fresh === 1 ? "news_one" : "news_many", { n: fresh });
  if (known) {
    known.textContent = text;
    return;
  }
  const shown = button(text, () => location.reload());
  shown.id = "news";
  shown.className = "news";
  document.querySelector("#strip .say").after(shown);
}

// A draft that somebody else has sent meanwhile is none any more: its address leads to the record that it has become.
async function sent() {
  const answer = await fetch(location.href, { redirect: "manual", headers: { Accept: "text/html" } }).catch(() => null);
  if (answer?.type === "opaqueredirect") location.reload();
}

function hint() {
  clearTimeout(gathering);
  gathering = setTimeout(refresh, GATHER_MS);
}

const follows = !live && !page.past && document.querySelector("[data-follow]") !== null;

async function refresh() {
  if (!live && !follows && !railIsOld) return;
  wanted = true;
  if (refreshing) return;
  refreshing = true;
  try {
    while (wanted) {
      wanted = false;
      const answer = await ask(location.href);
      if (answer.status === 403 || answer.status === 404) location.reload(); // the page itself says what was withdrawn
      if (!answer.ok) return;
      const fresh = parsed(await answer.text());
      while (performance.now() - heldSince < HELD_MS) await new Promise((go) => { setTimeout(go, 50); });
      if (live) show(fresh);
      else {
        follow(fresh);
        if (railIsOld && !page.past) showRail(fresh);
        railIsOld = false;
      }
      outdated(styleOf(fresh));
    }
  } catch (error) {
    if (error instanceof SignedOut) alarm.signedOut();
  } finally {
    refreshing = false;
  }
}

// A page that is open for weeks outlives its release. It says so, and loads at a press: an alarm that is armed would be lost if it did so by itself.
function outdated(style) {
  if (style === OWN_STYLE) bar("release", null);
  else bar("release", "standby", [words("other_release"), words("other_release_more")], button(words("load_again"), () => location.reload()));
}

// What a page says of the others goes on by itself; what somebody reads or writes beside it stays where it is.
function follow(fresh) {
  for (const shown of document.querySelectorAll("[data-follow]")) {
    const made = fresh.getElementById(shown.id);
    if (!made || shown.contains(document.activeElement)) continue;
    const before = new Set(Array.from(shown.querySelectorAll("[data-step]"), (step) => step.textContent));
    const told = Array.from(made.querySelectorAll("[data-step]"), (step) => step.textContent).filter((text) => !before.has(text));
    shown.replaceWith(document.adoptNode(made));
    if (told.length) say(told.join(" "));
  }
}

function showRail(fresh) {
  for (const made of fresh.querySelectorAll("#rail li")) {
    if (!["cell-alarm", "cell-page"].includes(made.id)) document.getElementById(made.id)?.replaceWith(document.adoptNode(made));
  }
  arrange();
}

const isWritten = (field) => (field.options ? [...field.options].some((each) => each.selected !== each.defaultSelected) : field.value !== field.defaultValue);

// What has the focus stays what has it when the page is shown anew: by its id, else by its address, and the row that is chosen by its exchange.
function focusAgain(focused, chosen) {
  const row = chosen && main.querySelector(`[data-row][data-exchange="${CSS.escape(chosen)}"]`);
  row?.setAttribute("aria-selected", "true");
  if (!focused) return;
  const address = focused.getAttribute("href");
  const link = address && main.querySelector(`a[href="${CSS.escape(address)}"]`);
  (document.getElementById(focused.id) ?? link ?? row?.querySelector("a, button") ?? document.getElementById("headline"))?.focus();
}

const order = () => Array.from(main.querySelectorAll(":is(tr, li)[data-exchange]"), (row) => row.dataset.exchange).join();

function show(fresh) {
  const before = { order: order(), headline: document.getElementById("headline")?.textContent ?? "" };
  const focused = main.contains(document.activeElement) && document.activeElement !== main ? document.activeElement : null;
  const chosen = main.querySelector('[data-row][aria-selected="true"]')?.dataset.exchange;
  const written = [...main.querySelectorAll("input[type='text'], input:not([type]), textarea, select")].filter(isWritten);
  const typed = focused?.closest("form.keep, details[open] form") || (!focused?.options && written.includes(focused));
  if (typed) return; // what somebody writes is not taken from under them; the next change tries again
  const opened = new Set(Array.from(main.querySelectorAll("details[open] > summary"), (each) => each.textContent));
  main.replaceChildren(...[...fresh.getElementById("main").childNodes].map((each) => document.adoptNode(each)));
  for (const summary of main.querySelectorAll("details > summary")) summary.parentElement.open ||= opened.has(summary.textContent);
  for (const { id, value } of written) {
    const field = id ? document.getElementById(id) : null;
    if (field) field.value = value;
  }
  if (every) main.dataset.every = fresh.getElementById("main").dataset.every;
  fresh.getElementById("plain")?.remove();
  for (const id of ["bars", "foot"]) document.getElementById(id).replaceWith(document.adoptNode(fresh.getElementById(id)));
  showRail(fresh);
  newest = Number(fresh.body.dataset.position);
  document.body.dataset.position = String(newest);
  document.body.classList.toggle("stale", fresh.body.classList.contains("stale"));
  if (document.body.dataset.sounding !== "flash") document.title = fresh.title;
  if (order() !== before.order) movedAt = performance.now();
  focusAgain(focused, chosen);
  const headline = document.getElementById("headline")?.textContent ?? "";
  if (headline.trim() !== before.headline.trim()) say(headline.trim(), { shown: false });
}

addEventListener("submit", (event) => {
  if (event.target.closest("main") && event.target.hasAttribute("data-receipt") && performance.now() - movedAt < SETTLE_MS) {
    event.preventDefault();
    say(words("pressed_late"));
  }
});
// A form with a text is sent once the server answers. Until then it stays as it is, on this page and on this device.
const reached = new WeakSet();
const reaching = new WeakSet();
addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("#writing, #checking") || reached.delete(form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (reaching.has(form)) return;
  reaching.add(form);
  const answer = await fetch("/livez", { cache: "no-store", signal: AbortSignal.timeout(REACH_MS) }).catch(() => null);
  reaching.delete(form);
  if (answer && answer.status < 500) {
    reached.add(form);
    form.requestSubmit(event.submitter);
    reached.delete(form);
    return;
  }
  const keeping = { kept: false };
  form.dispatchEvent(new CustomEvent("unreached", { detail: keeping }));
  bar("unreached", "serious", [words(await keeping.kept ? "unreached_kept" : "unreached"), words("unreached_more")], button(words("lost_know"), () => bar("unreached", null)));
}, true);
signForms((sentence) => bar("unsigned", "serious", [sentence], button(words("lost_know"), () => bar("unsigned", null))));
for (const press of ["pointerdown", "keydown"]) addEventListener(press, () => { heldSince = performance.now(); }, true);
for (const release of ["pointerup", "pointercancel", "keyup"]) addEventListener(release, () => { heldSince = -Infinity; }, true);

// Clocks: all of them tick together

function tick() {
  const now = clock.now();
  alarm.second();
  const iso = `${new Date(now).toISOString().slice(0, 19)}Z`;
  for (const shown of document.querySelectorAll("time[data-utc]")) {
    shown.dateTime = iso;
    shown.textContent = hour(now);
  }
  for (const shown of document.querySelectorAll("time[data-zone]")) {
    shown.dateTime = iso;
    const text = local(shown.dataset.zone, now);
    if (shown.textContent !== text) shown.textContent = text;
  }
  for (const shown of document.querySelectorAll("[data-waited]")) {
    const waited = (now - Date.parse(shown.dataset.since)) / 1000;
    const text = shown.dataset.waited === "clock" ? minutes(waited) : span(waited);
    if (shown.textContent !== text) shown.textContent = text;
    if (shown.dataset.waited === "clock") shown.toggleAttribute("data-long", waited >= 6000);
  }
}

const here = new URL(location.href);
if (here.searchParams.has("said")) {
  here.searchParams.delete("said");
  here.searchParams.delete("after");
  history.replaceState(null, "", here); // else a reload would say it again
  say(document.getElementById("saying").textContent);
}
// The focus goes to an error; else to the field that the address names, or to the first field of what is written.
function firstField() {
  const aimed = here.hash ? document.getElementById(here.hash.slice(1)) : null;
  const folded = aimed?.closest("details");
  if (folded) folded.open = true;
  if (aimed?.matches("input")) return aimed;
  if (here.hash) return null;
  const menu = here.pathname.endsWith("/compose") ? main : null;
  return (document.getElementById("writing") ?? menu)?.querySelector(":is(input:not([type='hidden']), select, textarea, a.button)") ?? null;
}
document.querySelector("[data-focus]")?.focus();
if (!document.activeElement?.matches("[data-focus]")) firstField()?.focus({ preventScroll: true });
keys();
keep();
alarm.begin();
link.begin();
