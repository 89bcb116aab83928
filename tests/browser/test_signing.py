"""A channel that asks for its officers' signatures: keys made in browsers, entered by
administrators, and what they sign, to the other side's audit.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, Route, expect

from browsing import Visit, Visiting
from dragoman.cli.signature import seed_of
from dragoman.tlog import dsse
from dragoman.tlog.note import COSIGNATURE, Verifier
from host import Host
from service import Gateway

pytestmark = [pytest.mark.browser, pytest.mark.fresh_context]

CHANNEL = "nato-china"
OFFICERS = {"d-1": "duty_officer", "h-1": "head_of_office"}


class Signing(Host):
    """A host that can sign for nobody, with a channel that asks for signatures of all that officers
    say.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.about = self.opened(required_signatures=["contact", "notification", "channel"])
        for side in ("nato", "china"):
            for name, role in OFFICERS.items():
                entered = [
                    f"{side}/{name}",
                    "--office",
                    "hq",
                    "--role",
                    role,
                    "--sign",
                    f"{side}-adm.pem",
                ]
                self.run("officer", "add", *entered, "--token-file", f"{side}-adm-1.token")

    def address(self, path: str = "") -> str:
        return f"{self.service.base_url}/c/{CHANNEL}{path}"

    def admit(self, side: str, entry: str) -> str:
        return self.run(
            "keys",
            "admit",
            entry,
            "--sign",
            f"{side}-adm.pem",
            "--token-file",
            f"{side}-adm-1.token",
        )[1]


@pytest.fixture(scope="module")
def host(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    """Shared by the tests, which only add to it."""
    host = Signing(tmp_path_factory.mktemp("signing"))
    yield host
    host.service.stop()


async def at(host: Signing, visit: Visiting, actor: str, path: str, **options: Any) -> Visit:
    """An officer signed in with a browser of their own, at a path of the channel."""
    reader = await visit(
        host.service, service_workers="block", **options
    )  # a host that lies rewrites what the page fetches
    token = (host.folder / host.token(actor)).read_text().strip()
    await reader.enter_with(token, f"/c/{CHANNEL}{path}")
    return reader


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=re.compile(name)).first.click()


async def asks(host: Signing, visit: Visiting, actor: str) -> tuple[Visit, str]:
    """An officer whose browser has made a key and asked for its entry; and the words to be read
    out.
    """
    reader = await at(host, visit, actor, "/key")
    state = reader.page.locator("#own-key .mark")
    await expect(state).to_contain_text("has no key of yours")
    await press(reader.page, "Make a key in this browser")
    await expect(state).to_contain_text("not entered in the channel yet")
    await press(reader.page, "Ask for its entry")
    await expect(reader.page.locator("#saying")).to_contain_text("Read the four words")
    await expect(state).to_contain_text("key waits for")
    return reader, await reader.page.locator("section[data-entry] span[lang=en]").inner_text()


async def administering(host: Signing, visit: Visiting, side: str) -> Visit:
    """An administrator whose browser has a key, which a key in a file has entered."""
    administrator, words = await asks(host, visit, f"{side}/adm-1")
    await administrator.page.goto(host.address("/admin/keys"))
    await expect(administrator.page.get_by_text(words)).to_be_visible()
    async with administrator.page.expect_download() as waited:
        await administrator.page.get_by_role("link", name="the entry").click()
    await (await waited.value).save_as(host.folder / "entry.json")
    assert f"({words}) is {side}/adm-1's from position" in host.admit(side, "entry.json")
    await administrator.page.reload()
    await expect(administrator.page.get_by_text(words)).to_have_count(0)
    return administrator


async def entered(host: Signing, visit: Visiting, administrator: Visit, actor: str) -> Visit:
    """An officer whose browser has a key, which an administrator's browser has entered."""
    reader, words = await asks(host, visit, actor)
    await administrator.page.goto(host.address("/admin/keys"))
    entry = administrator.page.locator(f"section[data-entry='{actor}']")
    await expect(entry).to_contain_text(words)
    await entry.get_by_role("button", name="Enter this key").click()
    await expect(administrator.page.locator("#saying")).to_contain_text("Entered: the key is valid")
    await reader.page.reload()
    await expect(reader.page.locator("#own-key .mark")).to_contain_text("key is valid")
    return reader


async def checking(reader: Visit, host: Signing, text: str) -> Page:
    """A contact note on its check page."""
    page = reader.page
    await page.goto(host.address("/compose/contact-note"))
    await page.get_by_label("conversation", exact=True).check()
    await page.locator("textarea[name^='f.text']").first.fill(text)
    await press(page, "Check before sending")
    await expect(page.locator("h1")).to_have_text("Check before sending")
    return page


