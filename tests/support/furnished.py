"""A demonstration with what its pages show rarely: long names, both sides' accounts, late promises,
a release, an erasure that waits.

    ids = await furnish(session, service)   # of a demonstration
    path.format(**ids)                      # any path of `everywhere`
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp

from beside import enter
from everywhere import CHANNEL, EXERCISE, places
from samples import act
from service import INCIDENT, Gateway
from talks import Talks

_C: Final = f"/v1/channels/{CHANNEL}"
_AT_SEA: Final = {"circle": {"pos": {"lat": 18, "lon": 178}, "radius": {"value": 60, "unit": "nm"}}}


def settings(folder: Path) -> dict[str, str]:
    """Return the settings of a service that may have an endpoint on loopback, and has a provider of
    identities at which nobody signs in.
    """
    (secret := folder / "oidc-secret").write_text("secret")
    return {
        "DRAGOMAN_COURIER__PRIVATE_NETWORKS": '["127.0.0.0/8"]',
        "DRAGOMAN_OIDC__ISSUER": "http://127.0.0.1:9",
        "DRAGOMAN_OIDC__CLIENT_ID": "dragoman",
        "DRAGOMAN_OIDC__CLIENT_SECRET_FILE": str(secret),
        "DRAGOMAN_OIDC__NAME": "Office SSO",
    }


async def furnish(session: aiohttp.ClientSession, service: Gateway) -> dict[str, str]:
    """Fill a demonstration, and return the ids that stand in the paths of pages."""
    talks = Talks(session, service, dict(service.demo["tokens"]))
    ids = await places(session, service)
    ids |= await _incidents(talks)
    ids |= await _agreements(talks)
    ids |= await _arranged(talks)
    return ids | await _administered(talks)


async def _opened(talks: Talks, who: str, body: dict[str, Any]) -> str:
    return str((await talks.opens(who, CHANNEL, body))["exchange"])


async def _incidents(talks: Talks) -> dict[str, str]:
    """Report an incident with two accounts, people and translations, and one that nobody placed."""
    facts = {"en": "Two ships met.", "zh": "两船相遇。"}
    people = await _opened(
        talks, "nato/duty_officer", {**INCIDENT, "place": {"lat": 15, "lon": 179.5}, "facts": facts}
    )
    account = {"act": "counter-account", "facts": "Otherwise.", "place": {"lat": 15, "lon": -179.5}}
    await talks.does("china/duty_officer", CHANNEL, people, account)
    for side, kind in (("nato", "held"), ("china", "rescued")):
        group = {"kind": kind, "number": 24, "of": "nato", "place": "Airfield"}
        status = {"act": "people-status", "as_of": "2026-11-24T04:00Z", "groups": [group]}
        await talks.does(f"{side}/officer", CHANNEL, people, status)
    for text in ("两船接近。", "两船靠近。"):
        words = {"act": "translation", "language": "zh", "text": text}
        await talks.does("china/duty_officer", CHANNEL, people, words)
    await _opened(talks, "nato/duty_officer", {**INCIDENT, "place": "East of the shoal"})
    for who in ("nato/duty_officer", "china/duty_officer"):
        await talks.opens(who, EXERCISE, INCIDENT)
    return {"people": people}


async def _agreements(talks: Talks) -> dict[str, str]:
    """Make one undertaking that is late and one that is not, and a mechanism that is suspended."""
    officer, head = "nato/officer", "nato/head_of_office"
    for by, date in (("china", "2092-01-01"), ("nato", "2026-01-01")):
        body = {"act": "undertaking", "by": by, "what": "Send the list of all the numbers."}
        undertaking = await _opened(talks, officer, body | {"by_when": f"{date}T12:00:00Z"})
    await talks.does("china/officer", CHANNEL, undertaking, {"act": "agreement"})
    for name in ("Staff talks", "Consultations of commanders on safety at sea"):
        entry = {"act": "mechanism", "name": name, "level": "officers", "for_the_record": True}
        mechanism = await _opened(talks, head, entry | {"period_months": 1})
    word = {"act": "mechanism-suspension", "reason": "Until the matter is settled."}
    await talks.does(head, CHANNEL, mechanism, word)
    views = {"en": "All of them.", "fr": "Toutes."}
    await talks.opens(officer, CHANNEL, {"act": "perception", "issue": "Visits", "own_view": views})
    return {"undertaking": undertaking, "mechanism": mechanism}


async def _arranged(talks: Talks) -> dict[str, str]:
    """Open an area and ask for a meeting, propose a release, and begin a draft."""
    now = datetime.now(UTC).replace(microsecond=0)
    window = {
        name: f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"
        for name, hours in (("from", -1), ("to", 2))
    }
    danger = act("danger-area", place=_AT_SEA, window=window)
    area = await _opened(talks, "china/duty_officer", danger)
    soon = now + timedelta(days=20)
    times = {"from": f"{soon:%Y-%m-%dT%H:00:00Z}", "to": f"{soon:%Y-%m-%dT%H:30:00Z}"}
    asked = {"act": "meeting-request", "purpose": "Passage of the strait", "windows": [times]}
    await talks.opens("nato/officer", CHANNEL, asked | {"agenda": ["The passage"]})
    note = {"act": "contact-note", "form": "conversation", "text": "Met.", "subject": "Ships"}
    record = await talks.opens("nato/officer", CHANNEL, note)
    body = {
        "act": "release",
        "title": "What was said about ships",
        "records": await talks.extracts("nato/officer", CHANNEL, [record]),
        "publish_at": "2026-01-01T00:00:00Z",
    }
    release = (await talks.by_two("nato", CHANNEL, body))["exchange"]
    draft = await talks.post("nato/officer", f"{_C}/drafts", {"act": note})
    return {"area": area, "month": f"{soon:%Y-%m}", "release": release, "draft": draft["id"]}


async def _administered(talks: Talks) -> dict[str, str]:
    """Enter a person, an endpoint, a calendar link, a token and a subject. Find what else is named
    by an id."""
    administrator = talks.who("nato/administrator")
    erased = await _opened(
        talks, "nato/officer", {"act": "contact-note", "form": "letter", "text": "In haste."}
    )
    hook = {"channel": CHANNEL, "url": "http://127.0.0.1:9/hook"}
    endpoint = await talks.post("nato/administrator", "/v1/webhooks", hook)
    await talks.post("nato/administrator", f"{_C}/calendar-links", None)
    links = (await administrator.get(f"{_C}/calendar-links")).json["links"]
    operator = talks.who("operator")
    for side in ("nato", "china"):
        adopted = {"act": "codebook-adoption", "codebook": "starter", "version": 1}
        await talks.post(f"{side}/administrator", f"{_C}/channel", adopted)
    subject = {"subject": "subject-1", "actor": "nato/d-1", "channels": [CHANNEL]}
    tokens = (await operator.get("/v1/tokens")).json["tokens"]
    latvia = talks.who("latvia/administrator")
    state = (await latvia.get("/v1/channels/baltic-belarus/state")).json
    keys = state["registry"]["keys"]
    return {
        "erased": erased,
        "person": (await enter(talks.who("nato/officer")))["id"],
        "endpoint": endpoint["id"],
        "link": links[-1]["id"],
        "token": tokens[-1]["id"],
        "subject": (await talks.post("operator", "/v1/subjects", subject))["id"],
        "key": next(id for id, key in keys.items() if key["owner"] == "latvia/adm-1"),
    }
