// The preview of the other side's page, beside the form. It is asked for again when somebody has
// stopped typing, and only while it is open.

import { ask, page, parsed } from "./page.js";

const AFTER_MS = 800;

const button = document.querySelector("[data-preview]");
const aside = document.getElementById("live-preview");
const form = document.getElementById("writing");
const shown = aside?.querySelector("[data-preview-body]");

let asked = 0;
let timer = 0;

async function show() {
  const mine = ++asked;
  const body = new FormData(form);
  body.delete("upload");
  body.set("do", "preview");
  const answer = await ask(form.action, { method: "POST", body: new URLSearchParams(body) }).catch(() => null);
  if (!answer?.ok || mine !== asked || aside.hidden) return;
  const text = parsed(await answer.text()).body;
  const open = shown.querySelector("details")?.open;
  const choosing = shown.contains(document.activeElement) ? document.activeElement.name : "";
  shown.replaceChildren(...[...text.childNodes].map((each) => document.adoptNode(each)));
  if (open) shown.querySelector("details")?.setAttribute("open", "");
  for (const each of shown.querySelectorAll("[value=preview]")) each.remove(); // a choice shows it at once
  if (choosing) shown.querySelector(`[name="${choosing}"]`)?.focus();
}

function later() {
  if (aside.hidden) return;
  clearTimeout(timer);
  timer = setTimeout(show, AFTER_MS);
}

if (button && aside && page.channel) {
  button.hidden = false;
  button.addEventListener("click", () => {
    aside.hidden = !aside.hidden;
    button.setAttribute("aria-expanded", String(!aside.hidden));
    aside.parentElement.classList.toggle("previewing", !aside.hidden);
    if (aside.hidden) return;
    show();
    aside.scrollIntoView({ block: "nearest" });
  });
  form.addEventListener("input", later);
  form.addEventListener("change", later);
  shown.addEventListener("change", () => show());
}
