// The store of what this device keeps for a lost connection: sealed with a key that ends with the
// session. Pages and the service worker share it, so it is no module: it sets `sealed`.
//
// The key cannot be read out of the browser. It is deleted at sign-out, at the end of the session
// and after its time; what it sealed is then noise, and is deleted too.

{
  const NAME = "dragoman-sealed";
  const KEYS = "keys";
  const KEPT = "kept";
  const ONLY = "session";

  const settled = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

  async function inside(mode, work) {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(KEYS);
      opening.result.createObjectStore(KEPT);
    };
    const database = await settled(opening);
    try {
      const transaction = database.transaction([KEYS, KEPT], mode);
      const result = await work(transaction.objectStore(KEYS), transaction.objectStore(KEPT));
      await new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
      return result;
    } finally {
      database.close();
    }
  }

  const clear = () => inside("readwrite", (keys, kept) => { keys.clear(); kept.clear(); });

  // The session's key, or null. One whose time is over is deleted, with what it sealed.
  async function current() {
    const held = await inside("readonly", (keys) => settled(keys.get(ONLY)));
    if (held && held.until > Date.now()) return held;
    if (held) await clear();
    return null;
  }

  // Begin or go on: what is kept ends with `until`, in milliseconds. Two pages that begin at once
  // use one key.
  async function begin(until) {
    await current();
    const fresh = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    await inside("readwrite", async (keys) => {
      const held = await settled(keys.get(ONLY));
      keys.put({ key: held?.key ?? fresh, until }, ONLY);
    });
  }

  // Keep content under a name; without a session nothing is kept.
  async function put(name, content) {
    const held = await current();
    if (!held) return false;
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const text = new TextEncoder().encode(JSON.stringify({ name, content }));
    const bytes = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, held.key, text);
    await inside("readwrite", (_, kept) => { kept.put({ iv, bytes, at: Date.now() }, name); });
    return true;
  }

  async function open(held, name, row) {
    const text = await crypto.subtle.decrypt({ name: "AES-GCM", iv: row.iv }, held.key, row.bytes);
    const found = JSON.parse(new TextDecoder().decode(text));
    return found.name === name ? { name, at: row.at, content: found.content } : null;
  }

  // All that is kept under names that begin so, the newest first.
  async function list(prefix) {
    const held = await current();
    if (!held) return [];
    const rows = await inside("readonly", async (_, kept) => {
      const [names, values] = await Promise.all([settled(kept.getAllKeys()), settled(kept.getAll())]);
      return names.map((name, place) => [name, values[place]]);
    });
    const found = await Promise.all(rows.filter(([name]) => name.startsWith(prefix)).map(([name, row]) => open(held, name, row).catch(() => null)));
    return found.filter(Boolean).sort((one, other) => other.at - one.at);
  }

  const get = async (name) => (await list(name)).find((each) => each.name === name) ?? null;
  const remove = (name) => inside("readwrite", (_, kept) => { kept.delete(name); });

  globalThis.sealed = { begin, clear, get, list, put, remove };
}
