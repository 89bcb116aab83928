// The data that this device keeps for a lost connection: the duty numbers of the channel. It keeps
// the numbers that its reader may see, and nothing else. An open page asks for them again and
// again, so that erased or withdrawn numbers disappear here too. They are deleted with the
// session.

import { page, workerPath } from "./page.js";

const NUMBERS = "dragoman-numbers";
const AGAIN_MS = 300_000;
const UNTIL = "Dragoman-Kept-Until";

export function keep() {
  if (!navigator.serviceWorker || !globalThis.caches || page.past) return;
  navigator.serviceWorker.register(workerPath("/offline.js")).catch(() => null); // without one, the browser says so itself
  if (!page.channel) return;
  renew();
  setInterval(renew, AGAIN_MS);
}

async function renew() {
  const path = `/c/${page.channel}/offline`;
  try {
    const cache = await caches.open(NUMBERS);
    const answer = await fetch(path, { cache: "no-store", redirect: "manual", headers: { Accept: "text/html" } });
    if (answer.ok && Date.parse(answer.headers.get(UNTIL)) > Date.now()) await cache.put(path, answer);
    else if (answer.type === "opaqueredirect" || answer.status === 401) await forget();
    else if (answer.status < 500) await cache.delete(path);
  } catch {
    // The line is lost, or the browser keeps nothing: what is there stays until its time.
  }
}

export async function forget() {
  await globalThis.caches?.delete(NUMBERS).catch(() => null);
}

addEventListener("submit", (event) => { if (event.target.action.endsWith("/sign-out")) forget(); }, true);
