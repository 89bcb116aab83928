"""No word that nobody said: over random histories nothing shows an agreement of a text to which not every side has consented as it stands.

Who stands behind which text is worked out here from the records alone: by the digests that they name, and by a digest of the text that is made here.
"""

import asyncio
import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.domain.record import parse
from dragoman.gateway.console import dialogue, exchange, inbox
from dragoman.language.words import words
from dragoman.projection.moment import Asked, moment
from dragoman.projection.store import Store
from dragoman.reports import year
from dragoman.reports.markdown import markdown
from samples import act
from served import page_of, served, spoken
from world import World

_NUMBERS = itertools.count()
_BESIDE = {"act", "signed", "precedence", "area", "dtg", "for_the_record", "passed_by", "acting_for"}


class Form(NamedTuple):
    """A text that sides consent to: by which act, what is said once all have, and other texts of it."""

    consent: str
    said: str
    texts: tuple[dict[str, Any], ...]


FORMS = {
    "roadmap-item": Form("agreement", "agreed", ({"deliverable": "A chart"}, {"deliverable": "A hotline", "host": "china"})),
    "recommendation": Form("endorsement", "endorsed", ({"text": "Talk every month."}, {"text": "Never talk."})),
    "people-programme": Form("agreement", "agreed", ({"planned": 12}, {"planned": 1200})),
    "joint-report": Form("endorsement", "settled", ({"paragraphs": ["Both erred."]}, {"paragraphs": ["The other erred."]})),
}
STEPS = ("consent", "withdraw", "correct", "amend", "take", "leave", "acknowledge")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("words") / "projection.sqlite")
    yield store
    store.close()


def a_history(world: World, form: str, steps: list[tuple[str, int, int]]) -> str:
    """One exchange, and whatever of the steps is no refusal; its id."""
    id = world.open(f"{world.sides[0]}/o-1", act(form, **FORMS[form].texts[0]))
    for step, who, which in steps:
        side = world.sides[who % len(world.sides)]
        known = world.exchange(id)
        fields = FORMS[form].texts[which % 2]
        amendments = [said.id for said in known.acts.get("amendment", ())]
        own = [
            said.id
            for name in (FORMS[form].consent, "amendment", "amendment-agreement")
            for said in known.acts.get(name, ())
            if said.said.side == side
        ]
        bodies: dict[str, dict[str, Any] | None] = {
            "consent": {"act": FORMS[form].consent},
            "withdraw": {"act": "consent-withdrawal", "of": own[-1]} if own else None,
            "correct": {"act": "correction", "reason": "A slip.", "fields": fields},
            "amend": {"act": "amendment", "reason": "Better.", "fields": fields},
            "take": {"act": "amendment-agreement", "of": amendments[-1]} if amendments else None,
            "leave": {"act": "amendment-refusal", "of": amendments[-1]} if amendments else None,
            "acknowledge": {"act": "acknowledgement"},
        }
        body = bodies[step]
        if body is not None:
            world.keep(f"{side}/o-1", body, id, seen=True)
    return id


def behind(world: World, id: str) -> set[str]:
    """The sides that stand behind the text as it is, by the records: its opener, and whoever named its digest and did not take that back."""
    state = world.exchange(id)
    text = {name: raw for name, raw in sorted(state.content.items()) if name not in _BESIDE}
    members = b",".join(json.dumps(name).encode() + b":" + bytes(raw) for name, raw in text.items())
    now = hashlib.sha256(f"dragoman-terms/v1\n{id}\ntext\n".encode() + b"{" + members + b"}").hexdigest()
    named: dict[str, str] = {}
    for raw in world.raws:
        record = parse(raw)
        if record.envelope.subject != id:
            continue
        body = json.loads(record.act)
        if body["act"] == "consent-withdrawal":
            named.pop(body["of"], None)
        elif body.get("terms") == now and body["act"] in ("agreement", "endorsement", "amendment", "amendment-agreement"):
            named[record.envelope.id] = record.side
    return {state.side, *named.values()}


async def shown(world: World, store: Store, path: Path, id: str) -> dict[str, str]:
    """What pages and reports say of the one exchange that there is, by where they say it."""
    async with served(world, store, path) as (app, service, projection):
        pages = {
            "exchange": await page_of(app, service, projection, "nato/o-1", handler=exchange.exchange, found={"exchange": id}),
            "inbox": await page_of(app, service, projection, "nato/o-1", handler=inbox.inbox),
            "dialogue": await page_of(app, service, projection, "nato/o-1", handler=dialogue.dialogue),
        }
        lead = re.search(r'<p class="lead">.*?</p>', pages["exchange"][1], re.DOTALL)
        consent = re.search(r"data-consent>.*?</div>", pages["exchange"][1], re.DOTALL)
        view = msgspec.to_builtins(pages["dialogue"][0].view, enc_hook=lambda raw: json.loads(bytes(raw)))
        with moment(store, world.name, Asked(), f"{world.clock:%Y-%m-%dT%H:%M:%S}.000Z") as then:
            report = markdown(year.paper(year.year_review(then, then.span(year.begins(2026)), 2026, live=True), words("en"), "en"))
        return {
            "lead": spoken(lead[0], 'p class="lead"') if lead else "",
            "consent": consent[0] if consent else "",
            "inbox": " ".join(re.findall(r"<tr[^>]*data-row.*?</tr>", pages["inbox"][1], re.DOTALL)),
            "statuses": json.dumps(
                [each["status"] for name in ("roadmap", "recommendations", "reports", "programmes") for each in view[name]]
            ),
            "report": report,
        }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    form=st.sampled_from(sorted(FORMS)),
    count=st.integers(2, 4),
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3), st.integers(0, 1)), max_size=12),
)
def test_nothing_says_agreed_of_a_text_that_not_every_side_stands_behind(
    form: str, count: int, steps: list[tuple[str, int, int]], store: Store, tmp_path: Path
) -> None:
    world = World(sides=("nato", "china", "osce", "asean")[:count], name=f"words-{next(_NUMBERS)}")
    id = a_history(world, form, steps)
    sides, said = behind(world, id), FORMS[form].said
    found = asyncio.run(shown(world, store, tmp_path, id))
    everybody = sides == set(world.sides)
    assert (world.exchange(id).status == said) == everybody
    assert (f'"{said}"' in found["statuses"]) == everybody
    assert (said in found["lead"]) == everybody, found["lead"]
    assert (said in found["inbox"]) == everybody
    assert ("not yet:" in found["consent"]) != everybody
    lines = [line for line in found["report"].splitlines() if re.search(rf"\b{said}\b", line)]
    assert not lines or everybody, lines
