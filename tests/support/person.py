"""Somebody at a browser without scripts: pages as a screen reader tells them, forms as they are sent.

    reader = office.person("nato/officer")
    reader.open("/c/nato-china/compose?act=note")
    reader.fill("Text", "Met the counterpart.").press("Check before sending").see("Met the counterpart.")
    reader.follow("Board")
    reader.within("Waits for us").see("Near miss")

Controls are found by their accessible names, which are written as a reader hears them: the whole
name, or a part that only one control has. A control in a group is heard with the name of the group:
a control of the same name in no group goes before it. What a browser would refuse is refused: a required field
that is empty, a value that is not offered, a button that is disabled. A form is sent with the fields
that it has, hidden ones and tokens among them; redirections are followed and cookies kept.
"""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urldefrag, urlencode, urljoin, urlsplit

from lxml import html

from patience import PATIENCE_S

Element = Any

_PRESSED = {"submit", "image"}
_UNTYPED = {"hidden", "button", "reset", *_PRESSED}


class Person:
    """One browser: its cookies, its language, and the page that is open."""

    def __init__(self, base_url: str, token: str = "", language: str = "en") -> None:
        self.base_url = base_url
        self.headers = {
            "Accept": "text/html",
            "Accept-Language": language,
            "Sec-Fetch-Site": "same-origin",
            "Origin": base_url,
        }
        loopback = DefaultCookiePolicy(secure_protocols=("http", "https"))  # as browsers take it
        self.cookies = CookieJar(loopback)
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies)
        )
        self.status = 0
        self.url = base_url
        self.answer_headers: Any = {}
        self.body = b""
        self.tree: Element = html.document_fromstring("<p>")
        self._part: Element = self.tree
        self._files: dict[Element, tuple[str, bytes, str]] = {}
        if token:
            self._go("POST", "/sign-in", urlencode({"token": token}).encode())
            assert not self.path.startswith("/sign-in"), self.text

    # Going somewhere

    def open(self, path: str) -> "Person":
        """Open a page by its address."""
        return self._go("GET", path)

    def follow(self, name: str) -> "Person":
        """Follow a link."""
        return self.open(self._one("link", name, self._links()).get("href"))

    def post(self, path: str, fields: dict[str, str] | list[tuple[str, str]]) -> "Person":
        """Send a form that no page has, as somebody would who tries what is not offered."""
        return self._go("POST", path, urlencode(fields).encode())

    def press(self, name: str) -> "Person":
        """Press a button, which sends its form."""
        return self._press(*self._pressed(name))

    def press_at(self, path: str) -> "Person":
        """Press the first button that an XPath finds."""
        found = self.tree.xpath(path)
        assert found, f"no {path} on {self.path}: {self.text}"
        return self._press(found[0], self._form_of(found[0]))

    def _press(self, button: Element, form: Element) -> "Person":
        fields = self._sent(button, form)
        action = button.get("formaction") or form.get("action") or self.url
        method = (button.get("formmethod") or form.get("method") or "get").upper()
        encoding = button.get("formenctype") or form.get("enctype") or ""
        if method == "GET":
            texts = [(field, text) for field, text in fields if isinstance(text, str)]
            return self.open(action.partition("?")[0] + "?" + urlencode(texts))
        if encoding == "multipart/form-data":
            return self._go("POST", action, *_multipart(fields))
        texts = [(field, text if isinstance(text, str) else text[0]) for field, text in fields]
        return self._go("POST", action, urlencode(texts).encode())

    def sent(self, name: str) -> list[tuple[str, str | tuple[str, bytes, str]]]:
        """The fields that pressing a button would send: names and values, a file as name, content and type."""
        return self._sent(*self._pressed(name))

    def _sent(
        self, button: Element, form: Element
    ) -> list[tuple[str, str | tuple[str, bytes, str]]]:
        if button.get("formnovalidate") is None and form.get("novalidate") is None:
            self._check(form)
        fields = [*self._fields(form)]
        if button.get("name"):
            fields.append((button.get("name"), button.get("value", "")))
        return fields

    def _pressed(self, name: str) -> tuple[Element, Element]:
        button = self._one("button", name, self._buttons())
        form = self._form_of(button)
        assert form is not None, f"the button {name!r} has no form, so it needs a script"
        return button, form

    def _go(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        media_type: str = "application/x-www-form-urlencoded",
    ) -> "Person":
        url = urldefrag(urljoin(self.url, path)).url
        assert url.startswith(self.base_url), f"{url} is elsewhere"
        headers = self.headers if data is None else {**self.headers, "Content-Type": media_type}
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            answer = self._opener.open(request, timeout=PATIENCE_S)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            self.status, self.url = answer.status, answer.url
            self.answer_headers, self.body = answer.headers, answer.read()
        is_page = answer.headers.get_content_type() == "text/html"
        self.show(self.body.decode() if is_page else "")
        return self

    def show(self, text: str) -> None:
        """Show a page."""
        self.tree = html.document_fromstring(text if text.strip() else "<p>")
        for template in self.tree.xpath("//template"):
            template.drop_tree()  # what only scripts show is no part of the page
        self._part, self._files = self.tree, {}

    def back(self, page: Element) -> None:
        """Go back to a page, whose `tree` somebody kept: filled in as it was."""
        self.tree = self._part = page

    # Looking

    @property
    def path(self) -> str:
        """The path of the page, with its query."""
        parts = urlsplit(self.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def text(self) -> str:
        """The words of the page, or of the part of it that is looked at."""
        return text_of(self._part)

    @property
    def title(self) -> str:
        """The headline of the page."""
        return text_of(self.tree.xpath("//h1")[0])

    @property
    def json(self) -> Any:
        """The content of an answer that is JSON, and no page."""
        return json.loads(self.body)

    def see(self, *texts: str) -> "Person":
        """Assert that the page says this."""
        said = self.text
        for text in texts:
            assert text in said, f"{text!r} is not on {self.path} ({self.status}): {said}"
        return self

    def miss(self, *texts: str) -> "Person":
        """Assert that the page says none of this."""
        said = self.text
        for text in texts:
            assert text not in said, f"{text!r} is on {self.path}: {said}"
        return self

    def within(self, name: str, nth: int = 0) -> "Person":
        """Look at one part from now on: a region, form, group, row or item with this name or
        headline, or the nth of them, counted from 1. An empty name is the whole page again.
        """
        if not name:
            self._part = self.tree
            return self
        whole = self.tree
        parts = whole.xpath(
            "//section|//article|//form|//fieldset|//details|//dialog|//nav|//table"
        )
        parts += whole.xpath("//*[@aria-label or @aria-labelledby][not(self::a or self::button)]")
        parts += whole.xpath("//*[@role='alert']")
        named = [(text, part) for part in parts if (text := self._part_name(part))]
        named = [  # a table in a section of the same name is a part of that part
            (text, part)
            for text, part in named
            if not any((text, outer) in named for outer in part.iterancestors())
        ]
        if not any(name in text for text, _ in named):
            named += [(text_of(part), part) for part in whole.xpath("//tr|//li")]
        self._part = _pick("part", name, dict.fromkeys(named), nth)
        return self

    def at(self, path: str) -> "Person":
        """Look at the one part that an XPath finds, where names find none or too many."""
        found = self.tree.xpath(path)
        assert len(found) == 1, f"{len(found)} times {path} on {self.path}"
        self._part = found[0]
        return self

    def links(self) -> dict[str, str]:
        """The links by their names."""
        return {self.name_of(each): each.get("href") for each in self._links()}

    def buttons(self) -> list[str]:
        """The names of the buttons."""
        return [self.name_of(each) for each in self._buttons()]

    def fields(self) -> dict[str, Any]:
        """The values of the fields by their names, as they are now."""
        return {self.name_of(each): self._value(each) for each in self._controls()}

    def rows(self) -> list[list[str]]:
        """The rows of the tables, cell by cell."""
        return [
            [text_of(cell) for cell in row.xpath("./th|./td")] for row in self._part.xpath(".//tr")
        ]

    def xpath(self, path: str, **values: str) -> list[Element]:
        """Elements of the part that is looked at."""
        return list(self._part.xpath(path, **values))

    # Filling in

    def fill(self, name: str, value: str) -> "Person":
        """Type into a field, or choose what a list offers by what it says."""
        control = self._one("field", name, self._controls())
        assert control.get("disabled") is None, f"{name!r} is disabled"
        assert control.get("readonly") is None, f"{name!r} cannot be changed"
        if control.tag == "select":
            options = control.xpath(".//option")
            chosen = [each for each in options if text_of(each) == value]
            chosen = chosen or [each for each in options if each.get("value") == value]
            assert chosen, f"{name!r} offers {[text_of(each) for each in options]}, not {value!r}"
            for each in () if control.get("multiple") is not None else options:
                each.attrib.pop("selected", None)
            chosen[0].set("selected", "")
        elif control.tag == "textarea":
            control.text = value
        else:
            kind = control.get("type", "text")
            assert kind not in ("checkbox", "radio", "file"), f"{name!r} is a {kind}"
            control.set("value", value)
        return self

    def choose(self, name: str, *, on: bool = True) -> "Person":
        """Tick a box or a choice, or clear it."""
        boxes = [each for each in self._controls() if each.get("type") in ("checkbox", "radio")]
        box = self._one("choice", name, boxes)
        assert box.get("disabled") is None, f"{name!r} is disabled"
        if box.get("type") == "radio":
            for each in self.tree.xpath("//input[@type='radio']"):
                if each.get("name") == box.get("name"):
                    each.attrib.pop("checked", None)
        box.attrib.pop("checked", None)
        if on:
            box.set("checked", "")
        return self

    def attach(self, name: str, file: str, content: bytes, media_type: str) -> "Person":
        """Choose a file."""
        files = [each for each in self._controls() if each.get("type") == "file"]
        self._files[self._one("file", name, files)] = (file, content, media_type)
        return self

    # How controls are found and read

    def _links(self) -> list[Element]:
        return list(self._part.xpath(".//a[@href]"))

    def _buttons(self) -> list[Element]:
        found = self._part.xpath(".//button|.//input[@type='submit']")
        return [each for each in found if each.get("type", "submit") in _PRESSED]

    def _controls(self) -> list[Element]:
        found = self._part.xpath(".//input|.//textarea|.//select")
        return [each for each in found if each.get("type", "text") not in _UNTYPED]

    def _one(self, what: str, name: str, among: Iterable[Element]) -> Element:
        named = [(self.name_of(each), each) for each in among]
        same = [each for each in named if each[0] == name]
        alone = [each for each in same if not each[1].xpath("ancestor::fieldset")]
        found = _pick(what, name, dict.fromkeys(alone or named))
        assert found.get("disabled") is None, f"the {what} {name!r} is disabled"
        return found

    def name_of(self, element: Element) -> str:
        """The accessible name of an element."""
        labelled = element.get("aria-labelledby")
        if labelled:
            named = [self._by_id(each) for each in labelled.split()]
            return " ".join(text_of(each) for each in named if each is not None)
        if element.get("aria-label"):
            return str(element.get("aria-label"))
        if element.tag in ("a", "button"):
            images = " ".join(element.xpath(".//img/@alt"))
            return text_of(element) or images or element.get("title", "")
        if element.get("type") in _PRESSED:
            return str(element.get("value", ""))
        labels = element.xpath("ancestor::label")
        if element.get("id"):
            labels += self.tree.xpath("//label[@for=$id]", id=element.get("id"))
        if labels:
            return " ".join(_label_text(each) for each in labels)
        return str(element.get("title") or element.get("placeholder") or "")

    def _part_name(self, part: Element) -> str:
        if part.get("aria-label") or part.get("aria-labelledby"):
            return self.name_of(part)
        heads = part.xpath("./legend|./caption|./summary|.//h1|.//h2|.//h3|.//h4")
        return text_of(heads[0]) if heads else ""

    def _by_id(self, id: str) -> Element | None:
        return next(iter(self.tree.xpath("//*[@id=$id]", id=id)), None)

    def _form_of(self, control: Element) -> Element | None:
        if control.get("form"):
            return self._by_id(control.get("form"))
        return next(iter(control.xpath("ancestor::form[1]")), None)

    def _fields(self, form: Element) -> Iterable[tuple[str, str | tuple[str, bytes, str]]]:
        """Yield the fields of a form that are sent, in the order of the page."""
        for each in self.tree.xpath("//input[@name]|//textarea[@name]|//select[@name]"):
            disabled = each.get("disabled") is not None or each.xpath(
                "ancestor::fieldset[@disabled]"
            )
            if disabled or self._form_of(each) is not form:
                continue
            name, kind = each.get("name"), each.get("type", "text")
            if each.tag == "input" and kind in ("button", "reset", *_PRESSED):
                continue
            if kind == "file":
                yield name, self._files.get(each, ("", b"", "application/octet-stream"))
                continue
            value = self._value(each)
            for one in value if isinstance(value, list) else [value]:
                if one is not None and not (kind in ("checkbox", "radio") and one is False):
                    yield name, each.get("value", "on") if one is True else one

    def _value(self, control: Element) -> Any:
        """The value of a field: a text, whether a box is ticked, or the values that are chosen."""
        if control.tag == "textarea":
            return (
                (control.text or "").removeprefix("\n").replace("\r\n", "\n").replace("\n", "\r\n")
            )
        if control.tag == "select":
            options = control.xpath(".//option")
            chosen = [each for each in options if each.get("selected") is not None]
            several = control.get("multiple") is not None
            if not several:
                chosen = chosen[-1:] or options[:1]
            values = [each.get("value", text_of(each)) for each in chosen]
            return values if several else values[0] if values else None
        if control.get("type") in ("checkbox", "radio"):
            return control.get("checked") is not None
        return control.get("value", "")

    def _check(self, form: Element) -> None:
        """Assert that a browser would send a form: what is required is there."""
        for each in self.tree.xpath("//*[@required]"):
            if self._form_of(each) is form and each.get("disabled") is None:
                value = self._value(each)
                if each.get("type") == "radio":
                    group = self.tree.xpath("//input[@name=$name]", name=each.get("name"))
                    value = any(one.get("checked") is not None for one in group)
                if each.get("type") == "file":
                    value = each in self._files
                assert value, f"the browser asks to fill in {self.name_of(each)!r} first"


def text_of(element: Element) -> str:
    """The words of an element as they are read out, with single spaces; without its keys, and
    without the ways to records that nobody has asked for.
    """
    parts = element.xpath(
        ".//text()[not(ancestor::kbd) and not(ancestor::script) and not(ancestor::style) "
        "and not(ancestor::template) and not(ancestor::*[@hidden]) "
        "and not(ancestor::*[@aria-hidden='true']) "
        "and not(ancestor::a[@class='how'] and not(ancestor::body[@data-how]))]"
    )
    return " ".join("".join(parts).split())


def _label_text(label: Element) -> str:
    """The words of a label, without those of the control in it."""
    parts = label.xpath(
        ".//text()[not(ancestor::select) and not(ancestor::textarea) and not(ancestor::kbd)]"
    )
    return " ".join("".join(parts).split())


def _pick(what: str, name: str, among: dict[tuple[str, Element], None], nth: int = 0) -> Element:
    """Return the one element with a name, or the one whose name has it as a part; or the nth."""
    tests: tuple[Callable[[str], bool], ...] = (
        lambda each: each == name,
        lambda each: each.startswith(name),
        lambda each: name in each,
    )
    for test in tests:
        found = [element for each, element in among if test(each)]
        if found and nth:
            return found[nth - 1]
        if found:
            assert len(found) == 1, f"{len(found)} times a {what} {name!r}: look within a part"
            return found[0]
    raise AssertionError(f"no {what} {name!r} among {[each for each, _ in among]}")


def _multipart(
    fields: Iterable[tuple[str, str | tuple[str, bytes, str]]],
) -> tuple[bytes, str]:
    """Return the body of a form with files, and its media type."""
    boundary = secrets.token_hex(16)
    parts: list[bytes] = []
    for name, value in fields:
        file, content, media_type = ("", value.encode(), "") if isinstance(value, str) else value
        about = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
        if not isinstance(value, str):
            about += f'; filename="{file}"\r\nContent-Type: {media_type}'
        parts += [about.encode(), b"\r\n\r\n", content, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"
