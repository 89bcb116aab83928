"""The dialogue family: what the sides think, advise, plan and write together.

    N19 perception         stated ──every common-ground with the same text──▶ common_ground     each side's column beside the other's
                           parked and back by `status-change`
    recommendation         addressed ──every endorsement──▶ endorsed ──fate──▶ taken_up · declined · no_response
    N20 roadmap-item       proposed ──every agreement──▶ agreed ──▶ scheduled ──▶ held ──▶ deliverable_tabled ──▶ adopted
                           deferred and back, dropped, from any of them by `status-change`
    joint-report           negotiating ──every endorsement──▶ settled     a dissent stands beside its paragraph and holds nothing up
    reference-document     open ── reactions of either side

All of them may be cancelled and closed.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.domain.acts import consent, developments, field_checks
from dragoman.domain.acts.act_rules import Format, Rule, Who, opening
from dragoman.domain.acts.developments import TimedValue
from dragoman.domain.acts.families.amendments import check_terms
from dragoman.domain.acts.families.exchange import life
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import Text, sentence, verbatim
from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts import continuing
from dragoman_schemas.acts.dialogue.joint_report import Dissent, JointReport
from dragoman_schemas.acts.dialogue.perception import (
    CommonGround,
    Fairness,
    Perception,
    Restatement,
)
from dragoman_schemas.acts.dialogue.recommendation import Fate, Recommendation
from dragoman_schemas.acts.dialogue.reference_document import ReferenceDocument
from dragoman_schemas.acts.dialogue.roadmap_item import RoadmapItem
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import Exchange, Registry

UNDETERMINED: Final = "und"
"""The tag of a text whose language nobody has told (BCP 47)."""


class IssueState(Struct, frozen=True, kw_only=True):
    """An issue: the exchange that opened it, what it is called by language, and every view of it in the order of their records.

    A title without a language stands under the empty one. Of several titles in a
    language the first stands.
    """

    id: str
    titles: dict[str, str]
    views: tuple[Exchange, ...]

    @property
    def title(self) -> Raw:
        """Return what it is called, as acts hold it."""
        if self.titles.keys() == {""}:
            return Raw(msgspec.json.encode(self.titles[""]))
        return Raw(
            msgspec.json.encode({tag or UNDETERMINED: text for tag, text in self.titles.items()})
        )

    def of(self, side: str) -> list[Exchange]:
        """Return the views of a side, the newest first."""
        return [view for view in reversed(self.views) if view.side == side]

    def common_ground(self, sides: Iterable[str]) -> Raw | UnsetType:
        """Return the text that every side holds to be common ground, said under a view that has not been replaced; unset where none is."""
        views = (view for side in sides for view in self.of(side)[:1])
        return next(
            (
                view.acts["common-ground"][-1].content["text"]
                for view in views
                if view.status == "common_ground"
            ),
            UNSET,
        )


def issues(stated: Iterable[Exchange]) -> list[IssueState]:
    """Return the issues of perceptions that come in the order of their records; what was cancelled opens none.

    A view belongs to the issue of the exchange that it is `under`, or else to the one
    that is called the same in any language, whatever the case.
    """
    owner: dict[str, str] = {}
    texts: dict[str, str] = {}
    titles: dict[str, dict[str, str]] = {}
    views: dict[str, list[Exchange]] = {}
    for state in stated:
        if state.status == "cancelled":
            continue
        issue = msgspec.json.decode(state.content["issue"])
        own = issue if isinstance(issue, dict) else {"": str(issue)}
        spelt = [" ".join(text.split()).casefold() for text in own.values()]
        under = (
            "" if "under" not in state.content else str(msgspec.json.decode(state.content["under"]))
        )
        id = owner.get(under) or next((texts[entry] for entry in spelt if entry in texts), state.id)
        owner[state.id] = id
        for item in spelt:
            texts.setdefault(item, id)
        known = titles.setdefault(id, {})
        known.update(
            {tag: text for tag, text in own.items() if tag not in known and (tag or not known)}
        )
        views.setdefault(id, []).append(state)
    return [IssueState(id=id, titles=titles[id], views=tuple(view)) for id, view in views.items()]


def said_before(views: Sequence[Exchange]) -> list[tuple[Exchange, TimedValue]]:
    """Return what a side said of an issue before what stands, the newest first: its earlier views, and the values that each view had before.

    The views come the newest first, as `Issue.of` gives them.
    """
    newest, *earlier = views
    series = [(newest, value) for value in developments.series(newest, "own_view")[1:]]
    others = [(view, value) for view in earlier for value in developments.series(view, "own_view")]
    return sorted((*series, *others), key=lambda item: item[1].told.position, reverse=True)


def _perception_title(data: Act) -> Text:
    assert isinstance(data, Perception)
    return verbatim(data.issue)


def _all_of_one_text(exchange: Exchange, status: str) -> str:
    if consent.standing(exchange, "common-ground") >= consent.parties(exchange):
        return status
    return "stated" if exchange.status == "common_ground" else exchange.status


def _still_common(exchange: Exchange, status: str) -> str:
    """Return the status, without common ground where a side holds another text for it since."""
    return status if status != "common_ground" else _all_of_one_text(exchange, status)


def _check_fairness(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    assert exchange is not None
    if "restatement" not in exchange.acts:
        return invalid(
            "/act", sentence("nobody has restated this view yet; there is nothing to call fair")
        )
    return check_terms(registry, exchange, record)


PERCEPTION: Final = Format(
    rule=opening("perception", Perception, "dialogue"),
    code="N19",
    start="stated",
    moves=life(
        ("stated", "parked", "common_ground"),
        {
            "status-change": {"stated": "stated", "parked": "parked"},
            "restatement": {"stated": "stated"},
            "fairness": {"stated": "stated"},
            "common-ground": {"stated": "common_ground", "common_ground": "common_ground"},
        },
    ),
    changes={"stated": ("parked",), "parked": ("stated",)},
    holds=_still_common,
    title=_perception_title,
)


def _recommendation_title(data: Act) -> Text:
    assert isinstance(data, Recommendation)
    return verbatim(data.text)


def _became(exchange: Exchange, status: str) -> str:
    """Return what the newest `fate` says."""
    assert status == exchange.status
    return str(msgspec.json.decode(exchange.acts["fate"][-1].content["result"]))


_FATES: Final = ("taken_up", "declined", "no_response")

RECOMMENDATION: Final = Format(
    rule=opening("recommendation", Recommendation, "dialogue"),
    code="REC",
    start="addressed",
    moves=life(
        ("addressed", "endorsed", "taken_up", "no_response"),
        {
            "endorsement": {
                "addressed": "endorsed",
                **{status: status for status in ("endorsed", *_FATES)},
            },
            "fate": {status: status for status in ("addressed", "endorsed", *_FATES)},
        },
    ),
    title=_recommendation_title,
)


def _check_item(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    data = record.data
    assert isinstance(data, RoadmapItem)
    for name in or_default(data.owners, ()):
        refusal = field_checks.side(registry, f"/owners/{name}", name)
        if refusal is not None:
            return refusal
    if not isinstance(data.period, UnsetType):
        refusal = field_checks.window("/period", data.period)
        if refusal is not None:
            return refusal
    return field_checks.side(registry, "/host", data.host)


def _item_title(data: Act) -> Text:
    assert isinstance(data, RoadmapItem)
    return verbatim(data.text)


_ITEM: Final = (
    "proposed",
    "agreed",
    "scheduled",
    "held",
    "deliverable_tabled",
    "adopted",
    "deferred",
    "dropped",
)

ROADMAP_ITEM: Final = Format(
    rule=opening("roadmap-item", RoadmapItem, "dialogue", check=_check_item),
    code="N20",
    start="proposed",
    moves=life(
        _ITEM,
        {
            "agreement": {"proposed": "agreed"},
            "status-change": {
                status: status for status in _ITEM if status not in ("adopted", "dropped")
            },
        },
        cancellable=("proposed", "agreed"),
    ),
    changes={
        "proposed": ("dropped",),
        "agreed": ("scheduled", "deferred", "dropped"),
        "scheduled": ("held", "deferred", "dropped"),
        "held": ("deliverable_tabled", "deferred", "dropped"),
        "deliverable_tabled": ("adopted", "deferred", "dropped"),
        "deferred": ("scheduled", "dropped"),
    },
    title=_item_title,
)


def _report_title(data: Act) -> Text:
    assert isinstance(data, JointReport)
    return verbatim(data.title)


def _check_paragraph(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert isinstance(data, Dissent | continuing.Endorsement) and exchange is not None
    if isinstance(data.paragraph, UnsetType):
        return None if isinstance(data, Dissent) else check_terms(registry, exchange, record)
    if exchange.act != "joint-report":
        return invalid(
            "/paragraph",
            sentence("a %(act)s has no paragraphs; endorse it as a whole", act=exchange.act),
        )
    count = len(msgspec.json.decode(exchange.content["paragraphs"]))
    if data.paragraph > count:
        return invalid(
            "/paragraph",
            sentence("there are %(n)s paragraphs, counted from 1; name one of them", n=count),
        )
    return None if isinstance(data, Dissent) else check_terms(registry, exchange, record)


def _check_report(registry: Registry, exchange: Exchange | None, record: Record) -> Refusal | None:
    assert isinstance(record.data, JointReport)
    return field_checks.authentic("/paragraphs", record.data.paragraphs, record.data.authentic)


JOINT_REPORT: Final = Format(
    rule=opening("joint-report", JointReport, "dialogue", check=_check_report),
    code="REPORT",
    start="negotiating",
    moves=life(
        ("negotiating", "settled"),
        {
            "endorsement": {"negotiating": "settled", "settled": "settled"},
            "dissent": {"negotiating": "negotiating"},
        },
        cancellable=("negotiating",),
    ),
    title=_report_title,
)


def _check_document(
    registry: Registry, exchange: Exchange | None, record: Record
) -> Refusal | None:
    data = record.data
    assert isinstance(data, ReferenceDocument)
    if data.sha256 is data.published is UNSET:
        return invalid(
            "/published", sentence("say where it was published, or give the sha256 of its file")
        )
    return field_checks.day("/date", data.date)


def _document_title(data: Act) -> Text:
    assert isinstance(data, ReferenceDocument)
    return verbatim(f"{data.issuer}: {data.title}")


REFERENCE_DOCUMENT: Final = Format(
    rule=opening("reference-document", ReferenceDocument, "dialogue", check=_check_document),
    code="DOC",
    start="open",
    moves=life(("open",), {"reaction": {"open": "open"}}),
    title=_document_title,
)

FORMATS: Final = (PERCEPTION, RECOMMENDATION, ROADMAP_ITEM, JOINT_REPORT, REFERENCE_DOCUMENT)

RULES: Final = (
    Rule(
        act="restatement",
        shape=Restatement,
        who=Who.OTHER,
        acknowledges=True,
        answers=True,
        message=True,
        kept=True,
    ),
    Rule(
        act="fairness",
        shape=Fairness,
        who=Who.OPENER,
        message=True,
        kept=True,
        check=_check_fairness,
    ),
    Rule(
        act="common-ground",
        shape=CommonGround,
        who=Who.ANY,
        consenting=True,
        acknowledges=True,
        kept=True,
        settle=_all_of_one_text,
    ),
    Rule(act="fate", shape=Fate, who=Who.ANY, kept=True, settle=_became),
    Rule(
        act="endorsement",
        shape=continuing.Endorsement,
        who=Who.OTHER,
        consenting=True,
        acknowledges=True,
        answers=True,
        kept=True,
        check=_check_paragraph,
        settle=consent.by_every_side,
    ),
    Rule(
        act="dissent",
        shape=Dissent,
        who=Who.ANY,
        acknowledges=True,
        answers=True,
        message=True,
        kept=True,
        check=_check_paragraph,
    ),
    Rule(
        act="reaction",
        shape=continuing.Reaction,
        who=Who.ANY,
        acknowledges=True,
        answers=True,
        message=True,
        kept=True,
    ),
)
