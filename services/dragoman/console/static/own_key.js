// The page of a reader's own key: makes a key in this browser, or forgets it. It also shows the
// key's state in the channel.

import { forgetKey, makeKey, ownKey } from "./signatures.js";
import { element, say } from "./page.js";

const place = document.getElementById("own-key");
const words = JSON.parse(place.dataset.words);
const { cid, log, waits } = place.dataset;
const known = JSON.parse(place.dataset.keys);
const valid = JSON.parse(place.dataset.valid);
const shown = place.querySelector(".mark");
const entry = place.querySelector("form:has(select)");

const LEVELS = { none: ["off", "off"], made: ["standby", "standby"], waits: ["standby", "standby"], valid: ["normal", "tick"], ended: ["serious", "serious"], cannot: ["caution", "caution"] };

const id = element("code", { className: "break" });
const named = element("p", { hidden: true }, `${words.key} `, id);
const make = element("button", { type: "button", className: "first", hidden: true }, words.make);
const end = element("button", { type: "button" }, words.end);
const forget = element("details", { hidden: true }, element("summary", {}, words.forget), element("p", {}, words.follows), element("p", {}, end));
shown.parentElement.after(named, make);
place.append(forget);
shown.setAttribute("role", "status");

function standing(key) {
  if (!key) return "none";
  if (valid.includes(key.id)) return "valid";
  if (known.includes(key.id)) return "ended";
  return key.id === waits ? "waits" : "made";
}

function show(state, key) {
  const [level, shape] = LEVELS[state];
  shown.dataset.state = level;
  shown.querySelector("use").setAttribute("href", `#i-${shape}`);
  shown.querySelector("b").textContent = words[state];
  named.hidden = !key;
  id.textContent = key?.id ?? "";
  forget.hidden = !key;
  make.hidden = !entry || state !== "none";
  if (entry) {
    entry.hidden = state !== "made";
    entry.elements.public.value = key?.publicKey ?? "";
  }
}

async function begin() {
  try {
    if (!globalThis.crypto?.subtle) throw new Error("no secure context");
    const key = await ownKey(cid);
    show(standing(key), key);
  } catch {
    show("cannot");
  }
}

make.addEventListener("click", async () => {
  make.disabled = true;
  try {
    await makeKey(cid, log);
    await begin();
    entry.querySelector("select").focus();
  } catch {
    show("cannot");
  }
  make.disabled = false;
});

end.addEventListener("click", async () => {
  await forgetKey(cid);
  forget.open = false;
  say(words.forgotten);
  await begin();
});

begin();
