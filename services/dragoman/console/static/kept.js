// The data that this device keeps for a lost connection: the last board of the channel, the cards
// to read aloud, and the duty numbers. An open page asks for them again and again, so that what
// was erased or withdrawn disappears here too. All of it is sealed (sealed.js) and ends with the
// session.

import "./sealed.js";
import { bar, opens, page, words, workerPath } from "./page.js";

const AGAIN_MS = 300_000;
const FRESH_MS = 60_000;
const UNTIL = "Dragoman-Kept-Until";
const DRAFT = "draft ";
const { sealed } = globalThis;

export function keep() {
  if (!navigator.serviceWorker || !globalThis.indexedDB || page.past) return;
  navigator.serviceWorker.register(workerPath("/offline.js")).catch(() => null); // without one, the browser says so itself
  if (!page.channel) return;
  remind();
  renew(FRESH_MS);
  setInterval(renew, AGAIN_MS);
}

// Say which texts are only on this device, with the way to their forms; a form says it of its own. A text that is being checked has arrived.
async function remind() {
  if (document.getElementById("checking")) await sealed.remove(DRAFT + location.pathname).catch(() => null);
  const kept = await sealed.list(`${DRAFT}/c/${page.channel}/`).catch(() => []);
  const forms = new Map(kept.map(({ name, content }) => [name.slice(DRAFT.length).split(" ")[0], content.title]));
  forms.delete(location.pathname);
  if (!forms.size) return;
  const open = [...forms].map(([href, title]) => opens(href, title));
  bar("unsent", "standby", [words("unsent", { what: [...forms.values()].join(", ") })], ...open);
}

async function renew(fresh = 0) {
  const path = `/c/${page.channel}/offline`;
  try {
    const known = await sealed.get(path);
    if (known && Date.now() - known.at < fresh && known.content.actor === page.actor) return;
    const answer = await fetch(path, { cache: "no-store", redirect: "manual", headers: { Accept: "text/html" } });
    const until = Date.parse(answer.headers.get(UNTIL));
    if (answer.ok && until > Date.now()) {
      await sealed.begin(until);
      const policy = answer.headers.get("Content-Security-Policy");
      await sealed.put(path, { html: await answer.text(), policy, actor: page.actor });
    } else if (answer.type === "opaqueredirect" || answer.status === 401) await forget();
    else if (answer.status < 500) await sealed.remove(path);
  } catch {
    // The line is lost, or the browser keeps nothing: what is there stays until its time.
  }
}

export async function forget() {
  await sealed.clear().catch(() => null);
}

addEventListener("submit", (event) => { if (event.target.action.endsWith("/sign-out")) forget(); }, true);
