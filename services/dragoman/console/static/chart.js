// The chart: its links move it without a new page, and the pointer has a position, a range and a bearing.
// The server draws every part, so the chart says the same as without scripts.

import { ask, parsed } from "./page.js";

const RADIUS_M = 6_371_008.8;
const NM_M = 1852;
const DRAG_PX = 6;

const chart = () => document.getElementById("sea-chart");
const picture = () => chart()?.querySelector("svg.sea");
const degrees = (angle) => (angle * 180) / Math.PI;
const radians = (angle) => (angle * Math.PI) / 180;
const round = (value, digits) => value.toLocaleString(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const turned = (lon) => ((((lon + 180) % 360) + 360) % 360) - 180;

// The latest request wins: an answer to an earlier one is left aside.
let asked = 0;

async function show(address, focus = "") {
  const mine = ++asked;
  try {
    const answer = await ask(address);
    if (!answer.ok || mine !== asked) return;
    const fresh = parsed(await answer.text());
    const moved = fresh.getElementById("sea-chart");
    const choice = fresh.getElementById("part");
    if (!moved || !chart()) return;
    const scroller = chart().querySelector(".wide-scroll");
    const [left, top] = [scroller.scrollLeft, scroller.scrollTop];
    chart().replaceWith(document.adoptNode(moved));
    chart().querySelector(".wide-scroll").scrollTo(left, top);
    if (choice) document.getElementById("part")?.replaceWith(document.adoptNode(choice));
    history.replaceState(null, "", address);
    ready();
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
  } catch {
    // The line is lost: the page says so itself, and the chart stays as it is.
  }
}

const view = () => Object.fromEntries(["x", "y", "lat", "lon", "pxLat", "pxLon", "height"].map((name) => [name, Number(chart().dataset[name])]));

function under(event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture().getScreenCTM().inverse());
  return { x: point.x, y: point.y };
}

function placeAt({ x, y }) {
  const now = view();
  return { lat: Math.max(-90, Math.min(90, now.lat - (y - now.y) / now.pxLat)), lon: turned(now.lon + (x - now.x) / now.pxLon) };
}

// Great circle on a sphere, as the server computes it.
export function way(from, to) {
  const [a, b, east] = [radians(from.lat), radians(to.lat), radians(to.lon - from.lon)];
  const chord = Math.sin((b - a) / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(east / 2) ** 2;
  const angle = Math.atan2(Math.sin(east) * Math.cos(b), Math.cos(a) * Math.sin(b) - Math.sin(a) * Math.cos(b) * Math.cos(east));
  return { metres: 2 * RADIUS_M * Math.asin(Math.min(1, Math.sqrt(chord))), bearing: (degrees(angle) + 360) % 360 };
}

function letters(value, width, names) {
  const minutes = Math.round(Math.abs(value) * 600);
  const whole = String(Math.floor(minutes / 600)).padStart(width, "0");
  return `${whole}-${String(Math.floor((minutes % 600) / 10)).padStart(2, "0")}.${minutes % 10}${names[Number(value < 0)]}`;
}

// The mark from which the range is taken: the one that the form has, else the middle of the chart.
function origin() {
  const choice = document.getElementById("a")?.selectedOptions[0];
  if (choice?.value) return { lat: Number(choice.dataset.lat), lon: Number(choice.dataset.lon), name: choice.textContent.split(",")[0] };
  const now = view();
  return { lat: now.lat, lon: turned(now.lon), name: "" };
}

function point(event) {
  const line = document.getElementById("sea-pointer");
  const to = placeAt(under(event));
  const from = origin();
  const { metres, bearing } = way(from, to);
  const digits = metres < 18_000 ? 1 : 0;
  const range = `${round(metres / NM_M, digits)}\u00a0${line.dataset.nm} · ${round(metres / 1000, digits)}\u00a0${line.dataset.km}`;
  const values = {
    place: `${letters(to.lat, 2, "NS")} ${letters(to.lon, 3, "EW")}`,
    from: from.name,
    range,
    bearing: `${String(Math.round(bearing) % 360).padStart(3, "0")}°`,
  };
  line.textContent = (from.name ? line.dataset.form : line.dataset.plain).replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function moveTo(lat, lon, height) {
  const address = new URL(location.href);
  address.searchParams.set("part", [lat.toFixed(4), turned(lon).toFixed(4), Math.max(0.5, Math.min(10_800, height)).toFixed(1)].join(","));
  return show(address.href);
}

let drag = null;

function ready() {
  if (!chart()) return;
  document.getElementById("sea-pointer").hidden = false;
  for (const link of chart().querySelectorAll(".sea-moves a")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      show(link.href, link.id);
    });
  }
  const drawn = picture();
  drawn.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.pointerType === "mouse") drag = { start: under(event), moved: false };
  });
  drawn.addEventListener("pointermove", (event) => {
    point(event);
    if (!drag) return;
    const now = under(event);
    const [x, y] = [now.x - drag.start.x, now.y - drag.start.y];
    drag.moved ||= Math.hypot(x, y) > DRAG_PX;
  });
  drawn.addEventListener("pointerup", (event) => {
    if (drag?.moved) {
      const now = view();
      const [from, to] = [drag.start, under(event)];
      moveTo(now.lat + (to.y - from.y) / now.pxLat, now.lon - (to.x - from.x) / now.pxLon, now.height);
    }
  });
  // A link that was dragged is not opened.
  drawn.addEventListener("click", (event) => {
    if (drag?.moved) event.preventDefault();
    drag = null;
  }, true);
  drawn.addEventListener("dragstart", (event) => event.preventDefault());
  drawn.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const now = view();
    const place = placeAt(under(event));
    const zoom = event.deltaY < 0 ? 0.5 : 2;
    moveTo(place.lat + (now.lat - place.lat) * zoom, place.lon + turned(now.lon - place.lon) * zoom, now.height * zoom);
  }, { passive: false });
}

addEventListener("pointerup", () => setTimeout(() => { drag = null; }));
ready();

// A narrow screen shows the middle of the picture first: the marks are around it.
const scroller = chart()?.querySelector(".wide-scroll");
if (scroller) scroller.scrollLeft = (scroller.scrollWidth - scroller.clientWidth) / 2;
