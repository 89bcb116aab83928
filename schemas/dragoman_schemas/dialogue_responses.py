"""What the API answers about the dialogue."""

from msgspec import UNSET, Raw, UnsetType

from dragoman_schemas.responses import Link, ResponseBody


class EarlierView(ResponseBody, frozen=True, kw_only=True):
    """A view that a side had before: in which exchange, said when."""

    exchange: str
    time: str
    own_view: Raw


class View(ResponseBody, frozen=True, kw_only=True):
    """One side's column: its own view, how it reads the other's, what it wants, and whether it was restated fairly.

    `time` is when it was said; `earlier` are the views that the side had of the issue
    before, the newest first.
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
    """An issue as each side sees it: the exchange that opened it, and what it is called, in each language in which a side called it.

    `no_statement` are the sides that wrote nothing; `common_ground` is there where all
    agree.
    """

    exchange: str
    issue: Raw
    views: tuple[View, ...]
    no_statement: tuple[str, ...]
    common_ground: Raw | UnsetType = UNSET


class Perceptions(ResponseBody, frozen=True, kw_only=True):
    """Each side's perceptions next to the other's."""

    issues: tuple[Issue, ...]


class RoadmapLine(ResponseBody, frozen=True, kw_only=True):
    """One item of the roadmap, how far it is, and every exchange that belongs to it."""

    exchange: str
    number: str
    side: str
    status: str
    text: Raw
    deliverable: str
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
    """The codebook that every side has adopted, or that is offered; `in_force` tells which. `phrases` are by key and language."""

    codebook: str
    version: int
    in_force: bool
    messages: tuple[Coded, ...]
    phrases: dict[str, dict[str, str]]
