// A text in several languages, paragraph beside paragraph. Each paragraph has a box of its own: an
// empty line, typed or pasted, begins the next one. The boxes of one language have one name, and
// the server joins them again.

const BETWEEN = /\n[ \t\u3000]*\n\s*/;
const composing = (event) => event.isComposing || event.keyCode === 229;

const groups = [...document.querySelectorAll("[data-texts]")];

const rowsOf = (group) => [...group.querySelectorAll(".level > .paragraph")];
const boxesOf = (group, name) => [...group.querySelectorAll(".level textarea")].filter((box) => box.name === name);
const namesOf = (group) => [...new Set([...group.querySelectorAll(".level textarea")].map((box) => box.name))];

// The box of another language in the same paragraph.
export const beside = (box, tag) =>
  [...(box.closest(".paragraph")?.querySelectorAll("textarea") ?? [])].find((other) => other.lang === tag);

// The other languages of a text in which somebody has written.
export const begun = (box) =>
  [...new Set([...(box.closest("[data-texts]")?.querySelectorAll(".level textarea") ?? [])].filter((other) => other.name !== box.name && other.value.trim()).map((other) => other.lang))];

function addRow(group) {
  const number = rowsOf(group).length + 1;
  const row = group.querySelector("template").content.firstElementChild.cloneNode(true);
  for (const box of row.querySelectorAll("textarea")) {
    box.id = box.id.replace(/-0$/, `-${number}`);
    box.closest(".cell").querySelector("label").htmlFor = box.id;
  }
  for (const place of row.querySelectorAll("[data-n]")) place.textContent = String(number);
  group.querySelector(".level").append(row);
}

// Put the paragraphs of one language into their boxes, the rest into the last of them.
function put(group, name, texts) {
  const most = Number(group.dataset.most);
  const parts = texts.length > most ? [...texts.slice(0, most - 1), texts.slice(most - 1).filter((text) => text.trim()).join("\n\n")] : texts;
  while (rowsOf(group).length < parts.length) addRow(group);
  boxesOf(group, name).forEach((box, place) => {
    const text = parts[place] ?? "";
    if (box.value !== text) box.value = text;
  });
}

// Rows at the end in which nobody has written are taken out.
function trim(group) {
  for (const row of rowsOf(group).reverse()) {
    const boxes = [...row.querySelectorAll("textarea")];
    if (row === rowsOf(group)[0] || boxes.some((box) => box.value.trim() || box === document.activeElement)) return;
    row.remove();
  }
}

function mark(group) {
  const begun = new Set([...group.querySelectorAll(".level textarea")].filter((box) => box.value.trim()).map((box) => box.name));
  for (const row of rowsOf(group)) {
    const boxes = [...row.querySelectorAll("textarea")];
    const written = boxes.some((box) => box.value.trim());
    for (const box of boxes) {
      box.closest(".cell").querySelector("[data-gap]").hidden = !(written && begun.has(box.name) && !box.value.trim());
    }
  }
}

function place(group, name, index, caret) {
  const box = boxesOf(group, name)[index];
  if (!box) return;
  box.focus();
  box.setSelectionRange(caret, caret);
}

// An empty line in a box begins a paragraph of its own; an empty box below takes it.
function split(group, box) {
  const most = Number(group.dataset.most);
  const boxes = boxesOf(group, box.name);
  const index = boxes.indexOf(box);
  if (!BETWEEN.test(box.value) || index === most - 1) return;
  const parts = box.value.split(BETWEEN);
  const before = box.value.slice(0, box.selectionEnd).split(BETWEEN);
  const focused = document.activeElement === box;
  const below = boxes.slice(index + 1).map((each) => each.value);
  let room = parts.length - 1;
  while (room && below.length && !below[0].trim()) {
    below.shift();
    room -= 1;
  }
  while (below.length && !below.at(-1).trim()) below.pop();
  put(group, box.name, [...boxes.slice(0, index).map((each) => each.value), ...parts, ...below]);
  if (focused) place(group, box.name, Math.min(index + before.length - 1, most - 1), before.at(-1).length);
}

// Backspace at the beginning of a paragraph joins it to the one before.
function join(group, box) {
  const boxes = boxesOf(group, box.name);
  const index = boxes.indexOf(box);
  if (index < 1) return false;
  const texts = boxes.map((each) => each.value);
  const [one, other] = [texts[index - 1], texts[index]];
  texts.splice(index - 1, 2, one && other ? `${one}\n${other}` : one + other);
  put(group, box.name, texts);
  place(group, box.name, index - 1, one.length + (one && other ? 1 : 0));
  trim(group);
  return true;
}

// Fill in a text of one name from its boxes, as a draft on this device has them. One that was begun
// without a connection is in one piece.
export function restore(name, values) {
  const group = groups.find((each) => namesOf(each).includes(name));
  if (!group) return false;
  put(group, name, values.flatMap((text) => text.split(BETWEEN)));
  mark(group);
  return true;
}

for (const group of groups) {
  group.addEventListener("input", (event) => {
    if (event.target.tagName !== "TEXTAREA" || composing(event)) return;
    split(group, event.target);
    mark(group);
  });
  group.addEventListener("compositionend", (event) => {
    if (event.target.tagName === "TEXTAREA") mark(group);
  });
  group.addEventListener("keydown", (event) => {
    const box = event.target;
    if (event.key !== "Backspace" || box.tagName !== "TEXTAREA" || composing(event) || box.selectionStart || box.selectionEnd) return;
    if (!join(group, box)) return;
    event.preventDefault();
    box.form.dispatchEvent(new Event("input", { bubbles: true }));
    mark(group);
  });
  mark(group);
}
