// The wall display: its clocks, its reload, and its words while no update comes. It has
// no control, and makes no sound.

import { Link } from "./link.js";
import { ask, clock, hour, local, minutes, OWN_STYLE, page, parsed, SignedOut, span, styleOf, words } from "./page.js";

const BLIND_S = 20;

const link = new Link();
let heardAt = clock.now();
let shownAt = clock.now();
let lost = false;
let loading = false;

const wall = () => document.getElementById("wall");

function heard(iso) {
  if (iso) clock.set(iso);
  heardAt = clock.now();
}

// The display as it is now takes the place of the one that is shown.
async function load() {
  if (loading) return;
  loading = true;
  try {
    const answer = await ask(location.href);
    if (!answer.ok) return;
    const fresh = parsed(await answer.text());
    const made = fresh.getElementById("wall");
    if (!made) return;
    if (styleOf(fresh) !== OWN_STYLE) { // another release: nothing is armed or written here, so the page loads whole
      location.reload();
      return;
    }
    wall().replaceWith(document.adoptNode(made));
    document.body.className = fresh.body.className;
    document.body.dataset.position = fresh.body.dataset.position;
    document.title = fresh.title;
    lost = false;
    heardAt = clock.now();
    tick();
  } catch (error) {
    if (error instanceof SignedOut) location.reload();
  } finally {
    loading = false;
  }
}

function lose() {
  if (!lost) {
    lost = true;
    const headline = document.getElementById("headline");
    const was = headline.textContent.trim();
    document.body.classList.add("stale", "lost");
    headline.textContent = words("lost_headline");
    document.getElementById("wall-known").textContent = `${words("lost_known", { t: hour(heardAt), was })} ${words("lost_since")}`;
  }
}

function tick() {
  const now = clock.now();
  const iso = `${new Date(now).toISOString().slice(0, 19)}Z`;
  for (const shown of document.querySelectorAll("time[data-utc]")) {
    shown.dateTime = iso;
    shown.textContent = hour(now);
  }
  for (const shown of document.querySelectorAll("time[data-zone]")) {
    shown.dateTime = iso;
    shown.textContent = local(shown.dataset.zone, now);
  }
  for (const shown of document.querySelectorAll("[data-waited]")) {
    const waited = (now - Date.parse(shown.dataset.since)) / 1000;
    shown.textContent = shown.dataset.waited === "clock" ? minutes(waited) : span(waited);
  }
  if ((now - heardAt) / 1000 >= BLIND_S) lose();
  if ((now - shownAt) / 1000 >= Number(wall().dataset.reload)) {
    shownAt = now;
    load();
  }
}

for (const kind of ["hello", "ping"]) {
  link.addEventListener(kind, ({ detail }) => {
    heard(detail.now);
    if (lost) load();
  });
}
link.addEventListener("change", ({ detail }) => {
  heard();
  if (detail.channel === page.channel) load();
});
setInterval(tick, 1000);
link.begin();
