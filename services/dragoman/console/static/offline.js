// The service worker: on a lost connection, it shows the last board, the cards and the numbers to
// ring, and not the browser's error. It keeps only this page of the service, and its style sheet.
// kept.js adds the rest, sealed, which is deleted with the session. The page has forms for a text
// to begin. The worker takes what they send, and seals it here: it sends nothing.

const policy = globalThis.trustedTypes?.createPolicy("dragoman", { createScriptURL: (url) => url });
importScripts(policy ? policy.createScriptURL("/static/sealed.js") : "/static/sealed.js");

const PLAIN = "dragoman-offline";
const STYLE = "/static/console.css";
const PAGE = "/offline";
const PATIENCE_MS = 30_000;
const SESSION = ["/sign-out", "/sign-in"]; // a session begins and ends there: what was kept for the one before is deleted
const DRAFTS = "<!--drafts-->";
const KEY = "<!--key-->";
const BEGUN = /<!--begun ([a-z-]+) ([\w.-]+)-->/g;
const ACT = /^[a-z-]+$/;
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
    else if (/^\/c\/[^/]+\/offline$/.test(pathname)) event.respondWith(begin(request, pathname.slice(0, -PAGE.length)));
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
  const own = page.name.slice(0, -PAGE.length);
  const [texts, begun] = [await drafts(), await begunIn(own)];
  const key = await formKey();
  const filled = html.replace(DRAFTS, () => texts).replaceAll(KEY, key).replace(BEGUN, (_, act, name) => escaped(begun.get(`${act} ${name}`) ?? ""));
  return new Response(filled, { headers: { "Content-Type": HTML, "Content-Security-Policy": rules, "Cache-Control": "no-store" } });
}

const slotOf = (channel, act) => `draft ${channel}/compose/${act} begun`;

// The key that the forms of the page carry, so that no form of another site puts a text here. It is
// sealed like the texts. Without a session there is none.
async function formKey() {
  const kept = await sealed.get("key").catch(() => null);
  if (kept) return kept.content;
  const fresh = crypto.randomUUID();
  return (await sealed.put("key", fresh).catch(() => false)) ? fresh : "";
}

// Keep a text that was begun on the offline page; without any word in it, delete it. Its own form
// comes next: as this page again while nothing can be reached, and else with the text to put in.
// What is not kept is shown to be copied.
async function begin(request, channel) {
  const form = await request.formData();
  const act = String(form.get("act"));
  if (!ACT.test(act)) return Response.error();
  const typed = [...form].filter(([name, value]) => name.startsWith("f.") && typeof value === "string" && value.trim());
  const values = typed.map(([name, value]) => [name, value.replaceAll("\r\n", "\n")]);
  const fields = values.map(([name, value]) => [String(form.get(`label.${name}`) ?? name), value]);
  const title = String(form.get("title"));
  const slot = slotOf(channel, act);
  const key = await formKey();
  const keep = values.length
    ? () => sealed.put(slot, { title, fields, values }).catch(() => false)
    : () => sealed.remove(slot).then(() => true, () => true);
  const kept = key !== "" && form.get("key") === key && await keep();
  if (kept) return Response.redirect(`${channel}/compose/${act}`, 303);
  const page = await caches.match(PAGE);
  return page ? new Response((await page.text()).replace(DRAFTS, () => listed({ at: Date.now(), content: { title, fields } })), { headers: page.headers }) : Response.error();
}

// What was begun in a channel, by act and field.
async function begunIn(channel) {
  const kept = await sealed.list(`draft ${channel}/compose/`).catch(() => []);
  return new Map(kept.filter(({ name }) => name.endsWith(" begun")).flatMap(({ name, content }) =>
    content.values.map(([field, value]) => [`${name.split("/").at(-1).split(" ")[0]} ${field}`, value])));
}

// The texts that were typed and could not be saved, or begun here, as list items of the page.
async function drafts() {
  const kept = await sealed.list("draft ").catch(() => []);
  return kept.map(listed).join("");
}

function listed({ at, content }) {
  const texts = content.fields.map(([label, text]) => `<dt>${escaped(label)}</dt><dd class="said" lang="">${escaped(text)}</dd>`).join("");
  const time = `${new Date(at).toISOString().slice(0, 16).replace("T", " ")}Z`;
  return `<li><b>${escaped(content.title)}</b> <small>${time}</small><dl class="kept-draft">${texts}</dl></li>`;
}

const escaped = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`);
