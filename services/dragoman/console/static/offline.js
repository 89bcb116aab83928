// The service worker: on a lost connection, it shows the numbers to ring and not the browser's
// error. It keeps only this page of the service, and its style sheet. kept.js adds the numbers,
// which are deleted with the session.

const PLAIN = "dragoman-offline";
const NUMBERS = "dragoman-numbers";
const STYLE = "/static/console.css";
const PAGE = "/offline";
const PATIENCE_MS = 30_000;
const SESSION = ["/sign-out", "/sign-in"]; // a session begins and ends there: what was kept for the one before is deleted

addEventListener("install", (event) => {
  event.waitUntil(caches.open(PLAIN).then((cache) => cache.addAll([PAGE, STYLE])).then(() => skipWaiting()));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname } = new URL(request.url);
  if (request.mode === "navigate" && request.method !== "GET") { // a form that is sent waits for its own answer, however long
    if (SESSION.includes(pathname)) event.respondWith(caches.delete(NUMBERS).then(() => fetch(request)));
  } else if (request.mode === "navigate") event.respondWith(navigated(request, pathname));
  else if (pathname === STYLE) event.respondWith(fetch(request).catch(async () => (await caches.match(STYLE)) ?? Response.error()));
});

async function navigated(request, pathname) {
  if (SESSION.includes(pathname)) await caches.delete(NUMBERS);
  let late = 0;
  const silence = new Promise((_, reject) => { late = setTimeout(() => reject(new Error("no answer")), PATIENCE_MS); });
  try {
    return await Promise.race([fetch(request), silence]); // the request as it is: a changed one no longer asks for a page
  } catch {
    return offline(pathname);
  } finally {
    clearTimeout(late);
  }
}

async function offline(pathname) {
  const cache = await caches.open(NUMBERS);
  const kept = [];
  for (const key of await cache.keys()) {
    const answer = await cache.match(key);
    if (Date.parse(answer.headers.get("Dragoman-Kept-Until")) > Date.now()) kept.push([new URL(key.url).pathname, answer]);
    else await cache.delete(key);
  }
  const wanted = `${/^\/c\/[^/]+/.exec(pathname)?.[0]}${PAGE}`;
  const found = kept.find(([path]) => path === wanted) ?? kept[0];
  return found?.[1] ?? (await caches.match(PAGE)) ?? Response.error();
}
