"""The desk family: one side's own work on the matters of its shared channels.

    tasking                open
    instruction-request    open ──instruction──▶ instructed
    silence-procedure      circulating ──silence-break──▶ broken
                           circulating ──lapse of its time──▶ adopted

It exists in a desk channel alone. All may be cancelled and closed. Nobody else
is addressed, so nothing is owed to another side.
"""

from typing import Final

import msgspec

from dragoman.domain.acts import field_checks
from dragoman.domain.acts.act_rules import Format, Rule, Who, opening
from dragoman.domain.acts.families.exchange import moves_of_format
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import Text, sentence
from dragoman_schemas.acts.office.internal_task import (
    Instruction,
    InstructionRequest,
    SeenBy,
    SilenceBreak,
    SilenceProcedure,
    Tasking,
)
from dragoman_schemas.state import Exchange, Registry

KINDS: Final = frozenset({"desk"})


def _check_officers(
    registry: Registry,
    exchange: Exchange | None,
    record: Record[Tasking | SeenBy | SilenceProcedure],
) -> Refusal | None:
    data = record.data
    for index, name in enumerate(data.officers):
        if f"{record.side}/{name}" not in registry.officers:
            return invalid(
                f"/officers/{index}",
                sentence(
                    "%(officer)s is not an officer of %(side)s here", officer=name, side=record.side
                ),
            )
    return field_checks.times(due=data.due) if isinstance(data, Tasking) else None


def _check_request(
    registry: Registry, exchange: Exchange | None, record: Record[InstructionRequest]
) -> Refusal | None:
    return field_checks.times(wanted_by=record.data.wanted_by)


def _task_title(data: Tasking) -> Text:
    return sentence("Task for %(officers)s", officers=data.officers)


TASKING: Final = Format(
    rule=opening("tasking", Tasking, "desk", check=_check_officers),
    code="TASK",
    start="open",
    moves=moves_of_format(("open",), {"seen-by": {"open": "open"}}),
    kinds=KINDS,
    title=_task_title,
)
INSTRUCTION_REQUEST: Final = Format(
    rule=opening("instruction-request", InstructionRequest, "desk", check=_check_request),
    code="ASK",
    start="open",
    moves=moves_of_format(
        ("open", "instructed"),
        {
            "instruction": {"open": "instructed", "instructed": "instructed"},
            "seen-by": {"open": "open", "instructed": "instructed"},
        },
    ),
    kinds=KINDS,
    title=lambda data: sentence("Request for instructions"),
)


def _check_draft(
    registry: Registry, exchange: Exchange | None, record: Record[SilenceProcedure]
) -> Refusal | None:
    """Refuse a draft whose time is over or does not exist."""
    refusal = _check_officers(registry, exchange, record)
    refusal = refusal or field_checks.times(until=record.data.until)
    if refusal is not None:
        return refusal
    until, now = map(field_checks.moment, (record.data.until, record.envelope.time))
    if until is not None and now is not None and until <= now:
        return invalid("/until", sentence("this time has passed; give the officers some time"))
    return None


def _check_break(
    registry: Registry, exchange: Exchange | None, record: Record[SilenceBreak]
) -> Refusal | None:
    """Refuse the objection of an officer to whom the draft did not go."""
    assert exchange is not None
    officers = msgspec.json.decode(exchange.content["officers"], type=tuple[str, ...])
    if record.envelope.actor.partition("/")[2] not in officers:
        return invalid(
            "/act",
            sentence("the draft went to %(officers)s; one of them objects", officers=officers),
        )
    return None


SILENCE_PROCEDURE: Final = Format(
    rule=opening("silence-procedure", SilenceProcedure, "desk", check=_check_draft),
    code="SILENCE",
    start="circulating",
    moves=moves_of_format(
        ("circulating", "broken", "adopted"),
        {
            "silence-break": {"circulating": "broken", "broken": "broken"},
            "lapse": {"circulating": "adopted"},
        },
        cancellable=("circulating",),
    ),
    kinds=KINDS,
    title=lambda data: sentence("Draft for silent agreement"),
)

FORMATS: Final = (TASKING, INSTRUCTION_REQUEST, SILENCE_PROCEDURE)

RULES: Final = (
    Rule(act="seen-by", shape=SeenBy, who=Who.ANY, kept=True, check=_check_officers),
    Rule(act="instruction", shape=Instruction, who=Who.ANY, kept=True),
    Rule(act="silence-break", shape=SilenceBreak, who=Who.ANY, kept=True, check=_check_break),
)
