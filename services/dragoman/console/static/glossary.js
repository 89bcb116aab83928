// Explains a term on hover, focus and tap. Without this script the term is a link to the glossary.

const OPENS_MS = 250; // a pointer on its way elsewhere opens nothing
const CLOSES_MS = 300; // and may go from the term to its explanation

let timer = 0;

const noteOf = (term) => document.getElementById(`term-${term.dataset.term}`);
const isOpen = (note) => note.matches(":popover-open");

function show(note, wait) {
  clearTimeout(timer);
  timer = setTimeout(() => { if (!isOpen(note) && !document.querySelector("dialog[open]")) note.showPopover(); }, wait);
}

function hide(note) {
  clearTimeout(timer);
  timer = setTimeout(() => { if (isOpen(note)) note.hidePopover(); }, CLOSES_MS);
}

function wire(term) {
  const note = noteOf(term);
  if (!note?.showPopover || term.dataset.wired) return;
  term.dataset.wired = "yes";
  term.setAttribute("aria-describedby", note.id);
  term.addEventListener("pointerenter", ({ pointerType }) => { if (pointerType === "mouse") show(note, OPENS_MS); });
  term.addEventListener("pointerleave", ({ pointerType }) => { if (pointerType === "mouse") hide(note); });
  term.addEventListener("focus", () => { if (term.matches(":focus-visible")) show(note, 0); });
  term.addEventListener("blur", ({ relatedTarget }) => { if (!note.contains(relatedTarget)) hide(note); });
  term.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(note, 0);
  });
  note.addEventListener("pointerenter", () => clearTimeout(timer));
  note.addEventListener("pointerleave", () => hide(note));
}

const all = () => document.querySelectorAll("a.term").forEach(wire);

all();
// The board exchanges its rows while it is open.
new MutationObserver(all).observe(document.body, { childList: true, subtree: true });