async def position_of(page: Page) -> int:
    await expect(page.locator("h1")).to_contain_text("Recorded: record")
    return int(re.sub(r"\D", "", await page.locator("h1").inner_text()))


async def test_what_officers_say_is_signed_by_keys_of_their_browsers_and_holds_in_the_other_sides_audit(
    host: Signing, visit: Visiting, session: aiohttp.ClientSession
) -> None:
    auditor = host.caller(session, "china/a-1")
    nato, china = (
        await administering(host, visit, "nato"),
        await administering(host, visit, "china"),
    )
    officer, head = (
        await entered(host, visit, nato, "nato/o-1"),
        await entered(host, visit, nato, "nato/h-1"),
    )
    duty, other = (
        await entered(host, visit, nato, "nato/d-1"),
        await entered(host, visit, china, "china/d-1"),
    )

    page = await checking(officer, host, "Met at the reception.")
    shown = await page.locator("#act-bytes").text_content() or ""
    assert json.loads(shown)["signed"]["author"] == "nato/o-1"
    await press(page, "^Send|^Record")
    record = await auditor.get(f"/v1/channels/{CHANNEL}/records/{await position_of(page)}")
    assert record.json["attestation"] == "author"
    assert shown.encode() in record.body, "recorded is what was shown, byte for byte"

    # two officers stand behind a request: one signs the draft, the other the same bytes
    await page.goto(host.address("/compose/explanation-request"))
    await page.locator("textarea[name^='f.cause']").first.fill("Unusual activity in the area")
    await page.locator("[name^='f.type']").first.fill("concentration of forces")
    await page.locator("#f-place").fill("Strait")
    await page.locator("textarea[name^='f.questions']").first.fill("What is it for?")
    await press(page, "^Keep as draft")
    await expect(page.get_by_text("Its author has not signed it.")).to_be_visible()
    await expect(page.get_by_role("button", name=re.compile("Release"))).to_have_count(0)
    await page.get_by_role("link", name="Change").click()
    await press(page, "Check before sending")
    await expect(page.get_by_text("This takes a second officer")).to_be_visible()
    await press(page, "^Keep as draft")
    await expect(page).to_have_url(re.compile("/drafts/[0-9a-f-]{36}"))
    await expect(page.get_by_text("Its author has not signed it.")).to_have_count(0)
    await head.page.goto(page.url.partition("?")[0])
    await press(head.page, "Release")
    record = await auditor.get(f"/v1/channels/{CHANNEL}/records/{await position_of(head.page)}")
    assert (
        record.json["actor"],
        record.json["releasedby"],
        record.json["signatures"].count(":"),
    ) == ("nato/o-1", "nato/h-1", 2)

    # the watch is taken, a flash is sent and acknowledged in the takeover
    await other.page.goto(host.address("/watch/turn-over"))
    await other.page.get_by_label("Taken over", exact=True).first.check()
    await press(other.page, "Take the watch now, the rest unsigned")
    await expect(other.page.locator("#saying")).to_contain_text("You have the watch")
    turn_over = (await auditor.get(f"/v1/channels/{CHANNEL}/watch/turn-over")).json
    assert turn_over["committed"], "the id that the officer signed is made from the answers"
    assert "taken_over" in [point.get("answer") for point in turn_over["signed"]]
    await duty.page.goto(host.address("/compose/hazardous-incident"))
    await duty.page.get_by_label("near miss", exact=True).check()
    await duty.page.locator("#f-time").fill("0305")
    await duty.page.locator("#f-place").fill("15-07N 116-26E")
    await duty.page.locator("textarea[name^='f.facts']").first.fill("Two aircraft passed close.")
    await duty.page.locator("input[name='f.precedence'][value=flash]").check()
    await press(duty.page, "Check before sending")
    await press(duty.page, "Send FLASH to CHINA")
    flash = await position_of(duty.page)
    dialog = other.page.locator("dialog[open]")
    await expect(dialog).to_be_visible()
    await other.page.wait_for_timeout(900)
    await other.page.keyboard.press("a")
    await expect(other.page.locator("#link-bar")).to_contain_text("Acknowledged")
    following = [
        (await auditor.get(f"/v1/channels/{CHANNEL}/records/{flash + n}")).json for n in (1, 2, 3)
    ]
    receipts = [each for each in following if each.get("type") == "dragoman.acknowledgement.v1"]
    assert [(each["actor"], each["attestation"]) for each in receipts] == [("china/d-1", "author")]

    pins = (
        "--cid",
        str(host.about["cid"]),
        "--log",
        str(host.about["log"]),
        "--channel",
        CHANNEL,
        "--token-file",
        "china-a-1.token",
    )
    told, _ = host.run("audit", "verify", *pins)
    assert "the sides' own keys" in told
    assert [each.complaints for each in (nato, china, officer, head, duty, other)] == [[]] * 6


