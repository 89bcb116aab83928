import base64
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from browsing import EXERCISE, Visit, Visiting
from dragoman.domain.record import ids
from dragoman.tlog import dsse, leaf, merkle
from forging import append
from service import NOTE, Caller, Gateway, Service
from witnesses import Running, until
from world import compact, public_of, signatures

pytestmark = pytest.mark.browser

CALM = "nato-china"
JUNK = b"\x00what is no record\n"
STEPS = ("bytes", "author", "leaf", "path", "root", "head", "witnesses", "seen")


async def at(visit: Visit, path: str, channel: str = EXERCISE) -> Page:
    await visit.page.goto(f"{visit.service.base_url}/c/{channel}{path}")
    return visit.page


async def verdicts(page: Page) -> dict[str, str]:
    """Prove the record and return the result of each step."""
    await page.get_by_role("button", name="Prove it").click()
    return await worked_out(page)


async def worked_out(page: Page) -> dict[str, str]:
    """Return the result of each step of a proof that was begun."""
    await expect(page.locator("[data-proved]")).not_to_contain_text(
        re.compile("Not checked yet|scripts are off")
    )
    await expect(page.locator("[data-proved]")).not_to_contain_text("Being worked out")
    return {
        step: await page.locator(f"[data-step={step}] [data-said]").inner_text() for step in STEPS
    }


async def answered(page: Page, path: str) -> Any:
    """Return the JSON that one of our own addresses gives to the person at the page."""
    return await page.evaluate(
        "async path => (await fetch(path, {headers: {Accept: 'application/json'}})).json()", path
    )


# The audit page


# Time travel


async def test_the_slider_and_the_arrows_move_the_page_without_leaving_it(visit: Visiting) -> None:
    auditor = await visit()
    await auditor.sign_in("china/auditor")
    page = await at(auditor, "/audit?at=20")
    await page.evaluate("window.unchanged = true")
    await page.locator("#travel-slider").focus()
    for _ in range(3):
        await page.keyboard.press("ArrowLeft")
    assert page.url.endswith("at=20"), "the address follows the last move"
    await expect(page).to_have_url(re.compile("at=17$"))
    await expect(page.locator("h1")).to_have_text("State at record 17")
    await expect(page.locator("#travel-slider")).to_be_focused()
    await expect(page.locator(".past")).to_contain_text("record 17")
    await expect(page.locator("#travel-record")).to_have_value("17")
    await page.locator("#main").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("h1")).to_have_text("State at record 18")
    assert (
        await page.get_by_role("link", name="Board").get_attribute("href") == f"/c/{EXERCISE}?at=18"
    )
    assert await page.evaluate("window.unchanged")
    await page.keyboard.press("End")
    await expect(page.locator("h1")).to_have_text(re.compile("Audit, at record"))
    assert auditor.complaints == []


async def test_the_past_is_reached_on_the_page_that_somebody_is_on(visit: Visiting) -> None:
    officer = await visit()
    await officer.sign_in("nato/officer")
    page = await at(officer, "/inbox?side=nato")
    await expect(page.locator("#cell-page")).to_have_attribute("data-state", "normal")
    await page.keyboard.press("w")
    await expect(page.locator("#travel-record")).to_be_focused()
    await page.locator("#travel-record").fill("20")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/inbox\?side=nato&at=20$"))
    await page.evaluate("window.unchanged = true")
    await page.locator(".travel-more > summary").click()
    await page.locator("#travel-slider").focus()
    await page.keyboard.press("ArrowLeft")
    await expect(page.locator(".past")).to_contain_text("record 19")
    await expect(page.locator("#travel-slider")).to_be_focused()
    assert await page.evaluate("window.unchanged")
    await page.get_by_role("link", name="Record before").click()
    await expect(page).to_have_url(re.compile(r"/inbox\?.*at=18"))
    await page.locator("#main").focus()
    await page.keyboard.press("End")
    await expect(page.locator(".past")).to_have_count(0)
    await expect(page.locator("#cell-page")).to_have_attribute("data-state", "normal")
    await page.get_by_role("link", name="Past", exact=True).click()
    await page.locator("#travel-slider").focus()
    await page.keyboard.press("Home")
    await expect(page.locator(".past")).to_contain_text("record 1,")
    await expect(page).to_have_url(re.compile("/inbox"))
    assert officer.complaints == []


async def test_play_begins_by_a_press_alone_and_pauses_when_it_is_pressed_again(
    visit: Visiting,
) -> None:
    auditor = await visit()
    await auditor.sign_in("china/auditor")
    page = await at(auditor, "/audit?at=5")
    await page.wait_for_timeout(1_200)
    await expect(page.locator("h1")).to_have_text("State at record 5")
    await page.get_by_role("button", name="Play, 1 record a second").click()
    await expect(page.locator("h1")).to_have_text("State at record 7")
    await page.get_by_role("button", name="Pause").click()
    url = page.url
    await page.wait_for_timeout(1_500)
    assert page.url == url
    await expect(page.get_by_role("button", name="Play, 1 record a second")).to_be_visible()
    assert auditor.complaints == []


