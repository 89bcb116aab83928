"""A reader of pages without a browser: signed in by a cookie, and shown what a page has.

reader = await Reader.signed_in(session, service, "nato/officer")
page = await reader.get("/c/nato-china/compose")
page.xpath("//button")              its elements, by lxml
defaults(page.forms[0])             what the form sends if nobody touches it
"""

from typing import Any

import aiohttp
from lxml import html

from service import Gateway


class Reader:
    """Somebody who is signed in, in one language."""

    def __init__(self, session: aiohttp.ClientSession, service: Gateway, cookie: str) -> None:
        self.session = session
        self.service = service
        self.headers = {"Cookie": cookie, "Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
        self.status = 0

    @classmethod
    async def signed_in(
        cls, session: aiohttp.ClientSession, service: Gateway, who: str, language: str = "en"
    ) -> "Reader":
        token = service.operator.strip() if who == "operator" else service.token(who)
        async with session.post(
            service.base_url + "/sign-in", data={"token": token}, allow_redirects=False
        ) as response:
            cookie = response.headers["Set-Cookie"].partition(";")[0]
        reader = cls(session, service, cookie)
        reader.headers["Accept-Language"] = language
        return reader

    async def get(self, path: str) -> Any:
        """The page at a path, as a tree."""
        async with self.session.get(self.service.base_url + path, headers=self.headers) as response:
            return self._page(response.status, await response.text())

    async def post(self, path: str, fields: list[tuple[str, str]]) -> Any:
        """The page that answers a form; redirections are followed."""
        body = aiohttp.FormData(fields)
        async with self.session.post(
            self.service.base_url + path, data=body, headers=self.headers
        ) as response:
            return self._page(response.status, await response.text())

    def _page(self, status: int, text: str) -> Any:
        self.status = status
        return html.document_fromstring(text)


def defaults(form: Any) -> list[tuple[str, str]]:
    """The fields that a form sends if nobody touches it and no button is pressed."""
    sent = []
    for each in form.xpath(".//input[@name] | .//textarea[@name] | .//select[@name]"):
        if each.tag == "textarea":
            sent.append((each.get("name"), (each.text or "").removeprefix("\n")))
        elif each.tag == "select":
            option = (each.xpath("./option[@selected]") or each.xpath("./option"))[0]
            sent.append((each.get("name"), option.get("value", option.text or "")))
        elif each.get("type") in ("radio", "checkbox"):
            if each.get("checked") is not None:
                sent.append((each.get("name"), each.get("value", "on")))
        elif each.get("type") not in ("submit", "button", "file"):
            sent.append((each.get("name"), each.get("value", "")))
    return sent


def text_of(element: Any) -> str:
    """The text of an element, without its keys, and with single spaces."""
    parts = element.xpath(".//text()[not(ancestor::kbd) and not(ancestor::script)]")
    return " ".join("".join(parts).split())