async def test_a_key_of_a_browser_cannot_be_given_out_and_is_forgotten_when_asked(
    host: Signing, visit: Visiting
) -> None:
    reader, _ = await asks(host, visit, "china/o-1")
    taken = await reader.page.evaluate(
        """async () => {
            const found = (request) => new Promise((go) => { request.onsuccess = () => go(request.result); });
            const opened = await found(indexedDB.open("dragoman", 1));
            const [key] = await found(opened.transaction("keys").objectStore("keys").getAll());
            return crypto.subtle.exportKey("pkcs8", key.privateKey).then(() => "given out", (error) => error.name);
        }"""
    )
    assert taken == "InvalidAccessError"
    await press(reader.page, "Take the entry back")
    await expect(reader.page.locator("#own-key .mark")).to_contain_text(
        "not entered in the channel yet"
    )
    await reader.page.get_by_text("Forget the key of this browser").click()
    await press(reader.page, "Forget it")
    await expect(reader.page.locator("#own-key .mark")).to_contain_text("has no key of yours")
    assert reader.complaints == []


def lying(member: str, lie: Callable[[dict[str, Any]], Any]) -> Callable[[Route], Awaitable[None]]:
    """A host that hands over something else to be signed."""

    async def handle(route: Route) -> None:
        answer = await route.fetch()
        asked = await answer.json()
        await route.fulfill(response=answer, json=asked | {member: lie(asked)})

    return handle


async def test_nothing_is_signed_that_is_not_shown_or_under_a_head_that_does_not_hold(
    host: Signing, visit: Visiting
) -> None:
    administrator = await administering(host, visit, "nato")
    reader = await entered(host, visit, administrator, "nato/o-1")
    page = await checking(reader, host, "What stands here.")
    for member, lie, words in (
        (
            "act",
            lambda asked: asked["act"].replace("stands here", "was never said"),
            "not what this page shows",
        ),
        (
            "head",
            lambda asked: asked["head"].replace(asked["head"].splitlines()[2], "A" * 43 + "="),
            "not signed by the log’s key",
        ),
        ("log", lambda asked: asked["log"][:-4] + "AAA=", "not the one that this browser knows"),
    ):
        await page.route("**/compose/contact-note", lying(member, lie))
        await press(page, "^Send|^Record")
        await expect(page.locator("#link-bar")).to_contain_text(words)
        await expect(page.locator("h1")).to_have_text("Check before sending")
        await page.unroute("**/compose/contact-note")
    await press(page, "^Send|^Record")
    await position_of(page)
    assert reader.complaints == []


async def test_an_administrator_signs_an_act_of_keepers_where_the_host_can_sign_for_nobody(
    host: Signing, visit: Visiting
) -> None:
    administrator = await administering(host, visit, "nato")
    page = administrator.page
    await page.goto(host.address("/admin/officers"))
    await page.get_by_role("link", name="Enter an officer").click()
    await page.get_by_label("Name of office").fill("O 88")
    await page.get_by_label("Office", exact=True).fill("hq")
    await page.get_by_label("auditor").check()
    await press(page, "Check before sending")
    await expect(page.locator("#f-officer-fault")).to_contain_text("small letters and digits")
    await page.get_by_label("Name of office").fill("root")
    await press(page, "Check before sending")
    await expect(page.locator("main")).to_contain_text("asks for your signature")
    await press(page, "^Record")  # what only the rules know is said once it is signed
    await expect(page.locator("#f-officer-fault")).to_contain_text("cannot be called root")
    await page.get_by_label("Name of office").fill("o-88")
    await press(page, "Check before sending")
    await press(page, "^Record")
    await expect(page.locator("h1")).to_contain_text("Recorded: record")
    await page.get_by_role("link", name="Back to Administration").click()
    await expect(page.locator("tr[data-officer='nato/o-88']")).to_contain_text("in office")


async def test_in_a_trial_the_host_signs_for_the_administrator_who_enters_a_key(
    visit: Visiting, demo: Gateway
) -> None:
    officer, administrator = await visit(demo), await visit(demo)
    await officer.enter("nato/officer", f"/c/{CHANNEL}/key")
    await press(officer.page, "Make a key in this browser")
    await press(officer.page, "Ask for its entry")
    words = await officer.page.locator("section[data-entry] span[lang=en]").inner_text()
    colleague = await visit(demo, java_script_enabled=False)
    await colleague.enter("nato/duty_officer", f"/c/{CHANNEL}/admin/keys")
    await expect(colleague.page.get_by_text(words)).to_have_count(0)
    await administrator.enter("nato/administrator", f"/c/{CHANNEL}/admin/keys")
    await expect(administrator.page.get_by_text(words)).to_be_visible()
    await press(administrator.page, "Enter this key")
    await expect(administrator.page.locator("#saying")).to_contain_text("Entered: the key is valid")
    await officer.page.reload()
    await expect(officer.page.locator("#own-key .mark")).to_contain_text("key is valid")
    assert officer.complaints + colleague.complaints + administrator.complaints == []