# The log


ROWS = """() => {
    const about = (each) => [each.closest("section, .stack")?.querySelector("h2, h1").textContent.trim(), each.className];
    const seen = [...document.querySelectorAll(".wide-scroll")].filter((each) => each.checkVisibility());
    const cells = [...document.querySelectorAll(".wide-scroll > .log > tbody td")].filter((each) => each.checkVisibility());
    return {
        sideways: seen.filter((each) => each.scrollWidth > each.clientWidth).map(about),
        nameless: cells.filter((each) => !each.dataset.of).map((each) => each.outerHTML),
        cut: cells.filter((each) => each.getBoundingClientRect().right > innerWidth).map((each) => each.outerHTML),
        kinds: [...new Set([...document.querySelectorAll(".wide-scroll > .log")].map((each) => getComputedStyle(each).display))],
        page: document.documentElement.scrollWidth,
    };
}"""
"""Tables that scroll, and cells without the name of their column."""


@pytest.mark.parametrize("language", ["en-GB", "fr-FR", "zh-CN"])
async def test_the_log_and_the_statistics_are_rows_on_a_phone_and_tables_on_a_desk(
    visit: Visiting, language: str
) -> None:
    auditor = await visit(locale=language)
    await auditor.sign_in("china/auditor", CALM)
    for path in ("/log", "/statistics"):
        await at(auditor, path, CALM)
        await auditor.page.evaluate(
            "for (const each of document.querySelectorAll('main details')) each.open = true"
        )
        await auditor.page.set_viewport_size({"width": 390, "height": 844})
        phone = await auditor.page.evaluate(ROWS)
        assert (phone["sideways"], phone["nameless"], phone["cut"]) == ([], [], []), path
        assert phone["kinds"] == ["block"] and phone["page"] <= 390, path
        await auditor.page.set_viewport_size({"width": 1280, "height": 800})
        desk = await auditor.page.evaluate(ROWS)
        assert desk["kinds"] == ["table"], path


async def test_what_is_no_record_is_shown_in_hex_as_void_and_proved_to_stand_there(
    visit: Visiting, demo: Gateway
) -> None:
    position = await append(demo, JUNK)
    auditor = await visit()
    await auditor.sign_in("nato/auditor")
    page = await at(auditor, f"/records/{position}", CALM)
    await expect(
        page.get_by_text("Void: the record is in the log and has no effect.")
    ).to_be_visible()
    await expect(page.locator("section[aria-labelledby=bytes] pre")).to_have_text(JUNK.hex(" ", 2))
    found = await verdicts(page)
    assert found["bytes"] == found["author"] == "Not checked: these bytes are not a record"
    assert {found[step] for step in ("leaf", "path", "root", "head")} == {"Matches"}
    page = await at(auditor, "/log?void=void", CALM)
    await expect(page.locator("main tbody tr")).to_have_count(1)
    await expect(page.locator("main tbody tr")).to_contain_text("not a valid record")
    assert auditor.complaints == []


# A record, and its proof


