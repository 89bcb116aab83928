"""The dialogue family: views, recommendations, plans and joint texts of the sides.

    N19 perception       stated ──every common-ground, one text──▶ common_ground
                         stated ──status-change──▶ parked, and back
    recommendation       addressed ──every endorsement──▶ endorsed
                         endorsed ──fate──▶ taken_up · declined · noted · no_response,
                         or mixed where the official sides differ
    N20 roadmap-item     proposed ──every agreement──▶ agreed ──▶ scheduled ──▶ held
                         held ──▶ deliverable_tabled ──every adoption──▶ adopted
                         deferred and back, dropped: from any status by `status-change`
    joint-report         negotiating ──every endorsement──▶ settled, or
                         settled_with_dissent where a dissent stands
    reference-document   open ──every agreement──▶ agreed, where it has signatories

Each side's perception is shown in a column beside the other's. A dissent is shown
beside its paragraph and delays nothing: the report is then settled with dissent. Either
side may react to a reference document. All of them may be cancelled and closed.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.domain.acts import consent, developments, field_checks
from dragoman.domain.acts.act_rules import Format, Rule, Who, opening
from dragoman.domain.acts.developments import TimedValue
from dragoman.domain.acts.families import transmittal
from dragoman.domain.acts.families.amendments import check_terms
from dragoman.domain.acts.families.exchange import moves_of_format
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import Text, sentence, verbatim
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
from dragoman_schemas.state import Exchange, Registry, Said

UNDETERMINED: Final = "und"
"""The tag of a text whose language nobody has given (BCP 47)."""


class IssueState(Struct, frozen=True, kw_only=True):
    """An issue: its opening exchange, its titles by language, and every view of it.

    The views are in the order of their records. A title without a language has the
    empty tag. Of several titles in a language the first one counts.
    """

    id: str
    titles: dict[str, str]
    views: tuple[Exchange, ...]

    @property
    def title(self) -> Raw:
        """Return the title of the issue, in the form of an act's member."""
        if self.titles.keys() == {""}:
            return Raw(msgspec.json.encode(self.titles[""]))
        return Raw(
            msgspec.json.encode({tag or UNDETERMINED: text for tag, text in self.titles.items()})
        )

    def of(self, side: str) -> list[Exchange]:
        """Return the views of a side, newest first."""
        return [view for view in reversed(self.views) if view.side == side]

    def common_ground(self, sides: Iterable[str]) -> Raw | UnsetType:
        """Return the text that every side calls common ground; unset where none is.

        It must be under a view that has not been replaced.
        """
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
    """Return the issues of perceptions, which must be in the order of their records.

    A cancelled perception opens no issue. A view belongs to the issue of its `under`
    exchange. Without `under` it belongs to the issue with the same title in any
    language, in any case of its letters.
    """
    owner: dict[str, str] = {}
    ids: dict[str, str] = {}
    titles: dict[str, dict[str, str]] = {}
    views: dict[str, list[Exchange]] = {}
    for state in stated:
        if state.status == "cancelled":
            continue
        issue = msgspec.json.decode(state.content["issue"])
        own_titles = issue if isinstance(issue, dict) else {"": str(issue)}
        spellings = [" ".join(title.split()).casefold() for title in own_titles.values()]
        under = (
            "" if "under" not in state.content else str(msgspec.json.decode(state.content["under"]))
        )
        id = owner.get(under) or next((ids[title] for title in spellings if title in ids), state.id)
        owner[state.id] = id
        for title in spellings:
            ids.setdefault(title, id)
        issue_titles = titles.setdefault(id, {})
        issue_titles.update(
            {
                tag: text
                for tag, text in own_titles.items()
                if tag not in issue_titles and (tag or not issue_titles)
            }
        )
        views.setdefault(id, []).append(state)
    return [IssueState(id=id, titles=titles[id], views=tuple(view)) for id, view in views.items()]


def said_before(views: Sequence[Exchange]) -> list[tuple[Exchange, TimedValue]]:
    """Return a side's earlier statements on an issue, newest first.

    They are its earlier views, and the earlier values of each view. `views` must be
    newest first, as `IssueState.of` returns them.
    """
    newest, *earlier = views
    series = [(newest, value) for value in developments.series(newest, "own_view")[1:]]
    others = [(view, value) for view in earlier for value in developments.series(view, "own_view")]
    return sorted((*series, *others), key=lambda item: item[1].told.position, reverse=True)


def _perception_title(data: Perception) -> Text:
    return verbatim(data.issue)


def _all_of_one_text(exchange: Exchange, status: str) -> str:
    if consent.consenting_sides(exchange, "common-ground") >= consent.parties(exchange):
        return status
    return "stated" if exchange.status == "common_ground" else exchange.status


