"""Every read of a channel is either answered from a replayed log as well, and compared in an audit,
or left out for a reason.
"""

import re

from dragoman.audit.replayed_answers import ANSWERS
from dragoman.office import description

CHANNEL = "/v1/channels/{channel}"
BESIDE = "beside the log"
LEFT_OUT = {
    "": "of the registry, which `/state` has whole",
    "/records": "the log itself, which `/records/{}` has record by record",
    "/records/{}/proof": "follows from signed heads",
    "/log/checkpoint": "a signed head",
    "/log/coverage": "follows from cosignatures",
    "/log/tile/{}": "verified against a signed head",
    "/exchanges/{}/evidence": "follows from the log and its head, and proves itself",
    "/codebook": "of the program; `/state` says which one is adopted",
    "/transmittals/{}": "what `/exchanges/{}` has, with its bundle verified",
    "/calendar.ics": "what `/exchanges/{}` has, in another form",
    "/calendar-links": "a secret of the caller",
    "/reports/audit": "its first answer is of signed heads; the others are those of `dragoman audit`",
    "/reports/year": "made from what `/statistics` and `/reports/period` have",
    "/watch/turn-over": BESIDE,
    "/drafts": BESIDE,
    "/drafts/{}": BESIDE,
    "/people": BESIDE,
    "/people/{}": BESIDE,
    "/roster": BESIDE,
    "/roster.ics": BESIDE,
    "/files": BESIDE,
    "/files/{}": BESIDE,
    "/outbox": BESIDE,
    "/parcels": BESIDE,
    "/parcels/{}": BESIDE,
    "/releases/{}/bundle": "follows from the log, and proves itself",
}


def test_every_read_is_compared_or_left_out_for_a_reason() -> None:
    reads = {
        re.sub(r"\{[^}]*\}", "{}", route.path.removeprefix(CHANNEL))
        for route in description.ROUTES
        if route.method == "GET" and route.path.startswith(CHANNEL)
    }
    assert reads == ANSWERS.keys() | LEFT_OUT.keys()
    assert not ANSWERS.keys() & LEFT_OUT.keys()
