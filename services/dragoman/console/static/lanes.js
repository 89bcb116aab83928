// Lanes: the slider and *Play* change the address, and the server's page of that moment takes the
// place of this one's content. So it says the same as without scripts.

import { ask, parsed } from "./page.js";

const SETTLE_MS = 150;
const PLAY_MS = 1000;

const lanes = () => document.getElementById("lanes");
const time = (name) => Date.parse(lanes().dataset[name]);
const steps = () => lanes().dataset.steps.split(" ").filter(Boolean);

let settling = 0;
let asked = 0;
let playing = 0;

async function show(moment, { focus = "" } = {}) {
  const mine = ++asked;
  const address = new URL(location.href);
  address.searchParams.set("moment", moment);
  try {
    const answer = await ask(address.href);
    if (!answer.ok || mine !== asked) return;
    const fresh = parsed(await answer.text()).getElementById("lanes");
    if (!fresh) return;
    const along = document.getElementById("along")?.value;
    lanes().replaceWith(document.adoptNode(fresh));
    history.replaceState(null, "", address);
    ready();
    if (focus && along !== undefined) document.getElementById("along").value = along;
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
  } catch {
    // The line is lost: the page says so itself, and the moment stays.
  }
}

function ready() {
  const scripted = document.querySelector(".moment-form .scripted");
  if (!scripted) return;
  scripted.hidden = false;
  const along = document.getElementById("along");
  const share = (time("moment") - time("begins")) / (time("ends") - time("begins"));
  along.value = Math.round(Math.min(Math.max(share, 0), 1) * 1000);
  along.addEventListener("input", () => {
    pause();
    clearTimeout(settling);
    settling = setTimeout(() => {
      const at = time("begins") + (along.value / 1000) * (time("ends") - time("begins"));
      show(new Date(at).toISOString(), { focus: "along" });
    }, SETTLE_MS);
  });
  const play = document.getElementById("play");
  if (playing) pressed(play, true);
  play.addEventListener("click", () => (playing ? pause() : begin()));
}

function pressed(play, on) {
  const [word, other] = [play.textContent, play.dataset.pause];
  if (play.getAttribute("aria-pressed") === String(on)) return;
  play.setAttribute("aria-pressed", String(on));
  [play.textContent, play.dataset.pause] = [other, word];
}

function begin() {
  const all = steps();
  if (!all.some((at) => at > lanes().dataset.moment)) show(all[0]);
  playing = setInterval(() => {
    const next = steps().find((at) => at > lanes().dataset.moment);
    if (next) show(next, { focus: "play" });
    else pause();
  }, PLAY_MS);
  pressed(document.getElementById("play"), true);
}

function pause() {
  clearInterval(playing);
  playing = 0;
  const play = document.getElementById("play");
  if (play) pressed(play, false);
}

ready();
