"""Signing in at an OIDC provider of another site, and ending sessions, in Chromium."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio
from playwright.async_api import expect

from browsing import Visit, Visiting, assert_accessible
from office import Office
from patience import PATIENCE_S
from provider import CLIENT, SECRET, Provider, providing
from service import Caller, Gateway

CALM = "nato-china"


@pytest_asyncio.fixture(loop_scope="session")
async def provider() -> AsyncIterator[Provider]:
    """A provider that asks who sits there. Its name makes it another site than the gateway's."""
    async with providing("localhost") as provider:
        provider.add("rsa", "RS256")
        provider.asks = True
        yield provider


@pytest_asyncio.fixture(loop_scope="session")
async def federated(chromium: Path, tmp_path: Path, provider: Provider) -> AsyncIterator[Gateway]:
    secret = tmp_path / "oidc-secret"
    secret.write_text(SECRET)
    settings = {
        "DRAGOMAN_OIDC__ISSUER": provider.url,
        "DRAGOMAN_OIDC__CLIENT_ID": CLIENT,
        "DRAGOMAN_OIDC__CLIENT_SECRET_FILE": str(secret),
        "DRAGOMAN_OIDC__NAME": "Office SSO",
    }
    service = await asyncio.to_thread(
        lambda: Office(tmp_path / "data", demo=True, environment=settings)
    )
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        operator = Caller(session, service, "operator")
        for side in ("nato", "china"):
            body = {"subject": f"{side}-person", "actor": f"{side}/d-1", "channels": [CALM]}
            assert (await operator.post("/v1/subjects", body)).status == 201
    yield service
    await asyncio.to_thread(service.stop)


async def at_the_provider(visit: Visit, person: str) -> None:
    """Say at the provider who one is."""
    await visit.page.locator("#person").fill(person)
    await visit.page.get_by_role("button", name="Sign in").click()


async def test_officers_of_two_sides_sign_in_at_the_provider_and_one_ends_all_sessions(
    visit: Visiting, provider: Provider, federated: Gateway
) -> None:
    # without scripts as well: what leads on after the return is no script
    nato, china = await visit(federated), await visit(federated, java_script_enabled=False)
    for officer, side in ((nato, "nato"), (china, "china")):
        page = officer.page
        await page.goto(f"{federated.base_url}/c/{CALM}/inbox?waits=all")
        await page.locator("[data-provider] a").click()
        await at_the_provider(officer, f"{side}-person")
        await page.wait_for_url(f"{federated.base_url}/c/{CALM}/inbox?waits=all")
        await expect(page.locator(".mast .sitting")).to_contain_text("d-1")
        await expect(page.locator(".mast .sitting")).to_contain_text(side.upper())
        elsewhere = [url for url in officer.complaints if not url.startswith(provider.url)]
        assert elsewhere == []
    cookies = {each["name"]: each for each in await nato.page.context.cookies()}
    assert (cookies["__Host-dragoman"]["sameSite"], len(cookies)) == ("Strict", 1)
    # back in the history is no second sign-in
    await nato.page.go_back()
    assert "/signin/oidc" not in nato.page.url
    await nato.page.goto(f"{federated.base_url}/sessions")
    assert await nato.headline() == "My sessions"
    await expect(nato.page.locator("tr[data-current]")).to_contain_text("Chrome on Linux")
    await expect(nato.page.locator("tr[data-current]")).to_contain_text("Office SSO")
    await nato.page.get_by_role("button", name="End all, this one too").click()
    await nato.page.wait_for_url(f"{federated.base_url}/sign-in?out=yes")
    await nato.page.goto(f"{federated.base_url}/c/{CALM}")
    assert await nato.headline() == "Sign in"
    await china.page.goto(f"{federated.base_url}/c/{CALM}")
    await expect(china.page.locator(".mast .sitting")).to_contain_text("d-1")


async def test_an_account_that_nobody_mapped_is_told_which_subject_to_give(
    visit: Visiting, provider: Provider, federated: Gateway
) -> None:
    stranger = await visit(federated)
    await stranger.page.goto(f"{federated.base_url}/sign-in")
    await stranger.page.locator("[data-provider] a").click()
    await at_the_provider(stranger, "nobody-yet")
    await expect(stranger.page.locator("#subject")).to_have_text("nobody-yet")
    await assert_accessible(stranger)
    await stranger.page.get_by_role("link", name="Begin again").click()
    await at_the_provider(stranger, "nato-person")
    await expect(stranger.page.locator(".mast .sitting")).to_contain_text("d-1")
