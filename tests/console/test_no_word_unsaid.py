"""No word that nobody said: over random histories nothing shows an agreement of a text to which not
every side has consented as it stands.

Who stands behind which text is worked out here from the records alone: by the digests that they
name, and by a digest of the text that is made here.
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

from dragoman.console.matter import print_views
from dragoman.document.markdown import markdown
from dragoman.domain.acts import two_keys
from dragoman.domain.record.codec import parse
from dragoman.i18n.words import words
from dragoman.office.dialogue import dialogue_page
from dragoman.office.exchanges import exchange_page, inbox, public_releases
from dragoman.projection.queries.snapshot import PeriodQuery, open_snapshot
from dragoman.projection.store import Store
from dragoman.reports import period_record
from samples import act
from served import page_of, served, spoken
from world import World

_NUMBERS = itertools.count()
_PAST = msgspec.Raw(b'"2020-01-01T00:00Z"')
_BESIDE = {
    "act",
    "signed",
    "precedence",
    "area",
    "dtg",
    "for_the_record",
    "passed_by",
    "acting_for",
}


CONSENTS = ("agreement", "endorsement", "release-consent", "amendment", "amendment-agreement")


class Form(NamedTuple):
    """A text that sides consent to: by which act, what is said once all have, and other texts of
    it.
    """

    consent: str
    said: str
    texts: tuple[dict[str, Any], ...]


FORMS = {
    "roadmap-item": Form(
        "agreement",
        "agreed",
        ({"deliverable": "A chart"}, {"deliverable": "A hotline", "host": "china"}),
    ),
    "recommendation": Form(
        "endorsement", "endorsed", ({"text": "Talk every month."}, {"text": "Never talk."})
    ),
    "people-programme": Form("agreement", "agreed", ({"planned": 12}, {"planned": 1200})),
    "joint-report": Form(
        "endorsement",
        "settled",
        ({"paragraphs": ["Both erred."]}, {"paragraphs": ["The other erred."]}),
    ),
    "release": Form(
        "release-consent",
        "agreed",
        (
            {"title": "Both erred", "publish_at": "2999-01-01T00:00Z"},
            {"title": "The other erred", "publish_at": "2020-01-01T00:00Z"},
        ),
    ),
}
STEPS = (
    "consent",
    "alone",
    "second",
    "referendum",
    "bracket",
    "withdraw",
    "correct",
    "amend",
    "take",
    "leave",
    "acknowledge",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("words") / "projection.sqlite")
    yield store
    store.close()


def a_history(world: World, form: str, text: int, steps: list[tuple[str, int, int]]) -> str:
    """One exchange, and whatever of the steps is no refusal; its id."""
    id = world.open(f"{world.sides[0]}/o-1", act(form, **FORMS[form].texts[text]))
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
        alone = [each.id for each in two_keys.due(known) if each.sent.side == side]
        field = next(iter(FORMS[form].texts[0]))
        bodies: dict[str, dict[str, Any] | None] = {
            "consent": {"act": FORMS[form].consent},
            "alone": {"act": FORMS[form].consent},
            "second": {"act": "second-key", "of": alone[-1]} if alone else None,
            "referendum": None
            if form == "release"
            else {"act": FORMS[form].consent, "ad_referendum": True},
            "bracket": {
                "act": "alternative",
                "field": field,
                "text": "Nobody erred.",
                **({"item": 1} if form == "joint-report" else {}),
            },
            "withdraw": {"act": "consent-withdrawal", "of": own[-1]} if own else None,
            "correct": {"act": "correction", "reason": "A slip.", "fields": fields},
            "amend": {"act": "amendment", "reason": "Better.", "fields": fields},
            "take": {"act": "amendment-agreement", "of": amendments[-1]} if amendments else None,
            "leave": {"act": "amendment-refusal", "of": amendments[-1]} if amendments else None,
            "acknowledge": {"act": "acknowledgement"},
        }
        body = bodies[step]
        if body is not None:
            officer = "h-1" if step == "second" else "o-1"
            world.keep(
                f"{side}/{officer}",
                body,
                id,
                seen=True,
                released_by="" if step in ("alone", "referendum") else None,
            )
    return id


def behind(world: World, id: str) -> set[str]:
    """The sides that stand behind the text as it is, by the records: its opener, and whoever named
    its digest and did not take that back.
    """
    state = world.exchange(id)
    text = {name: raw for name, raw in sorted(state.content.items()) if name not in _BESIDE}
    members = b",".join(json.dumps(name).encode() + b":" + bytes(raw) for name, raw in text.items())
    now = hashlib.sha256(
        f"dragoman-terms/v1\n{id}\ntext\n".encode() + b"{" + members + b"}"
    ).hexdigest()
    named: dict[str, str] = {}
    single: dict[str, str] = {}
    for raw in world.raws:
        record = parse(raw)
        if record.envelope.subject != id:
            continue
        body = json.loads(record.act)
        if body["act"] == "consent-withdrawal":
            named.pop(body["of"], None)
            single.pop(body["of"], None)
        elif body["act"] == "second-key" and body["of"] in single:
            named[body["of"]] = single.pop(body["of"])
        elif body.get("terms") == now and body["act"] in CONSENTS and not body.get("ad_referendum"):
            two = isinstance(record.envelope.releasedby, str)
            (named if two else single)[record.envelope.id] = record.side
    return {state.side, *named.values()}


async def shown(world: World, store: Store, path: Path, id: str) -> dict[str, str]:
    """Return the words of pages and reports about the only exchange, by their place."""
    async with served(world, store, path) as (app, service, projection):
        pages = {
            "exchange": await page_of(
                app,
                service,
                projection,
                "nato/o-1",
                handler=exchange_page.exchange,
                found={"exchange": id},
            ),
            "inbox": await page_of(
                app, service, projection, "nato/o-1", handler=inbox.inbox, query="waits=all"
            ),
            "dialogue": await page_of(
                app, service, projection, "nato/o-1", handler=dialogue_page.dialogue
            ),
            "form": await page_of(
                app,
                service,
                projection,
                "nato/o-1",
                handler=print_views.form,
                found={"exchange": id},
            ),
        }
        lead = re.search(r'<p class="lead">.*?</p>', pages["exchange"][1], re.DOTALL)
        consent = re.search(r"data-consent>.*?</div>", pages["exchange"][1], re.DOTALL)
        view = msgspec.to_builtins(
            pages["dialogue"][0].view, enc_hook=lambda raw: json.loads(bytes(raw))
        )
        with open_snapshot(
            store, world.name, PeriodQuery(), f"{world.clock:%Y-%m-%dT%H:%M:%S}.000Z"
        ) as then:
            record, flagged = period_record.record_of_the_period(then, then.span(None), live=True)
            report = markdown(period_record.paper(record, flagged, words("en"), "en"))
        return {
            "lead": spoken(lead[0], 'p class="lead"') if lead else "",
            "consent": consent[0] if consent else "",
            "inbox": " ".join(
                re.findall(r"<tr[^>]*data-row.*?</tr>", pages["inbox"][1], re.DOTALL)
            ),
            "statuses": json.dumps(
                [
                    each["status"]
                    for name in ("roadmap", "recommendations", "reports", "programmes", "releases")
                    for each in view[name]
                ]
            ),
            "report": report,
            "printed": " ".join(
                re.findall(r"<tr>\s*<th[^>]*>Status.*?</tr>", pages["form"][1], re.DOTALL)
            ),
            "public": json.dumps([state.id for _, state in public_releases.public_on(service)]),
        }


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    form=st.sampled_from(sorted(FORMS)),
    count=st.integers(2, 4),
    text=st.integers(0, 1),
    last=st.sampled_from(("", "consent", "alone", "referendum")),
    steps=st.lists(
        st.tuples(st.sampled_from(STEPS), st.integers(0, 3), st.integers(0, 1)), max_size=10
    ),
)
def test_nothing_says_agreed_of_a_text_that_not_every_side_stands_behind(
    form: str,
    count: int,
    text: int,
    last: str,
    steps: list[tuple[str, int, int]],
    store: Store,
    tmp_path: Path,
) -> None:
    world = World(sides=("nato", "china", "osce", "asean")[:count], name=f"words-{next(_NUMBERS)}")
    most = (
        [("consent", who, 0) for who in range(1, count - 1)] + [(last, count - 1, 0)]
        if last
        else []
    )
    id = a_history(world, form, text, [*steps, *most])
    sides, said = behind(world, id), FORMS[form].said
    found = asyncio.run(shown(world, store, tmp_path, id))
    everybody = sides == set(world.sides)
    assert (world.exchange(id).status == said) == everybody
    assert (f'"{said}"' in found["statuses"]) == everybody
    assert (said in found["lead"]) == everybody, found["lead"]
    assert (said in found["inbox"]) == everybody
    assert ('data-answer="silent"' in found["consent"]) <= (not everybody)
    assert ('data-answer="agreed"' in found["consent"]) >= everybody
    assert (said in found["printed"]) == everybody, found["printed"]
    assert (id in found["public"]) == (
        everybody and form == "release" and world.exchange(id).content["publish_at"] == _PAST
    )
    report = found["report"].replace("agreed by nobody", "")  # the lead says it of the record
    lines = [line for line in report.splitlines() if re.search(rf"\b{said}\b", line)]
    assert not lines or everybody, lines
