"""The past position that an address or a form names, by itself or by a time."""

import re
from datetime import timedelta
from typing import Final

from dragoman.console.context import PageContext
from dragoman.domain.record.errors import Refusal, Refused
from dragoman.projection.queries.snapshot import instant, position_by
from dragoman.text import Text, sentence

_AT: Final = re.compile(r"[0-9]{1,15}")


def _refused(kind: str, detail: Text) -> Refused:
    return Refused(Refusal(kind=kind, detail=detail))


async def position_of(context: PageContext, at: str) -> int:
    """Return the past position that `at` names by itself or by a time; 0 for now.

    Raises `Refused` if the channel has no record there.
    """
    if at in ("", "0"):
        return 0
    if _AT.fullmatch(at):
        if not 1 <= int(at) <= context.newest:
            raise _refused(
                "bad-request",
                sentence(
                    "Records are counted from 1 to %(newest)s; give one of these, or a time.",
                    newest=context.newest,
                ),
            )
        return int(at)
    moment = instant("at", at) + timedelta(milliseconds=1)
    position: int = await context.in_thread(
        position_by, context.service.store, context.name, context.newest, moment
    )
    if not position:
        raise _refused("not-found", sentence("The channel was not open at that time."))
    return position
