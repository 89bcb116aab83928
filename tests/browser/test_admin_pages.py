"""Administration in a browser: who keeps a channel, what the sides have adopted, where they are
told; and the operator's pages.
"""

import asyncio
import csv
import io
import json
import re
import secrets
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Locator, Page, expect

from browsing import Visit, Visiting
from dragoman.tlog import dsse
from dragoman.tlog.note import COSIGNATURE, Verifier
from dragoman_schemas.profiles import PROFILES
from office import Office
from patience import PATIENCE_S
from service import NOTE, Caller, Gateway, new_key

pytestmark = pytest.mark.browser

NATO = "nato-china"
OTHER = "ukraine-russia"
ADMIN = ("", "/officers", "/keys", "/profiles", "/codebook", "/policy", "/erasures", "/endpoints")
HOST = (
    "/host",
    "/host/tokens",
    "/host/subjects",
    "/host/open",
    "/host/terms?name=far",
    f"/host/channels/{NATO}",
)
NARROW = {"width": 320, "height": 568}


@pytest.fixture(scope="module")
def demo(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A demonstration whose courier may call loopback, and is quick to give up."""
    quick = {
        "DRAGOMAN_COURIER__PRIVATE_NETWORKS": '["127.0.0.0/8"]',
        "DRAGOMAN_COURIER__RETRIES_S": "[0.1]",
    }
    service = Office(tmp_path_factory.mktemp("admin") / "data", demo=True, environment=quick)
    yield service
    service.stop()


async def go(visit: Visit, path: str) -> None:
    await visit.page.goto(visit.service.base_url + path)


async def come_in(visit: Visit, token: str, path: str) -> None:
    """Sign in with a token, and arrive at a path."""
    await visit.enter_with(token.strip(), path)


async def administrating(visit: Visit, who: str, path: str, channel: str = NATO) -> Page:
    await come_in(visit, visit.service.token(who), f"/c/{channel}/admin{path}")
    return visit.page


def officer(page: Page, name: str) -> Locator:
    return page.locator(f'tr[data-officer="{name}"]')


def press(page: Page, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True).click()


async def refused(page: Page, sentence: str, field: str) -> None:
    """The page says what is wrong at the top and beside the field, in the same words."""
    assert (await page.title()).startswith("Error: ")
    await expect(page.get_by_role("alert").get_by_role("heading")).to_have_text(
        "There is a problem"
    )
    await expect(page.get_by_role("alert").get_by_role("link", name=sentence)).to_have_attribute(
        "href", f"#{field}"
    )
    await expect(page.locator(f"#{field}-fault")).to_contain_text(sentence)


async def sitting(session: aiohttp.ClientSession, service: Gateway, token: str) -> dict[str, str]:
    """The headers of a browser that is signed in."""
    form = {"token": token.strip(), "next": "/"}
    async with session.post(
        f"{service.base_url}/sign-in", data=form, allow_redirects=False
    ) as answer:
        return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0], "Accept": "text/html"}


async def registry(
    session: aiohttp.ClientSession, service: Gateway, who: str, channel: str = NATO
) -> Any:
    return (await Caller(session, service, who).get(f"/v1/channels/{channel}/state")).json[
        "registry"
    ]


# The registry, read


async def test_pages_of_the_registry_and_their_json_and_csv_say_what_the_api_says(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    reader = await visit()
    page = await administrating(reader, "nato/auditor", "/officers")
    known = await registry(session, demo, "nato/auditor")
    assert sorted(
        [
            await row.get_attribute("data-officer") or ""
            for row in await page.locator("tr[data-officer]").all()
        ]
    ) == sorted(known["officers"])
    shown = await page.evaluate(
        "async path => (await fetch(path)).json()", f"/c/{NATO}/admin/officers.json"
    )
    assert {each["officer"]: (each["roles"], each["since"]) for each in shown["officers"]} == {
        name: (each["roles"], each["since"]) for name, each in known["officers"].items()
    }
    text = await page.evaluate(
        "async path => (await fetch(path)).text()", f"/c/{NATO}/admin/keys.csv"
    )
    assert {row["key"]: row["owner"] for row in csv.DictReader(io.StringIO(text))} == {
        id: key["owner"] for id, key in known["keys"].items()
    }
    await go(reader, f"/c/{NATO}/admin")
    for said in (known["cid"], known["sides"][0]["roots"][0], "kept by this host: a trial"):
        await expect(page.locator("main")).to_contain_text(said)
    await go(reader, f"/c/{NATO}/admin/profiles")
    await expect(
        page.locator("table.limits tbody tr").filter(has=page.locator("td"))
    ).to_have_count(len(PROFILES["default"].__struct_fields__) - 4 + 4 + 3 + 3)
    await expect(
        page.get_by_role("row", name="Answer to a request for explanation")
    ).to_contain_text("differs")
    assert reader.complaints == []


async def test_who_may_not_is_told_who_can_and_sees_no_form(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    reader = await visit()
    page = await administrating(reader, "nato/officer", "/officers")
    await expect(
        page.get_by_text(
            "Administrators of a side enter and revoke its officers. Of NATO these are: adm-1."
        )
    ).to_be_visible()
    for path in ADMIN[1:7]:
        await go(reader, f"/c/{NATO}/admin{path}")
        await expect(page.locator("main form")).to_have_count(0)
        await expect(
            page.locator("main").get_by_text("You are signed in as officer.").first
        ).to_be_visible()
    await go(reader, f"/c/{NATO}/admin/officers/revoke?officer=o-1")
    assert page.url.endswith("/admin/officers")
    headers = await sitting(session, demo, demo.token("nato/officer"))
    form = {"officer": "o-2", "office": "brussels", "roles": "officer", "key": new_key()}
    async with session.post(
        f"{demo.base_url}/c/{NATO}/admin/officers", data=form, headers=headers
    ) as answer:
        assert answer.status == 403
    assert reader.complaints == []


async def test_the_past_shows_the_registry_as_it_stood_and_no_form(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    administrator = Caller(session, demo, "russia/administrator")
    entry = {"act": "officer", "officer": "o-5", "office": "moscow", "roles": ["officer"]}
    entered = (await administrator.post(f"/v1/channels/{OTHER}/channel", entry)).json["position"]
    await administrator.post(
        f"/v1/channels/{OTHER}/channel", {"act": "officer-revocation", "officer": "o-5"}
    )
    reader = await visit()
    page = await administrating(reader, "russia/administrator", f"/officers?at={entered}", OTHER)
    await expect(officer(page, "russia/o-5")).to_contain_text("in office")
    await expect(page.locator("main form")).to_have_count(0)
    await expect(page.get_by_text("This page shows the past")).to_be_visible()
    for path in ADMIN:
        await go(reader, f"/c/{OTHER}/admin{path}?at={entered}")
        await expect(page.locator("main form")).to_have_count(0)
        links = [
            await each.get_attribute("href") or ""
            for each in await page.locator("main a[href^='/c/']").all()
        ]
        assert links
        assert [
            each
            for each in links
            if f"at={entered}" not in each and each != f"/c/{OTHER}/admin{path}"
        ] == []
    await go(reader, f"/c/{OTHER}/admin/officers?at={entered - 1}")
    await expect(officer(page, "russia/o-5")).to_have_count(0)
    await go(reader, f"/c/{OTHER}/admin/officers")
    await expect(officer(page, "russia/o-5")).to_contain_text("revoked")
    assert reader.complaints == []


# The registry, changed


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
async def test_an_administrator_enters_an_officer_changes_the_roles_and_revokes(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, *, scripts: bool
) -> None:
    name = f"o-{secrets.randbelow(10**9)}"
    reader = await visit(java_script_enabled=scripts)
    page = await administrating(reader, "nato/administrator", "/officers")
    await page.get_by_label("Name of office").fill(name.upper())
    await press(page, "Enter the officer")
    await refused(page, "Give a name of office", "officer")
    await refused(page, "Choose at least one role.", "roles")
    await expect(page.get_by_label("Name of office")).to_have_value(name.upper())
    if scripts:
        await expect(page.locator(".fault")).to_be_focused()
    await page.get_by_label("Name of office").fill(name)
    await page.get_by_label("Office", exact=True).fill("brussels")
    await page.get_by_label("duty officer").check()
    await press(page, "Enter the officer")
    await expect(page.get_by_role("status").last).to_have_text("Recorded.")
    await expect(officer(page, f"nato/{name}")).to_contain_text("duty officer")
    await page.get_by_role("link", name=f"change nato/{name}").click()
    await expect(page.get_by_label("Name of office")).to_have_value(name)
    await page.get_by_label("auditor").check()
    await page.get_by_label("duty officer").uncheck()
    await press(page, "Enter the officer")
    assert (await registry(session, demo, "nato/auditor"))["officers"][f"nato/{name}"]["roles"] == [
        "auditor"
    ]
    await page.get_by_role("link", name=f"revoke nato/{name}").click()
    await expect(page.locator("h1")).to_have_text(f"Revoke nato/{name}?")
    await expect(page.get_by_text("Nobody can be entered under this name again")).to_be_visible()
    await page.get_by_label("Reason (optional)").fill("Posted elsewhere.")
    await press(page, f"Revoke {name}")
    await expect(page.get_by_role("status").last).to_have_text("Revoked.")
    await expect(officer(page, f"nato/{name}")).to_contain_text("revoked")
    await page.get_by_label("Name of office").fill(name)
    await page.get_by_label("Office", exact=True).fill("brussels")
    await page.get_by_label("auditor").check()
    await press(page, "Enter the officer")
    await refused(page, "a revoked name does not return", "officer")
    await expect(page.get_by_label("auditor")).to_be_checked()
    assert [each for each in reader.complaints if "422" not in each] == []


async def test_a_second_press_of_the_same_form_changes_nothing(
    demo: Gateway, session: aiohttp.ClientSession
) -> None:
    headers = await sitting(session, demo, demo.token("nato/administrator"))
    form = {"officer": "o-twice", "office": "brussels", "roles": "officer", "key": new_key()}
    places = []
    for _ in range(2):
        async with session.post(
            f"{demo.base_url}/c/{NATO}/admin/officers",
            data=form,
            headers=headers,
            allow_redirects=False,
        ) as answer:
            assert answer.status == 303
            places.append(answer.headers["Location"])
    assert places[0] == places[1]
    link = {"key": new_key()}
    shown = []
    for _ in range(2):
        async with session.post(
            f"{demo.base_url}/c/{NATO}/admin/links", data=link, headers=headers
        ) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            shown.append(re.search(r'id="link-once">([^<]+)<', await answer.text()))
    assert shown[0] and not shown[1], "a link is shown once"
    links = (
        await Caller(session, demo, "nato/administrator").get(f"/v1/channels/{NATO}/calendar-links")
    ).json["links"]
    assert len(links) == 1


async def test_line_checks_bind_once_the_other_side_adopts_what_its_form_begins_with(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    ukraine, russia = await visit(), await visit()
    to_come = f"1 Dec {datetime.now(UTC).year + 1} 06:00Z"  # while other tests use the channel, its line is not checked yet
    page = await administrating(ukraine, "ukraine/administrator", "/profiles", OTHER)
    await page.get_by_label("vienna").check()
    await page.get_by_label("Line checks every day at (optional)").fill("6:00, 25:00")
    await page.get_by_label("From when on (optional)").fill("soon")
    await press(page, "Adopt this profile")
    await refused(page, "Give times of the day", "times")
    await refused(page, "Give a day and a time", "from")
    await page.get_by_label("Line checks every day at (optional)").fill("18:00 6:00")
    await page.get_by_label("Time zone of these times").fill("Europe/Nowhere")
    await page.get_by_label("From when on (optional)").fill(to_come)
    await press(page, "Adopt this profile")
    await refused(page, "Europe/Nowhere is not a time zone", "zone")
    await page.get_by_label("Time zone of these times").fill("Europe/Kyiv")
    await press(page, "Adopt this profile")
    await expect(
        page.get_by_text("The line is not checked by schedule: that takes")
    ).to_be_visible()
    other = await administrating(russia, "russia/administrator", "/profiles", OTHER)
    await expect(other.get_by_label("Line checks every day at (optional)")).to_have_value(
        "06:00 18:00"
    )
    await press(other, "Adopt this profile")
    await expect(other.locator(".lead")).to_contain_text("The limits of vienna bind")
    await expect(other.get_by_text(f"The line is checked from {to_come} on")).to_be_visible()
    adopted = (await registry(session, demo, "russia/auditor", OTHER))["profiles"]
    assert adopted["ukraine"]["line_check"] == adopted["russia"]["line_check"]
    assert [each for each in ukraine.complaints + russia.complaints if "422" not in each] == []


async def test_a_codebook_is_read_in_three_languages_and_adopted(
    visit: Visiting, demo: Gateway
) -> None:
    reader = await visit()
    page = await administrating(reader, "nato/administrator", "/codebook")
    await expect(page.get_by_role("row", name="HERON 5")).to_contain_text("危险活动已停止")
    await press(page, "Adopt this codebook")
    await expect(page.locator("main li", has_text="NATO")).to_contain_text("starter, version 1")
    await expect(page.locator(".lead")).to_contain_text("Not every side")
    assert reader.complaints == []


async def test_a_policy_of_witnesses_is_explained_once_every_side_has_adopted_it(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    public = [
        Verifier(f"{side}.example/witness", COSIGNATURE, dsse.public_of(secrets.token_bytes(32)))
        for side in ("nato", "china")
    ]
    text = f"witness n-1 {public[0]}\nwitness c-1 {public[1]}\ngroup nato any n-1\ngroup china any c-1\ngroup both all nato china\nquorum both\n"
    reader, other = await visit(), await visit()
    page = await administrating(reader, "nato/administrator", "/policy")
    await page.get_by_label("Policy").fill("quorum none")
    await press(page, "Adopt this policy")
    await refused(page, "Name a group or a witness nato", "policy")
    await expect(page.get_by_label("Policy")).to_have_value("quorum none")
    act = {
        "act": "policy-adoption",
        "policy": text,
    }  # as the command line does, with its last line end
    assert (
        await Caller(session, demo, "china/administrator").post(f"/v1/channels/{NATO}/channel", act)
    ).status == 201
    await go(reader, f"/c/{NATO}/admin/policy")
    await expect(page.get_by_label("Policy")).to_have_value(text)
    await press(page, "Adopt this policy")
    await expect(
        page.get_by_text("Records that the quorum both has countersigned are final.")
    ).to_be_visible()
    await expect(page.locator("main")).to_contain_text("2 of 2: nato, china")
    assert (await registry(session, demo, "nato/auditor"))["policy"] == text
    await administrating(other, "china/auditor", "/policy")
    await expect(other.page.get_by_text("the policy in force")).to_have_count(2)
    assert [each for each in reader.complaints + other.complaints if "422" not in each] == []


async def test_how_the_channel_stands_is_drafted_here_and_released_by_a_colleague(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    reader = await visit()
    page = await administrating(reader, "ukraine/head_of_office", "", OTHER)
    await page.get_by_label("suspended").check()
    await press(page, "Keep as a draft")
    await refused(page, "A suspension needs a written reason.", "reason")
    await expect(page.get_by_label("suspended")).to_be_checked()
    await page.get_by_label("Reason", exact=True).fill("The relay is moved.")
    await press(page, "Keep as a draft")
    await expect(page.get_by_role("status").last).to_contain_text(
        "A colleague of your side releases it."
    )
    colleague = Caller(session, demo, "ukraine/duty_officer")
    (draft,) = (await colleague.get(f"/v1/channels/{OTHER}/drafts")).json["drafts"]
    path = f"/v1/channels/{OTHER}/drafts/{draft['id']}/release"
    assert (await colleague.post(path, None, If_Match=draft["etag"])).status == 201
    await go(reader, f"/c/{OTHER}/admin")
    await expect(page.get_by_text("Said by head of office h-1")).to_be_visible()
    await expect(page.locator("blockquote")).to_have_text("The relay is moved.")
    assert [each for each in reader.complaints if "422" not in each] == []


async def test_a_key_is_entered_by_the_command_line_and_revoked_here_in_a_trial(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    entry = {"act": "officer", "officer": "o-18", "office": "riga", "roles": ["officer"]}
    signed = (
        await Caller(session, demo, "latvia/administrator").post(
            "/v1/channels/baltic-belarus/channel", entry
        )
    ).json["position"]
    reader = await visit()
    page = await administrating(reader, "latvia/administrator", "/keys", "baltic-belarus")
    await expect(
        page.get_by_text(
            "dragoman keys enrol o-17.pem --officer latvia/o-17 --channel baltic-belarus"
        )
    ).to_be_visible()
    await page.get_by_role("link", name="revoke a key of latvia/adm-1").click()
    for position, said in (
        ("soon", "Give the number of a record"),
        ("100000", "The key could sign from position"),
    ):
        await page.get_by_label("In doubt from record (optional)").fill(position)
        await press(page, "Revoke this key")
        await refused(page, said, "suspect_from")
    await page.get_by_label("In doubt from record (optional)").fill(str(signed))
    await press(page, "Revoke this key")
    await expect(page.get_by_role("status").last).to_have_text("Revoked.")
    await expect(page.locator("tr", has_text="LATVIA adm-1")).to_contain_text(
        re.compile(r"revoked.*disputed from")
    )
    await go(reader, f"/c/baltic-belarus/records/{signed}")
    await expect(page.locator(".verdict")).to_contain_text(
        "A key of latvia/adm-1, revoked by record"
    )
    await go(reader, f"/c/baltic-belarus/records/{signed - 1}")
    await expect(page.locator(".verdict")).to_have_count(0)
    assert [each for each in reader.complaints if "422" not in each] == []


async def test_where_the_sides_keep_their_own_keys_commands_stand_in_place_of_forms(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    operator = Caller(session, demo, "operator")
    terms = (await operator.get("/v1/openings/own-keys")).json
    seeds = {side: secrets.token_bytes(32) for side in ("north", "south")}
    sides = [
        {"name": side, "roots": [dsse.encode_base64(dsse.public_of(seed))], "threshold": 1}
        for side, seed in seeds.items()
    ]
    act: dict[str, Any] = {
        "act": "channel-opening",
        "type": "dragoman.channel-opening.v1",
        "name": "own-keys",
        "kind": "official",
        "sides": sides,
    }
    act |= {
        **terms,
        "languages": ["en"],
        "required_signatures": ["channel"],
        "rules": 1,
        "nonce": secrets.token_hex(32),
    }
    raw = json.dumps(act, separators=(",", ":")).encode()
    signed = dsse.write_signatures(
        {dsse.key_id(dsse.public_of(seed)): dsse.sign(seed, raw) for seed in seeds.values()}
    )
    opened = await operator.post(
        "/v1/openings", b'{"act":%s,"signatures":["%s"]}' % (raw, signed.encode())
    )
    assert opened.status == 201, opened.body
    token = (
        await operator.post("/v1/tokens", {"actor": "north/root", "channels": ["own-keys"]})
    ).json["token"]
    reader = await visit()
    await come_in(reader, token, "/c/own-keys/admin/officers")
    for path, command in (
        (
            "/officers",
            "dragoman officer add north/o-17 --office OFFICE --role officer --channel own-keys",
        ),
        ("/keys", "dragoman keys rotate-roots NEW-ROOT.pem --sign OLD-ROOT.pem --channel own-keys"),
        ("/profiles", "dragoman adopt profile default --line-check checks.json --channel own-keys"),
        ("/policy", "dragoman adopt policy policy.txt --channel own-keys"),
    ):
        await go(reader, f"/c/own-keys/admin{path}")
        await expect(reader.page.locator("main form")).to_have_count(0)
        await expect(reader.page.get_by_text(command)).to_be_visible()
        await expect(
            reader.page.get_by_text("No page is given a private key").first
        ).to_be_visible()
    assert reader.complaints == []


# Where the side is told


async def test_an_endpoint_shows_its_secret_once_sends_again_what_was_given_up_and_is_removed(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/nobody"
    reader = await visit()
    page = await administrating(reader, "china/head_of_office", "/endpoints")
    await expect(page.get_by_text("There is no endpoint")).to_be_visible()
    await page.get_by_label("URL (for a webhook)").fill("https://10.0.0.1/inside")
    await page.get_by_label("hmac").check()
    await page.get_by_label("contact", exact=True).check()
    await press(page, "Add this endpoint")
    await refused(page, "This URL cannot be used", "url")
    await expect(page.get_by_label("hmac")).to_be_checked()
    await page.get_by_label("URL (for a webhook)").fill(url)
    await press(page, "Add this endpoint")
    secret = await page.locator("#secret").inner_text()
    assert secret.startswith("whsec_")
    await expect(page.get_by_text("shown this once and not again")).to_be_visible()
    await go(reader, f"/c/{NATO}/admin/endpoints")
    assert secret not in await page.content()
    (known,) = (await Caller(session, demo, "china/officer").get("/v1/webhooks")).json["endpoints"]
    await expect(page.locator(f'[data-endpoint="{known["id"]}"] h3')).to_have_text(known["target"])
    await expect(page.locator("article")).to_contain_text("never tested")
    await page.get_by_role("button", name=f"Send a test {known['target']}").click()
    async with asyncio.timeout(PATIENCE_S):
        while "the last test failed" not in await page.locator("article").inner_text():
            await page.reload()
    await expect(page.locator("article")).not_to_contain_text("in order")
    position = (await Caller(session, demo, "nato/officer").open(NOTE, NATO)).json["position"]
    async with asyncio.timeout(PATIENCE_S):
        while not (
            await Caller(session, demo, "china/officer").get(f"/v1/webhooks/{known['id']}")
        ).json.get("parked"):
            await asyncio.sleep(0.1)
    await page.reload()
    await expect(page.locator("article")).to_contain_text("1 given up")
    await page.get_by_role("button", name=f"Send again record {position}").click()
    await expect(page.get_by_role("status").last).to_have_text(re.compile("It is tried again now."))
    await page.get_by_role("link", name="Remove this endpoint").click()
    await expect(page.locator("h1")).to_have_text("Remove this endpoint?")
    await press(page, "Remove it")
    await expect(page.get_by_text("There is no endpoint")).to_be_visible()
    auditor = await administrating(await visit(), "china/auditor", "/endpoints")
    await expect(
        auditor.get_by_text("Endpoints of a side are seen by its officers and administrators.")
    ).to_be_visible()
    assert [each for each in reader.complaints if "422" not in each] == []


async def test_a_calendar_link_is_shown_once_and_leads_nowhere_once_revoked(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    reader = await visit(java_script_enabled=False)
    page = await administrating(reader, "china/auditor", "/endpoints")
    await press(page, "Make a link")
    link = await page.locator("#link-once").inner_text()
    async with session.get(link) as answer:
        assert (answer.status, answer.content_type) == (200, "text/calendar")
    await go(reader, f"/c/{NATO}/admin/links")
    assert link.rpartition("/")[2] not in await page.content()
    await (
        page.locator("#links ~ *, section", has_text="Your calendar links")
        .get_by_role("link", name=re.compile("^revoke"))
        .click()
    )
    await press(page, "Revoke it")
    await expect(page.get_by_text("You have none.")).to_be_visible()
    async with session.get(link) as answer:
        assert answer.status == 404
    assert reader.complaints == []


# The operator


async def test_the_host_is_the_operators_alone_who_sees_settings_and_nothing_that_is_said(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    operator, auditor = await visit(java_script_enabled=False), await visit()
    await come_in(operator, demo.operator, "/")
    assert operator.page.url.endswith("/host")
    names = {
        each["name"]
        for each in (await Caller(session, demo, "operator").get("/v1/channels")).json["channels"]
    }
    assert names <= {*await operator.page.locator("main tbody th a").all_inner_texts()}
    await expect(operator.page.get_by_text("Every channel is up to date")).to_be_visible()
    await operator.page.get_by_role("link", name=NATO, exact=True).click()
    view = (await Caller(session, demo, "operator").get(f"/v1/channels/{NATO}")).json
    await expect(operator.page.locator("main")).to_contain_text(view["cid"])
    await expect(operator.page.locator("main")).to_contain_text(view["log"])
    await go(operator, f"/c/{NATO}/admin")
    await expect(operator.page.locator("h1")).to_have_text("There is nothing here")
    await auditor.sign_in("nato/auditor", NATO)
    for path in HOST:
        response = await auditor.page.goto(demo.base_url + path)
        assert response is not None
        assert response.status == 403
    assert operator.complaints == [each for each in operator.complaints if "404" in each]


async def test_a_trial_channel_is_opened_with_its_first_officers_and_a_token_lets_one_in(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    operator, officer_page = await visit(java_script_enabled=False), await visit()
    await come_in(operator, demo.operator, "/host/open")
    page = operator.page
    await page.get_by_label("Name", exact=True).fill("far-near")
    await page.get_by_label("Sides").fill("far near")
    await page.get_by_label("Side of officer 1").fill("far")
    await page.get_by_label("Name of officer 1").fill("adm-1")
    await page.get_by_label("Side of officer 2").fill("elsewhere")
    await page.get_by_label("Name of officer 2").fill("O 1")
    await page.get_by_label("English", exact=True).uncheck()
    await press(page, "Open the channel")
    await refused(page, "Choose at least one language.", "languages")
    faults = await page.locator(".fault li").all_inner_texts()
    for told in (
        "Officer 1: give an office",
        "Officer 1: choose at least one role.",
        "Officer 2: choose a side of this channel.",
        "Officer 2: give a name",
        "Each side needs an administrator, who enters the others. Missing: FAR, NEAR.",
    ):
        assert [fault for fault in faults if told.lower() in fault.lower()], (told, faults)
    await page.get_by_label("English", exact=True).check()
    await page.get_by_label("中文", exact=True).check()
    await press(page, "Add another officer")
    await expect(page.get_by_label("中文", exact=True)).to_be_checked()
    await expect(page.locator(".fault")).to_have_count(0)
    for number, (side, name, roles) in enumerate(
        (
            ("far", "adm-1", ["administrator"]),
            ("far", "o-1", ["officer", "duty officer"]),
            ("near", "adm-1", ["administrator"]),
        ),
        1,
    ):
        await page.get_by_label(f"Side of officer {number}").fill(side)
        await page.get_by_label(f"Name of officer {number}").fill(name)
        await page.get_by_label(f"Office of officer {number}").fill("hq")
        for role in roles:
            row = page.locator("fieldset.officer-row").nth(number - 1)
            await row.get_by_label(role, exact=True).check()
    await press(page, "Open the channel")
    await expect(page.get_by_role("status").last).to_contain_text("Write the channel id down")
    await expect(page.locator("h1")).to_have_text("far-near")
    await expect(page.locator("dt", has_text="Languages").locator("+ dd")).to_have_text("en, zh")
    await go(operator, "/host/tokens")
    await page.get_by_label("Officer, with the side").fill("far/o-9")
    await press(page, "Issue the token")
    await refused(page, "far/o-9 is an officer in no channel", "actor")
    await page.get_by_label("Officer, with the side").fill("far/o-1")
    await page.get_by_label("Ends (optional)").fill("1 Jan 2099 00:00Z")
    await press(page, "Issue the token")
    token = await page.locator("#token-once").inner_text()
    await expect(page.get_by_text("It is not shown again.")).to_be_visible()
    await come_in(officer_page, token, "/c/far-near/admin/officers")
    await expect(officer(officer_page.page, "far/o-1")).to_contain_text("officer, duty officer")
    await go(operator, "/host/tokens?of=far")
    assert token not in await page.content()
    await expect(page.locator("main tbody tr")).to_have_count(1)
    await expect(page.locator("main tbody tr")).to_contain_text("1 Jan 2099 00:00Z")
    await page.get_by_role("link", name=re.compile("revoke")).click()
    await press(page, "Revoke this token")
    await expect(page.get_by_role("status").last).to_contain_text("Revoked.")
    await officer_page.page.reload()
    await expect(officer_page.page.locator("h1")).to_have_text("Sign in")


async def test_a_token_is_issued_once_however_often_its_form_is_sent(
    demo: Gateway, session: aiohttp.ClientSession
) -> None:
    headers = await sitting(session, demo, demo.operator)
    form = {
        "actor": "nato/o-1",
        "channels": "nato-china",
        "scope": "read",
        "label": "twice",
        "key": new_key(),
    }
    shown = []
    for _ in range(2):
        async with session.post(
            f"{demo.base_url}/host/tokens", data=form, headers=headers
        ) as answer:
            assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
            shown.append(re.search(r'id="token-once">([^<]+)<', await answer.text()))
    assert shown[0] and not shown[1]
    listed = (await Caller(session, demo, "operator").get("/v1/tokens")).json["tokens"]
    assert sum(each.get("label") == "twice" for each in listed) == 1


# For everybody


# What is erased


async def test_an_exchange_is_taken_out_once_both_sides_consent_to_just_what_they_read(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    ukraine, russia = (
        Caller(session, demo, "ukraine/officer"),
        Caller(session, demo, "russia/officer"),
    )
    opened = (await ukraine.open({**NOTE, "subject": "Said in haste"}, OTHER)).json
    ours, theirs = await visit(), await visit(viewport=NARROW)
    page = await administrating(ours, "ukraine/administrator", "/erasures", OTHER)
    await expect(page.get_by_text("Nothing was erased from this log.")).to_be_visible()
    await page.get_by_label("Exchanges").fill("UKRAINE-RUSSIA/NONE")
    await press(page, "Show their content")
    await refused(page, "There is no exchange UKRAINE-RUSSIA/NONE here.", "exchanges")
    await page.get_by_label("Exchanges").fill(opened["number"])
    await press(page, "Show their content")
    await expect(
        page.get_by_role("listitem").filter(has_text=f"{opened['number']}, Said in haste: 1 record")
    ).to_be_visible()
    assert (await russia.act(opened["exchange"], {"act": "acknowledgement"}, OTHER)).status == 201
    await press(page, "Consent for UKRAINE")
    await expect(
        page.get_by_role("alert").filter(has_text="Something was said in them since you read them.")
    ).to_be_visible()
    await expect(
        page.get_by_role("listitem").filter(has_text="Said in haste: 2 records")
    ).to_be_visible()
    await page.get_by_label("Reason (optional)").fill("Both sides regret it.")
    await press(page, "Consent for UKRAINE")
    await expect(
        page.get_by_role("status").filter(has_text="Your side has consented.")
    ).to_be_visible()
    await expect(page.get_by_text("No consent yet: RUSSIA")).to_be_visible()
    await expect(page.get_by_role("link", name="Take out")).to_have_count(0)
    other = await administrating(theirs, "russia/administrator", "/erasures", OTHER)
    await other.get_by_role("link", name="Take out").first.click()
    await expect(
        other.get_by_role("heading", name="Take this out of the record, for ever?")
    ).to_be_visible()
    await other.get_by_role("link", name="Leave it in the record").click()
    await other.get_by_role("link", name="Consent").first.click()
    await press(other, "Consent for RUSSIA")
    await expect(other.get_by_text("every side has consented")).to_be_visible()
    await other.get_by_role("link", name="Take out").first.click()
    await press(other, "Take it out of the record")
    await expect(other.get_by_role("status").filter(has_text="Erased.")).to_be_visible()
    await expect(other.locator("main").get_by_text(opened["exchange"])).to_be_visible()
    (await ukraine.get(f"/v1/channels/{OTHER}/exchanges/{opened['exchange']}")).problem(
        410, "erased"
    )
    assert [each for each in ours.complaints + theirs.complaints if "422" not in each] == []
