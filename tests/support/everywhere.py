"""Every page there is, and who may read it: what holds of a page is asked of all of them.

Places in braces are ids of a demonstration: `places` has them.
"""

from typing import Final

import aiohttp

from dragoman.domain.acts.act_registry import FORMATS
from service import Caller, Gateway

CHANNEL: Final = "nato-china"
EXERCISE: Final = "nato-china-exercise"
DIALOGUE: Final = "nato-china-track2"
_C: Final = f"/c/{CHANNEL}"
_E: Final = f"/c/{EXERCISE}"

PAGES: Final = (
    *(
        ("nato/duty_officer", f"{_C}{path}")
        for path in (
            "",
            "/inbox?waits=all",
            "/inbox?q=talks",
            "/inbox?q=nothing-of-that-kind",
            "/compose",
            "/drafts",
            "/in-force",
            "/roster",
            "/watch/turn-over",
            "/first-hour",
        )
    ),
    *(
        ("nato/duty_officer", f"{_C}/compose/{act}")
        for act in ("hazardous-incident", "point-of-contact")
    ),
    *(
        ("nato/officer", f"{_E}/exchanges/{{incident}}{form}")
        for form in ("", "?at=21", "/card", "/form", "/acts/correction")
    ),
    *(
        ("nato/officer", f"{_C}{path}")
        for path in (
            "/meetings",
            "/meetings?state=asked",
            "/meetings/calendar",
            "/meetings/{meeting}",
        )
    ),
    *(
        ("nato/officer", f"{_C}{path}")
        for path in ("/in-force", "/chart", "/undertakings", "/mechanisms")
    ),
    *(
        ("nato/officer", f"{_C}{path}")
        for path in ("/people", "/people/register", "/people/register/new", "/key", "/recorded/9")
    ),
    *(
        ("group-a/officer", f"/c/{DIALOGUE}/{path}")
        for path in ("dialogue", "dialogue/{joint}", "reports/period")
    ),
    *(
        ("nato/officer", f"{_C}/reports{path}")
        for path in ("", "/situation", "/turn-over", "/period")
    ),
    *(("nato/officer", f"{channel}/statistics") for channel in (_C, _E)),
    *(
        ("china/auditor", f"{_E}{path}")
        for path in (
            "",
            "/audit",
            "/audit?at=21&compare=18",
            "/log",
            "/log?void=void",
            "/records/20",
        )
    ),
    *(
        ("china/auditor", f"{_E}{path}")
        for path in ("/differences?from=18&to=21", "/audit?record=none", "/compose/contact-note")
    ),
    *(("nato/administrator", f"{_C}/admin{path}") for path in ("", "/officers", "/keys")),
    *(
        ("nato/administrator", f"{_C}/admin/acts/{path}")
        for path in ("officer", "officer-revocation?f.officer=o-1", "profile-adoption")
    ),
    *(
        ("nato/administrator", f"{_C}/admin/acts/{path}")
        for path in ("codebook-adoption", "policy-adoption", "rules-adoption", "erasure-consent")
    ),
    *(
        ("nato/head_of_office", f"{_C}/admin/acts/{path}")
        for path in ("channel-status", "onward-adoption?format=danger-area")
    ),
    *(
        ("nato/administrator", f"{_C}/admin{path}")
        for path in ("/endpoints", "/policy", "/erasures")
    ),
    *(
        ("nato/head_of_office", f"{_C}/admin/{path}")
        for path in ("profiles", "codebook", "erasures", "onward")
    ),
    *(
        ("operator", path)
        for path in ("/host", f"/host/channels/{CHANNEL}", "/host/tokens", "/host/subjects")
    ),
    *(("operator", path) for path in ("/host/open", "/host/terms?name=far", "/docs")),
    *(("nato/officer", path) for path in ("/help", f"{_C}/no-such-page")),
)
"""Readers and the pages that they read, each page in one state or several. The explorer of the API
(`/docs?try=yes`) is other people's work and does not reach AA.
"""

