// The single-letter shortcuts, which a reader can switch off. They never act in a field, with a
// modifier, on repeat, or while a character is being composed.

import { page } from "./page.js";

const field = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;
const press = (selector) => {
  const found = document.querySelector(selector);
  if (!found) return false;
  found.click();
  return true;
};

function row(step) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (rows.length === 0) return false;
  const at = rows.findIndex((each) => each.getAttribute("aria-selected") === "true");
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
  for (const each of rows) each.removeAttribute("aria-selected");
  next.setAttribute("aria-selected", "true");
  (next.querySelector("a, button") ?? next).focus();
  return true;
}

// The answer of a row is among the moves on the page of its matter.
function answer() {
  const link = document.querySelector('[data-row][aria-selected="true"] .what > a, [data-row]:focus-within .what > a');
  if (!link) return false;
  location.assign(`${link.href}#moves`);
  return true;
}

const DOES = {
  a: () => press('[data-row][aria-selected="true"] [data-receipt] button, [data-row]:focus-within [data-receipt] button, main [aria-keyshortcuts="a"]'),
  j: () => row(1),
  k: () => row(-1),
  n: () => press('[aria-keyshortcuts="n"]'),
  c: () => press('[aria-keyshortcuts="c"]'),
  r: () => press('[aria-keyshortcuts="r"]') || answer(),
  h: () => press('[aria-keyshortcuts="h"]'),
  m: () => press('[aria-keyshortcuts="m"]'),
  p: () => press('[aria-keyshortcuts="p"]'),
  t: () => press('[aria-keyshortcuts="t"]'),
  x: () => press('[aria-keyshortcuts="x"]'),
  l: () => press('[aria-keyshortcuts="l"]'),
  w: () => {
    const field = document.querySelector("[data-when]");
    if (!field) return press('[aria-keyshortcuts="w"]');
    const folded = field?.closest("details");
    if (folded) folded.open = true;
    field?.focus();
    return true;
  },
  "/": () => {
    document.getElementById("find")?.select();
    return true;
  },
  "?": () => press('[aria-keyshortcuts="?"]'),
  End: () => press('[aria-keyshortcuts="End"]'),
};

export function keys() {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229 || event.repeat) return;
    if (event.key === "Enter" && event.ctrlKey) {
      const form = event.target.closest("form");
      const send = document.querySelector("[data-send]");
      if (send && (form === null || form === send.form)) {
        event.preventDefault();
        send.click();
      }
      return;
    }
    if (!page.keys || event.ctrlKey || event.metaKey || event.altKey || field(event.target) || document.querySelector("dialog[open]")) return;
    if (DOES[event.key]?.()) event.preventDefault();
  });
}
