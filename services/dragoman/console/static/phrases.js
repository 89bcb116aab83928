// Agreed phrases while somebody writes. A phrase that fits the words before the caret is offered
// in a list below the field. Tab takes it, Alt with an arrow key changes the choice, and Escape
// closes the list. A phrase that is taken stands at the same paragraph in the other languages that
// have a text; in all of them where none has one yet.

import { begun, beside } from "./level.js";
import { page } from "./page.js";

const MOST = 5;
const LETTERS = 3;
const HAN = 2;
const han = /[\u3400-\u9fff]/;
const spaced = (text) => !han.test(text.at(-1) ?? "");
const composing = (event) => event.isComposing || event.keyCode === 229;

const block = document.querySelector("[data-phrases]");
const phrases = [...document.querySelectorAll("[data-phrase]")].map((item) =>
  new Map([...item.querySelectorAll("[lang]")].map((line) => [line.lang, line.textContent.trim()])));

const list = document.createElement("ul");
list.id = "phrases-offered";
list.className = "phrases";
list.setAttribute("role", "listbox");
list.setAttribute("aria-label", block?.dataset.label ?? "");
const status = document.createElement("p");
status.className = "hide";
status.setAttribute("role", "status");
const hint = document.createElement("p");
hint.className = "phrases-hint";
hint.textContent = block?.dataset.keys ?? "";

let box = null;
let offered = [];
let active = 0;
let closed = ""; // the words for which the reader closed the list

const FIELDS = "[data-texts] textarea, textarea[data-phrased]";
const tagOf = (field) => field.lang || document.querySelector("[name='f.language']:checked")?.value || "";

// The words before the caret, back to the last end of a sentence.
const fragment = (field) => field.value.slice(0, field.selectionStart).split(/[.!?;:\n\u3002\uff01\uff1f\uff1b\uff1a\uff0c]/).at(-1).trimStart();

function fitting(field) {
  const typed = fragment(field).toLowerCase();
  const tail = typed.trim();
  if (tail.length < (han.test(tail) ? HAN : LETTERS)) return [];
  const ranked = phrases.filter((phrase) => phrase.has(tagOf(field))).map((phrase) => {
    const text = phrase.get(tagOf(field)).toLowerCase();
    return [text === tail ? -1 : text.startsWith(tail) ? 2 : text.includes(tail) ? 1 : 0, phrase];
  });
  return ranked.filter(([rank]) => rank > 0).sort((one, other) => other[0] - one[0]).slice(0, MOST).map(([, phrase]) => phrase);
}

function close() {
  if (!box) return;
  box.removeAttribute("aria-activedescendant");
  box.removeAttribute("aria-controls");
  list.remove();
  hint.remove();
  status.textContent = "";
  box = null;
  offered = [];
}

function choose(place) {
  active = (place + offered.length) % offered.length;
  [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === active)));
  box.setAttribute("aria-activedescendant", list.children[active].id);
}

function offer(field) {
  const fit = fitting(field);
  if (!fit.length || fragment(field) === closed) return close();
  if (box && box !== field) close();
  box = field;
  offered = fit;
  list.replaceChildren(...fit.map((phrase, at) => {
    const item = document.createElement("li");
    item.id = `phrase-${at}`;
    item.setAttribute("role", "option");
    const own = tagOf(field);
    for (const [tag, text] of [[own, phrase.get(own)], ...[...phrase].filter(([other]) => other !== own)]) {
      const line = document.createElement(tag === own ? "b" : "small");
      line.lang = tag;
      line.textContent = text;
      item.append(line);
    }
    return item;
  }));
  const cell = field.closest(".cell");
  cell.append(list, hint);
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  choose(0);
  status.textContent = `${block.dataset.label} (${fit.length}) – ${block.dataset.keys}`;
}

const capital = (phrase, typed) => (typed && typed[0] !== typed[0].toLowerCase() ? phrase[0].toUpperCase() + phrase.slice(1) : phrase);

function take(place) {
  const field = box;
  const phrase = offered[place];
  const typed = fragment(field).trimEnd();
  const caret = field.selectionStart;
  const start = caret - fragment(field).length;
  close();
  field.setRangeText(capital(phrase.get(tagOf(field)), typed), start, caret, "end");
  const written = begun(field);
  for (const [tag, text] of phrase) {
    const other = tag === tagOf(field) ? null : beside(field, tag);
    if (written.length && !written.includes(tag)) continue;
    if (!other || other.value.includes(text)) continue;
    const before = other.value.trimEnd();
    other.value = before ? `${before}${spaced(before) ? " " : ""}${text}` : capital(text, typed);
  }
  closed = fragment(field);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

if (phrases.length && page.channel) {
  document.getElementById("writing").append(status);
  document.addEventListener("input", (event) => {
    if (!event.target.matches?.(FIELDS)) return;
    if (composing(event)) return close();
    if (fragment(event.target) !== closed) closed = "";
    offer(event.target);
  });
  document.addEventListener("compositionend", (event) => {
    if (event.target.matches?.(FIELDS)) offer(event.target);
  });
  document.addEventListener("keydown", (event) => {
    if (!box || event.target !== box || composing(event)) return;
    const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (event.key === "Tab" && plain && !event.altKey) take(active);
    else if (event.key === "Escape") { closed = fragment(box); close(); }
    else if (event.altKey && plain && event.key === "ArrowDown") choose(active + 1);
    else if (event.altKey && plain && event.key === "ArrowUp") choose(active - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  document.addEventListener("focusout", (event) => { if (event.target === box) close(); });
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // the field keeps the focus
    const item = event.target.closest("[role=option]");
    if (item) take([...list.children].indexOf(item));
  });
}