WALKED: Final = (
    *(
        ("nato/duty_officer", path)
        for path in ("/board", "/glossary", "/go?q=meeting", "/sessions", "/kept")
    ),
    *(
        ("nato/duty_officer", f"{_C}{path}")
        for path in ("/drill", "/go", "/go?q=meeting", "/drafts/{draft}", "/offline")
    ),
    ("nato/duty_officer", "/reach"),
    ("china/duty_officer", f"{_E}/since?from=9"),
    ("china/duty_officer", f"{_C}/inbox?q=nowhere&family=contact&fault=name"),
    ("china/officer", f"{_C}/inbox?at=9"),
    *(
        ("nato/officer", f"{_C}/exchanges/{{{name}}}")
        for name in ("people", "undertaking", "mechanism", "area")
    ),
    ("nato/officer", f"{_C}/exchanges/{{people}}/acts/people-status"),
    ("nato/officer", f"{_E}/exchanges/{{incident}}/moves"),
    *(
        ("nato/officer", f"{_C}/exchanges/{{people}}/{path}")
        for path in ("lanes", "translations?language=zh")
    ),
    ("group-a/officer", f"/c/{DIALOGUE}/exchanges/{{joint}}/versions"),
    ("nato/officer", f"{_C}/releases/{{release}}"),
    ("nato/officer", f"{_C}/dialogue?eyes=other"),
    ("china/head_of_office", f"{_C}/roster/remove"),
    ("nato/head_of_office", f"{_C}/meetings/calendar?month={{month}}"),
    *(
        ("nato/head_of_office", f"{_C}/people/register/{path}")
        for path in ("{person}", "{person}/erase")
    ),
    ("nato/auditor", f"{_C}/reports/audit"),
    ("nato/administrator", f"{_C}/admin/rules"),
    *(
        ("nato/administrator", f"{_C}/admin/{path}")
        for path in (
            "endpoints/remove?endpoint={endpoint}",
            "links",
            "links/revoke?link={link}",
        )
    ),
    ("latvia/administrator", "/c/baltic-belarus/admin/acts/key-revocation?f.key={key}"),
    *(
        ("operator", path)
        for path in ("/host/tokens/revoke?token={token}", "/host/subjects/forget?subject={subject}")
    ),
    *(("", path) for path in ("/sign-in", "/releases", "/offline")),
)
"""Pages and states of pages that the walk of `tests/browser/test_walk.py` opens as well. Nobody is
signed in where no reader is named. A new route that needs no id is walked without a line here.
"""

NO_PAGE: Final = frozenset(
    {
        "/",
        "/alarm",
        "/alarm/events",
        "/first-hour",
        "/palette",
        "/signin/oidc",
        "/offline.js",
        "/manifest.webmanifest",
        "/static/{file}",
        "/static/{release}/{file}",
        *(
            f"/c/{{channel}}/{path}"
            for path in (
                "admin/keys/asked/{officer}",
                "admin/erasures/consent",
                "admin/erasures/erase",
                "admin/erasures/withdraw",
                "admin/keys/revoke",
                "admin/officers/revoke",
                "compose/read",
                "exchanges/{exchange}/evidence",
                "palette",
                "reports/year",
                "records/consistency",
                "records/{position}/material",
                "travel",
                "watch/turn-over/sheets/{record}",
            )
        ),
    }
)
"""Routes that answer with no page of their own: with a redirect, a file, a stream or a part."""

ELSEWHERE: Final = {
    "/c/{channel}/outbox": "test_outbox_page.py",
    "/c/{channel}/notices/{key}": "test_notice_pages.py",
    "/reach/remove": "test_reach_page.py",
    "/reach/{code}": "test_reach_page.py",
    "/releases/{channel}/{exchange}": "test_release_pages.py",
    "/signin/oidc/return": "test_sign_in_pages.py",
}
"""Pages that only a service of another kind has, and the files whose tests ask axe about them."""

FORMS: Final = tuple(("nato/head_of_office", f"{_C}/compose/{act}") for act in FORMATS)
"""The form of every format."""

_JOINT: Final = {
    "act": "joint-report",
    "title": "What a year taught",
    "paragraphs": ["The line was checked.", {"zh-Hans": "每次特急均获答复。"}],
}


async def places(session: aiohttp.ClientSession, service: Gateway) -> dict[str, str]:
    """The ids that stand in the paths, of a demonstration; it is given a joint report, of which it
    has none.
    """
    found = {}
    for name, who, channel, query in (
        ("incident", "nato/officer", EXERCISE, "act=hazardous-incident"),
        ("meeting", "nato/officer", CHANNEL, "family=meeting"),
        ("joint", "group-a/officer", DIALOGUE, "act=joint-report"),
    ):
        caller = Caller(session, service, who)
        rows = (await caller.get(f"/v1/channels/{channel}/exchanges?{query}")).json["exchanges"]
        found[name] = (
            str(rows[-1]["id"])
            if rows
            else str((await caller.open(_JOINT, channel)).json["exchange"])
        )
    return found