async def test_without_a_key_or_without_scripts_nothing_is_sent_and_the_page_says_what_to_do(
    host: Signing, visit: Visiting
) -> None:
    reader = await at(host, visit, "nato/o-1", "")
    page = await checking(reader, host, "Kept as it stands.")
    await press(page, "^Send|^Record")
    await expect(page.locator("#link-bar")).to_contain_text("this browser has no key of yours")
    await expect(page.locator("h1")).to_have_text("Check before sending")
    plain = await at(host, visit, "nato/o-1", "", java_script_enabled=False)
    page = await checking(plain, host, "Kept as it stands.")
    await press(page, "^Send|^Record")
    await expect(page.locator(".fault")).to_contain_text("asks for the author’s signature")
    await expect(page.locator("textarea[name^='f.text']").first).to_have_value("Kept as it stands.")
    assert [each for each in reader.complaints + plain.complaints if "422" not in each] == []


def hand_over(host: Signing) -> int:
    """Let administrators hand the log over to a new key of this host; the position."""
    as_nato = ("--token-file", "nato-adm-1.token", "--channel", CHANNEL)
    lines = "".join(
        f"witness {side} {Verifier(f'{side}.example/w', COSIGNATURE, dsse.public_of(seed))}\n"
        for side, seed in (("nato", b"n" * 32), ("china", b"c" * 32))
    )
    (host.folder / "policy.txt").write_text(f"{lines}group both all nato china\nquorum both\n")
    for side in ("nato", "china"):
        signed = ("--sign", f"{side}-adm.pem", "--token-file", f"{side}-adm-1.token")
        host.run("adopt", "policy", "policy.txt", *signed)
    key, _ = host.run("host", "new-key", "--data", str(host.service.data))
    host.service.port = int(host.service.base_url.rpartition(":")[2])  # a browser's keys are of it
    host.service.restart()
    host.run("host", "draft", key, "--to", "handover.json", *as_nato)
    act = (host.folder / "handover.json").read_bytes()
    for side in ("nato", "china"):
        seed = seed_of(host.folder / f"{side}-adm.pem")
        signature = {dsse.key_id(dsse.public_of(seed)): dsse.sign(seed, act)}
        (host.folder / f"{side}.sig").write_text(dsse.write_signatures(signature))
    told, _ = host.run(
        "channel", "post", "handover.json", "nato.sig", "china.sig", *as_nato, "--json"
    )
    return int(json.loads(told)["position"])


async def check_auditor(host: Signing, page: Page, name: str) -> None:
    """Bring the entry of an auditor to its check page."""
    await page.goto(host.address("/admin/acts/officer"))
    await page.get_by_label("Name of office").fill(name)
    await page.get_by_label("Office", exact=True).fill("hq")
    await page.get_by_label("auditor").check()
    await press(page, "Check before sending")
    await expect(page.locator("h1")).to_have_text("Check before sending")


async def test_a_browser_goes_on_after_the_log_was_handed_over_to_another_key(
    host: Signing, visit: Visiting, session: aiohttp.ClientSession
) -> None:
    administrator = await administering(host, visit, "nato")
    page = administrator.page
    await check_auditor(host, page, "a-7")
    await press(page, "^Record")
    await position_of(page)
    await page.goto("about:blank")  # the host is away for a moment
    since = await asyncio.to_thread(hand_over, host)
    said = f"From record {since} on this log is signed with another key"
    auditor, newest = host.caller(session, "nato/a-1"), f"/v1/channels/{CHANNEL}/log/checkpoint"
    while int((await auditor.get(newest)).body.split(b"\n")[1]) < since:
        await asyncio.sleep(0.05)

    await check_auditor(host, page, "a-8")
    await page.route("**/acts/officer", lying("handovers", lambda asked: asked["handovers"][:-1]))
    await press(page, "^Record")
    await expect(page.locator("#link-bar")).to_contain_text("not signed by the log’s key")
    await page.unroute("**/acts/officer")
    await press(page, "^Record")
    await position_of(page)

    await page.goto(host.address(f"/records/{since}"))
    await expect(page.locator("main")).to_contain_text(said)
    await press(page, "Prove it")
    await expect(page.locator("[data-proved]")).to_contain_text("7 of 8 steps are valid")
    await expect(page.locator("[data-step=head]")).to_contain_text(said)
    for path in ("/audit", "/key"):
        await page.goto(host.address(path))
        await expect(page.locator("main")).to_contain_text(said)
    await page.goto(host.address("/audit"))
    await expect(page.get_by_text("not following")).to_have_count(2)
    assert administrator.complaints == []
