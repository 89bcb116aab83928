// Keeps the board as the server has it. The event stream only hints that something came: what is shown is always the
// server's own page, so that a board with scripts and one without say the same. A beat finds what no stream tells: that
// the service has stopped answering, or answers without seeing the log itself.

const BEAT_MS = 2000;
const PATIENCE_MS = 2000; // together with the beat: a lost link shows within four seconds
const GATHER_MS = 100;
const SETTLE_MS = 500; // a row that has just moved under a finger is not the one that was meant
const HELD_MS = 1000; // a key or button whose release never came does not hold the page for longer

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

const main = document.getElementById("main");
const lostPlace = document.getElementById("lost");
const saying = document.getElementById("saying");
const channel = encodeURIComponent(main.dataset.channel);
const here = new URL(location.href);

let stream = null;
let lost = false;
let leaving = false;
let beating = false;
let refreshing = false;
let wanted = false;
let gathering = 0;
let heardAt = new Date();
let heldSince = -Infinity;
let movedAt = -Infinity;

const clock = (iso) => `${iso.slice(11, 19)}Z`;
const utc = (iso) => `${Number(iso.slice(8, 10))} ${MONTHS[Number(iso.slice(5, 7)) - 1]} ${iso.slice(0, 4)} ${clock(iso)}`;

// A live region is read out only when it changes after it was there.
function say(text) {
  saying.textContent = "";
  setTimeout(() => { saying.textContent = text; }, 100);
}

async function ask(url, accept) {
  const answer = await fetch(url, {
    headers: { Accept: accept },
    redirect: "manual",
    cache: "no-store",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (answer.status === 401 || answer.type === "opaqueredirect") {
    leaving = true;
    location.assign(`/sign-in?next=${encodeURIComponent(here.pathname + here.search)}`);
    return null;
  }
  if (answer.status === 403 || answer.status === 404) {
    leaving = true;
    location.reload(); // the page itself says what has been withdrawn
    return null;
  }
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  heardAt = new Date();
  return answer;
}

function setCell(cell, state, icon, word, detail) {
  cell.dataset.state = state;
  cell.querySelector("use").setAttribute("href", `#i-${icon}`);
  if (word !== undefined) {
    cell.querySelector("b").textContent = word;
    cell.querySelector("small").textContent = detail;
  }
}

function showPageState() {
  const cell = document.getElementById("page-state");
  if (lost) setCell(cell, "critical", "lost", "Page not live", "the bar above says since when");
  else setCell(cell, "normal", "normal", "Page live", "shows records as they come");
}

function lose() {
  if (lost || leaving) return;
  lost = true;
  const bar = document.getElementById("lost-bar").content.cloneNode(true);
  const heard = heardAt.toISOString();
  const since = bar.querySelector("[data-since]");
  since.dateTime = heard;
  since.textContent = clock(heard);
  lostPlace.replaceChildren(bar);
  document.body.classList.add("stale");
  document.title = document.title.replace(/^((?:EXERCISE )*).*?, /, "$1Not known, ");
  for (const cell of document.querySelectorAll("#rail li")) setCell(cell, "off", "off");
  showPageState();
}

function found() {
  lost = false;
  lostPlace.replaceChildren();
  say(document.getElementById("headline").innerText);
}

const order = () => Array.from(main.querySelectorAll("tr[data-exchange]"), (row) => row.dataset.exchange).join();

function show(page) {
  const before = { order: order(), waiting: main.dataset.waiting, stale: document.body.classList.contains("stale") };
  const focused = main.contains(document.activeElement) ? document.activeElement : null;
  const fresh = page.getElementById("main");
  main.replaceChildren(...fresh.childNodes);
  main.dataset.position = fresh.dataset.position;
  main.dataset.waiting = fresh.dataset.waiting;
  for (const id of ["rail", "foot", "lost-bar"]) document.getElementById(id).replaceWith(page.getElementById(id));
  document.title = page.title;
  document.body.className = page.body.className;
  if (order() !== before.order) movedAt = performance.now();
  if (focused !== null && focused !== main) (document.getElementById(focused.id) ?? document.getElementById("headline")).focus();
  if (lost) found();
  else if (before.waiting !== main.dataset.waiting || before.stale !== document.body.classList.contains("stale")) {
    say(document.getElementById("headline").innerText);
  }
  showPageState();
}

async function refresh() {
  wanted = true;
  if (refreshing || leaving) return;
  refreshing = true;
  try {
    while (wanted && !leaving) {
      wanted = false;
      const answer = await ask(here, "text/html");
      if (answer === null) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      // Replacing a button between press and release would swallow the press.
      while (performance.now() - heldSince < HELD_MS) await new Promise((go) => { setTimeout(go, 50); });
      if (!leaving) show(page);
    }
  } catch {
    lose();
  } finally {
    refreshing = false;
  }
}

function hint() {
  clearTimeout(gathering);
  gathering = setTimeout(refresh, GATHER_MS);
}

function listen() {
  stream = new EventSource(`/v1/channels/${channel}/records?after=${main.dataset.position}`);
  stream.addEventListener("record", hint);
  stream.addEventListener("error", beat);
}

async function beat() {
  if (beating || leaving) return;
  beating = true;
  try {
    const answer = await ask(`/v1/channels/${channel}`, "application/json");
    if (answer === null) return;
    const position = Number(answer.headers.get("Dragoman-Position"));
    const stale = answer.headers.get("Dragoman-Stale") === "true";
    if (stream.readyState === EventSource.CLOSED) listen();
    if (lost || position > Number(main.dataset.position) || stale !== document.body.classList.contains("stale")) await refresh();
    else if (!stale) moveOn(answer.headers.get("Dragoman-As-Of"));
  } catch {
    lose();
  } finally {
    beating = false;
  }
}

// The template's copy moves on as well: should the link be lost next, its bar names this time.
function moveOn(time) {
  const templated = document.getElementById("lost-bar").content.querySelectorAll("[data-as-of]");
  for (const shown of [...document.querySelectorAll("[data-as-of]"), ...templated]) {
    shown.dateTime = time;
    shown.textContent = utc(time);
  }
}

if (here.searchParams.has("said")) {
  here.searchParams.delete("said");
  history.replaceState(null, "", here); // else a reload would say it again
  say(saying.textContent);
}
for (const press of ["pointerdown", "keydown"]) addEventListener(press, () => { heldSince = performance.now(); }, true);
for (const release of ["pointerup", "pointercancel", "keyup"]) addEventListener(release, () => { heldSince = -Infinity; }, true);
addEventListener("submit", (event) => {
  if (event.target.action.endsWith("/acknowledge") && performance.now() - movedAt < SETTLE_MS) {
    event.preventDefault();
    say("The list has just changed. Look again, then press again.");
  }
});
addEventListener("pagehide", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; beat(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) beat(); });
addEventListener("offline", lose);
addEventListener("online", beat);
listen();
showPageState();
setInterval(beat, BEAT_MS);
