"""The data that a browser keeps for a lost connection, as a page reads them and as they are at rest."""

import asyncio

from playwright.async_api import Page

from patience import PATIENCE_S

KEPT = """async () => {
    if (globalThis.sealed) return (await sealed.list("")).filter(({ name }) => name !== "key").map(({ name, content }) => [name, content.html ?? JSON.stringify(content)]);
    // opening it before the page has would make it, and without its stores
    if (!(await indexedDB.databases()).some(({ name }) => name === "dragoman-sealed")) return [];
    const opening = indexedDB.open("dragoman-sealed", 1);
    const database = await new Promise((resolve) => { opening.onsuccess = () => resolve(opening.result); });
    const request = database.transaction("kept").objectStore("kept").getAllKeys();
    const names = await new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
    database.close();
    return names.filter((name) => name !== "key").map((name) => [name, ""]);
}"""
AT_REST = """async () => {
    const opening = indexedDB.open("dragoman-sealed", 1);
    const database = await new Promise((resolve) => { opening.onsuccess = () => resolve(opening.result); });
    const all = (store) => new Promise((resolve) => {
        const request = database.transaction(store).objectStore(store).getAll();
        request.onsuccess = () => resolve(request.result);
    });
    const rows = await all("kept");
    const [held] = await all("keys");
    const raw = await crypto.subtle.exportKey("raw", held.key).catch((error) => error.name);
    database.close();
    const cached = (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname)))).flat();
    return [rows.map(({ bytes }) => new TextDecoder("latin1").decode(bytes)).join(""), raw, cached.sort(), Object.keys(localStorage).concat(Object.keys(sessionStorage))];
}"""


async def kept(page: Page) -> dict[str, str]:
    """Return the texts that this device keeps, by path; the key of the forms is none of them."""
    return dict(await page.evaluate(KEPT))


async def until_kept(page: Page, count: int) -> None:
    """Wait until so much is kept. A function that is awaited in the page would be true at once."""
    async with asyncio.timeout(PATIENCE_S):
        while len(await kept(page)) != count:
            await asyncio.sleep(0.05)