def _still_common(exchange: Exchange, status: str) -> str:
    """Return the status; it loses common ground once a side supports another text."""
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
    moves=moves_of_format(
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


def _recommendation_title(data: Recommendation) -> Text:
    return verbatim(data.text)


def _became(exchange: Exchange, status: str) -> str:
    """Return the result in the newest `fate`, or `mixed` where the sides differ.

    A fate that names no official side is of the matter as a whole, and replaces all.
    """
    assert status == exchange.status
    results = {*fates(exchange).values()}
    return results.pop() if len(results) == 1 else "mixed"


def fates(exchange: Exchange) -> dict[str, str]:
    """Return the newest fate of a recommendation, by the official side that gave it.

    The side is empty for a fate of the matter as a whole.
    """
    return {
        side: str(msgspec.json.decode(item.content["result"]))
        for side, item in newest_fates(exchange).items()
    }


def newest_fates(exchange: Exchange) -> dict[str, Said]:
    """Return the acts that say the fates of a recommendation, as `fates` names them."""
    newest: dict[str, Said] = {}
    for item in exchange.acts.get("fate", ()):
        official = item.content.get("answered_by")
        side = "" if official is None else str(msgspec.json.decode(official))
        if not side:
            newest.clear()
        newest.pop("", None)
        newest[side] = item
    return newest


_FATES: Final = ("taken_up", "declined", "no_response", "noted", "mixed")

RECOMMENDATION: Final = Format(
    rule=opening("recommendation", Recommendation, "dialogue"),
    code="REC",
    start="addressed",
    moves=moves_of_format(
        ("addressed", "endorsed", "taken_up", "no_response", "noted", "mixed"),
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


def _check_item(
    registry: Registry, exchange: Exchange | None, record: Record[RoadmapItem]
) -> Refusal | None:
    data = record.data
    for name in or_default(data.owners, ()):
        refusal = field_checks.side(registry, f"/owners/{name}", name)
        if refusal is not None:
            return refusal
    if not isinstance(data.period, UnsetType):
        refusal = field_checks.window("/period", data.period)
        if refusal is not None:
            return refusal
    return field_checks.side(registry, "/host", data.host)


def _item_title(data: RoadmapItem) -> Text:
    return verbatim(data.text)


_ITEM: Final = (
    "proposed",
    "refused",
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
    moves=moves_of_format(
        _ITEM,
        {
            "agreement": dict.fromkeys(("proposed", "refused"), "agreed"),
            "status-change": {
                status: status for status in _ITEM if status not in ("adopted", "dropped")
            },
            "adoption": {"deliverable_tabled": "adopted"},
        },
        cancellable=("proposed", "refused", "agreed"),
        declinable=("proposed", "refused"),
    ),
    holds=consent.refused_or("proposed"),
    changes={
        "proposed": ("dropped",),
        "refused": ("dropped",),
        "agreed": ("scheduled", "deferred", "dropped"),
        "scheduled": ("held", "deferred", "dropped"),
        "held": ("deliverable_tabled", "deferred", "dropped"),
        "deliverable_tabled": ("deliverable_tabled", "deferred", "dropped"),
        "deferred": ("scheduled", "dropped"),
    },
    title=_item_title,
)


def _adopted_by_all(exchange: Exchange, status: str) -> str:
    """Return the status once every signatory adopts the same draft."""
    return status if consent.parties(exchange) <= consent.adopting(exchange) else exchange.status


def _report_title(data: JointReport) -> Text:
    return verbatim(data.title)


def _check_paragraph(
    registry: Registry, exchange: Exchange | None, record: Record[Dissent | continuing.Endorsement]
) -> Refusal | None:
    data = record.data
    assert exchange is not None
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


def _check_report(
    registry: Registry, exchange: Exchange | None, record: Record[JointReport]
) -> Refusal | None:
    return field_checks.authentic("/paragraphs", record.data.paragraphs, record.data.authentic)


_REPORT: Final = ("negotiating", "settled", "settled_with_dissent")


def _settled(exchange: Exchange, status: str) -> str:
    """Return the status of a report, by the dissents of its signatories that stand."""
    if status not in ("settled", "settled_with_dissent"):
        return status
    if not consent.parties(exchange) <= consent.agreed(exchange):
        return "negotiating"
    dissenting = consent.standing_dissents(exchange).keys() & consent.parties(exchange)
    return "settled_with_dissent" if dissenting else "settled"


JOINT_REPORT: Final = Format(
    rule=opening("joint-report", JointReport, "dialogue", check=_check_report),
    code="REPORT",
    start="negotiating",
    moves=moves_of_format(
        _REPORT,
        {
            "endorsement": {
                "negotiating": "settled",
                "settled": "settled",
                "settled_with_dissent": "settled",
            },
            "dissent": {"negotiating": "settled"},
        },
        cancellable=("negotiating",),
    ),
    holds=_settled,
    title=_report_title,
)


def _check_document(
    registry: Registry, exchange: Exchange | None, record: Record[ReferenceDocument]
) -> Refusal | None:
    data = record.data
    if data.sha256 is data.published is UNSET:
        return invalid(
            "/published", sentence("say where it was published, or give the sha256 of its file")
        )
    return field_checks.day("/date", data.date)


def _document_title(data: ReferenceDocument) -> Text:
    return verbatim(f"{data.issuer}: {data.title}")


REFERENCE_DOCUMENT: Final = Format(
    rule=opening("reference-document", ReferenceDocument, "dialogue", check=_check_document),
    code="DOC",
    start="open",
    moves=moves_of_format(
        ("open", "refused", "agreed"),
        {
            "agreement": dict.fromkeys(("open", "refused"), "agreed"),
            "reaction": {status: status for status in ("open", "refused", "agreed")},
        },
        cancellable=("open", "refused"),
        declinable=("open", "refused"),
    ),
    holds=consent.refused_or("open"),
    title=_document_title,
)

FORMATS: Final = (
    PERCEPTION,
    RECOMMENDATION,
    ROADMAP_ITEM,
    JOINT_REPORT,
    REFERENCE_DOCUMENT,
    *transmittal.FORMATS,
)

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
        who=Who.OTHER_SIGNATORY,
        consenting=True,
        acknowledges=True,
        answers=True,
        kept=True,
        check=_check_paragraph,
        settle=consent.by_every_side,
    ),
    Rule(
        act="adoption",
        shape=continuing.Adoption,
        who=Who.SIGNATORY,
        consenting=True,
        kept=True,
        check=check_terms,
        settle=_adopted_by_all,
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
        settle=consent.by_every_side,
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
    *transmittal.RULES,
)