async def test_a_proof_agrees_with_the_command_line_and_goes_on_from_the_head_seen_last(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    auditor = await visit()
    await auditor.sign_in("china/auditor")
    page = await at(auditor, "/records/2", CALM)
    found = await verdicts(page)
    assert found == {
        **dict.fromkeys(("bytes", "leaf", "path", "root", "head"), "Matches"),
        "author": "Not checked: the signatures are valid, but the host keeps the keys of all sides",
        "witnesses": "Not checked: no witness is named in this log",
        "seen": "Not checked: this browser has seen no head of this log before",
    }
    await expect(page.locator("[data-proved]")).to_contain_text(
        "Valid: the record is in the signed log. 5 of 8 steps are valid"
    )
    (token := tmp_path / "token").write_text(demo.token("china/auditor"))
    to = ("--channel", CALM, "--token-file", str(token))
    about = (await Caller(session, demo, "china/auditor").get(f"/v1/channels/{CALM}")).json
    demo.run("audit", "export", "--to", str(tmp_path / "log.zip"), *to)
    assert (
        "no lie was found"
        in demo.run(
            "audit",
            "verify",
            str(tmp_path / "log.zip"),
            "--cid",
            about["cid"],
            "--log",
            about["log"],
        ).stderr
    )
    await page.context.set_offline(True)
    assert await verdicts(page) == found
    await page.context.set_offline(False)
    newest = (await Caller(session, demo, "nato/officer").open(NOTE, CALM)).json["position"]

    async def sealed() -> bool:
        head = await Caller(session, demo, "china/auditor").get(
            f"/v1/channels/{CALM}/log/checkpoint"
        )
        return int(head.body.split()[1]) >= int(newest)

    await until(sealed)
    page = await at(auditor, f"/records/{newest}#proof", CALM)  # as *Proof* of a message leads
    assert (await worked_out(page))["seen"] == "Matches"
    await expect(page.locator("[data-step=seen]")).to_contain_text("seen last:")


async def test_a_head_that_does_not_go_on_from_the_one_seen_last_does_not_take_its_place(
    visit: Visiting,
) -> None:
    auditor = await visit()
    await auditor.sign_in("nato/auditor")
    page = await at(auditor, "/records/3")
    await verdicts(page)
    [name] = await page.evaluate("Object.keys(localStorage)")
    kept = await page.evaluate("name => localStorage.getItem(name)", name)
    later = json.dumps({**json.loads(kept), "size": json.loads(kept)["size"] + 1_000})
    await page.evaluate("([name, later]) => localStorage.setItem(name, later)", [name, later])
    await page.reload()
    assert (await verdicts(page))[
        "seen"
    ] == "Does not match: the head that this browser kept is not of this log"
    await expect(page.locator("[data-proved]")).to_have_text("Does not match: step 8, seen last")
    assert await page.evaluate("name => localStorage.getItem(name)", name) == later
    assert auditor.complaints == []


# A channel of the sides' own keys with a witness: everything can be checked


class Own(Service):
    """A host that keeps no side's key: who reads there reads as NATO's root."""

    root_token = ""

    def token(self, name: str) -> str:
        assert name.startswith("nato/")
        return self.root_token

    async def open(self, session: aiohttp.ClientSession, witness: str) -> dict[str, Any]:
        """Open a channel by both sides' root keys, one witness for both, and have NATO's root enter
        an administrator.
        """
        operator = Caller(session, self, "operator")
        terms = (await operator.get(f"/v1/openings/{CALM}")).json
        sides = [
            {"name": side, "roots": [public_of(f"{side}/root")], "threshold": 1}
            for side in ("nato", "china")
        ]
        policy = f"witness n {witness}\ngroup nato any n\ngroup china any n\nquorum n\n"
        act = {
            "act": "channel-opening", "type": "dragoman.channel-opening.v1", "name": CALM, "kind": "official", "languages": ["en", "zh"],
            "sides": sides, "policy": policy, "witnesses": [witness], **terms, "rules": 1, "nonce": "00" * 32,
        }  # fmt: skip
        opening = compact(act)
        body = b'{"act":%s,"signatures":%s}' % (
            opening,
            json.dumps(signatures(["nato/root", "china/root"], opening).split()).encode(),
        )
        about: dict[str, Any] = (await operator.call("POST", "/v1/openings", body)).json
        issued = await operator.post("/v1/tokens", {"actor": "nato/root", "channels": [CALM]})
        self.root_token = issued.json["token"]
        return about

    async def enter(self, session: aiohttp.ClientSession, cid: str) -> None:
        """NATO's root enters an administrator."""
        root = Caller(session, self, "nato/root")
        genesis = (await root.get(f"/v1/channels/{CALM}/records/1")).body
        commit = leaf.commit(genesis)
        id = ids.v7(1_800_000_000_000, bytes(10))
        signed = {
            "channel": cid, "type": "dragoman.officer.v1", "exchange": json.loads(genesis)["id"], "id": id, "author": "nato/root",
            "after": commit, "seen": {"size": 1, "root": dsse.encode_base64(merkle.leaf_hash(leaf.entry(0, commit)))},
        }  # fmt: skip
        body = {
            "act": "officer",
            "officer": "adm-1",
            "office": "hq",
            "roles": ["administrator"],
            "keys": [public_of("nato/adm-1")],
        }
        raw = compact({**body, "signed": signed})
        keyids, given = zip(
            *(line.split(":") for line in signatures(["nato/root", "nato/adm-1"], raw).split()),
            strict=True,
        )
        headers = {"Dragoman_Key_Id": " ".join(keyids), "Dragoman_Signature": " ".join(given)}
        answer = await root.post(f"/v1/channels/{CALM}/channel", raw, key=id, **headers)
        assert answer.status == 201, answer.body


@pytest_asyncio.fixture(loop_scope="session")
async def witnessed(
    chromium: Path, tmp_path: Path, session: aiohttp.ClientSession
) -> AsyncIterator[Gateway]:
    witness = Running(tmp_path, "nato")
    (tmp_path / "dragoman.toml").write_text(
        f'[registrar]\nwitnesses = ["{witness.verifier} http://127.0.0.1:{witness.port}"]\n'
    )
    service = Own(tmp_path / "data", "--config", str(tmp_path / "dragoman.toml"))
    try:
        about = await service.open(session, witness.verifier)
        witness.start(service, about)
        await service.enter(session, about["cid"])
        caller = Caller(session, service, "nato/root")

        async def final() -> bool:
            return bool(
                (await caller.get(f"/v1/channels/{CALM}/log/coverage")).json.get("final", 0) >= 2
            )

        await until(final)
        yield service
    finally:
        witness.stop()
        service.stop()


def flipped(encoded: str, at: int = -1) -> str:
    raw = bytearray(base64.b64decode(encoded))
    raw[at] ^= 1
    return base64.b64encode(raw).decode()


def in_record(place: str, other: str) -> Callable[[dict[str, Any]], None]:
    def spoil(material: dict[str, Any]) -> None:
        raw = base64.b64decode(material["record"]).decode()
        assert place in raw
        material["record"] = base64.b64encode(raw.replace(place, other, 1).encode()).decode()

    return spoil


def in_proof(line: Callable[[list[str]], int], at: int = -1) -> Callable[[dict[str, Any]], None]:
    """Flip a bit of what is in base64 at the end of a line of the proof."""

    def spoil(material: dict[str, Any]) -> None:
        lines = material["proof"].split("\n")
        number = line(lines)
        before, gap, encoded = lines[number].rpartition(" ")
        lines[number] = f"{before}{gap}{flipped(encoded, at)}"
        material["proof"] = "\n".join(lines)

    return spoil


def author(material: dict[str, Any]) -> None:
    raw = base64.b64decode(material["record"]).decode()
    signature = re.search(r'"signatures":"[0-9a-f]{64}:([^" ]+)', raw)
    assert signature is not None
    in_record(signature[1], flipped(signature[1], 3))(material)


def signed_by(name: str) -> Callable[[list[str]], int]:
    return lambda lines: next(
        number for number, line in enumerate(lines) if line.startswith(f"— {name}")
    )


SPOILT: dict[str, tuple[Callable[[dict[str, Any]], None], str, str]] = {
    "a member of the record": (
        in_record('"family":"channel"', '"family":"meeting"'),
        "leaf",
        "the log serves another entry",
    ),
    "the frame of the record": (
        in_record('"specversion":"1.0"', '"specversion":"1.1"'),
        "bytes",
        "the bytes are not a valid record",
    ),
    "the act": (in_record('"office":"hq"', '"office":"hr"'), "author", "a signature is not valid"),
    "the author's signature": (author, "author", "a signature is not valid"),
    "a sibling": (in_proof(lambda lines: 2), "root", "the head has another root"),
    "the root": (
        in_proof(
            lambda lines: next(number for number, line in enumerate(lines) if line == "2") + 1
        ),
        "root",
        "another root",
    ),
    "the log's signature": (
        in_proof(signed_by("dragoman.invalid/")),
        "head",
        "a signature is not valid",
    ),
    "the witness's cosignature": (
        in_proof(signed_by("nato.example/")),
        "witnesses",
        "cosignature is not valid",
    ),
}


async def test_all_steps_hold_and_whatever_is_changed_the_step_that_sees_it_says_so(
    visit: Visiting, witnessed: Gateway
) -> None:
    reader = await visit(witnessed, service_workers="block")
    await reader.sign_in("nato/root", CALM)
    page = await at(reader, "/audit", CALM)
    await expect(page.locator("section[data-part=answer] tbody").first).to_contain_text(
        "final up to 2"
    )
    await expect(page.locator("section[data-part=signed] tbody tr").first).to_contain_text("NATO n")
    page = await at(reader, "/records/2", CALM)
    assert (await verdicts(page))["seen"].startswith("Not checked: this browser has seen no head")
    await page.reload()
    assert await verdicts(page) == dict.fromkeys(STEPS, "Matches")
    await expect(page.locator("[data-proved]")).to_have_text("All eight steps are valid")
    material = await answered(page, f"/c/{CALM}/records/2/material")
    for what, (spoil, step, why) in SPOILT.items():
        spoil(other := dict(material))
        await give(page, other)
        await page.reload()
        found = await verdicts(page)
        assert {
            each: text for each, text in found.items() if text.startswith("Does not match")
        }.keys() == {step}, (what, found)
        assert why in found[step], (what, found)
        later = STEPS[STEPS.index(step) + 1 :]
        assert {found[each] for each in later} <= {"Not checked: a step before does not match"}, (
            what
        )
        await expect(page.locator("[data-proved]")).to_have_text(
            re.compile(f"Does not match: step {STEPS.index(step) + 1}, ")
        )
    assert reader.complaints == []


async def give(page: Page, material: dict[str, Any]) -> None:
    """Have the page given other material than the server's."""
    await page.unroute("**/material")
    await page.route("**/material", lambda route: route.fulfill(json=material))


# For everybody
