// The service worker: on a lost connection, it shows the last board, the cards and the numbers to
// ring, and not the browser's error. It keeps only this page of the service, and its style sheet.
// kept.js adds the rest, sealed, which is deleted with the session.

const policy = globalThis.trustedTypes?.createPolicy("dragoman", { createScriptURL: (url) => url });
importScripts(policy ? policy.createScriptURL("/static/sealed.js") : "/static/sealed.js");

const PLAIN = "dragoman-offline";
const STYLE = "/static/console.css";
const PAGE = "/offline";
const PATIENCE_MS = 30_000;
const SESSION = ["/sign-out", "/sign-in"]; // a session begins and ends there: what was kept for the one before is deleted
const DRAFTS = "<!--drafts-->";
const HTML = "text/html; charset=utf-8";
const { sealed } = globalThis;

addEventListener("install", (event) => {
  event.waitUntil(caches.open(PLAIN).then((cache) => cache.addAll([PAGE, STYLE])).then(() => skipWaiting()));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname } = new URL(request.url);
  if (request.mode === "navigate" && request.method !== "GET") { // a form that is sent waits for its own answer, however long
    if (SESSION.includes(pathname)) event.respondWith(forget().then(() => fetch(request)));
  } else if (request.mode === "navigate") event.respondWith(navigated(request, pathname));
  else if (pathname === STYLE) event.respondWith(fetch(request).catch(async () => (await caches.match(STYLE)) ?? Response.error()));
});

const forget = () => sealed.clear().catch(() => null);

async function navigated(request, pathname) {
  if (SESSION.includes(pathname)) await forget();
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
  const channel = /^\/c\/[^/]+/.exec(pathname)?.[0];
  const kept = await sealed.list("/c/").catch(() => []);
  const page = kept.find(({ name }) => name === `${channel}${PAGE}`) ?? kept[0];
  if (!page) return (await caches.match(PAGE)) ?? Response.error();
  const { html, policy: rules } = page.content;
  return new Response(html.replace(DRAFTS, await drafts()), { headers: { "Content-Type": HTML, "Content-Security-Policy": rules, "Cache-Control": "no-store" } });
}

// The texts that were typed and could not be saved, as list items of the page.
async function drafts() {
  const kept = await sealed.list("draft ").catch(() => []);
  return kept.map(({ at, content }) => {
    const texts = content.fields.map(([label, text]) => `<dt>${escaped(label)}</dt><dd class="said" lang="">${escaped(text)}</dd>`).join("");
    const time = `${new Date(at).toISOString().slice(0, 16).replace("T", " ")}Z`;
    return `<li><b>${escaped(content.title)}</b> <small>${time}</small><dl class="kept-draft">${texts}</dl></li>`;
  }).join("");
}

const escaped = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`);
