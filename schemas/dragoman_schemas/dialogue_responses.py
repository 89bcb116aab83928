"""Bodies of the API about the dialogue."""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dragoman_schemas.fields import Words
from dragoman_schemas.responses import Link, ResponseBody


class EarlierView(ResponseBody, frozen=True, kw_only=True):
    """An earlier view of a side, with its exchange and its time."""

    exchange: str
    time: str
    own_view: Raw


class IssueColumn(ResponseBody, frozen=True, kw_only=True):
    """One side's column in the table of an issue.

    It has the side's own view, its reading of the other's view, the outcome that it
    wants, and the verdict on the restatement. `time` is when it was said. `earlier` are
    the side's earlier views of the issue, newest first.
    """

    side: str
    exchange: str
    number: str
    time: str
    own_view: Raw
    your_view: Raw | UnsetType = UNSET
    wanted_outcome: Raw | UnsetType = UNSET
    restated_by: tuple[str, ...] = ()
    fairness: str = ""
    status: str
    earlier: tuple[EarlierView, ...] = ()


class Issue(ResponseBody, frozen=True, kw_only=True):
    """An issue as each side sees it, with the exchange that opened it.

    `issue` is its name, in each language in which a side has named it. `no_statement`
    are the sides that wrote nothing. `common_ground` is present where all agree.
    """

    exchange: str
    issue: Raw
    views: tuple[IssueColumn, ...]
    no_statement: tuple[str, ...]
    common_ground: Raw | UnsetType = UNSET


class Perceptions(ResponseBody, frozen=True, kw_only=True):
    """Each side's perceptions next to the other's."""

    issues: tuple[Issue, ...]


class RoadmapLine(ResponseBody, frozen=True, kw_only=True):
    """One item of the roadmap, its status, and every exchange that belongs to it.

    `begins` and `ends` are its period. `owners` are the posts of its owners, by side.
    """

    exchange: str
    number: str
    side: str
    status: str
    text: Raw
    deliverable: Words
    begins: str = ""
    ends: str = ""
    host: str = ""
    owners: dict[str, str] = msgspec.field(default_factory=dict)
    linked: tuple[Link, ...]


class RoadmapArea(ResponseBody, frozen=True, kw_only=True):
    """The items of one area, in the order in which they were proposed."""

    area: str
    items: tuple[RoadmapLine, ...]


class Roadmap(ResponseBody, frozen=True, kw_only=True):
    """The joint roadmap: all areas, with or without items."""

    areas: tuple[RoadmapArea, ...]


class Coded(ResponseBody, frozen=True, kw_only=True):
    """One coded message in full, by language."""

    code_word: str
    designator: int
    texts: dict[str, str]


class CodebookView(ResponseBody, frozen=True, kw_only=True):
    """The codebook that every side has adopted, or the one that is offered.

    `in_force` says which of the two it is. `phrases` are by key and language.
    """

    codebook: str
    version: int
    in_force: bool
    messages: tuple[Coded, ...]
    phrases: dict[str, dict[str, str]]
