"""Many acts in one request: each line has a key and an outcome of its own.

    {"key": "…", "act": {"act": "contact-note", …}}              opens an exchange
    {"key": "…", "exchange": "0198…", "act": {"act": "update"}}  carries one on

A line is recorded, refused and repeated as a request with its act alone would be. Lines
that carry the same exchange on are taken in their order, and those that answer an
exchange of an earlier line after it. Others go to the log together. A request is lost
without harm: the same lines with the same keys are recorded once.
"""

import asyncio
from collections import Counter, defaultdict
from typing import Any, Final

import msgspec
from aiohttp import web

from dragoman.api.sse import NDJSON
from dragoman.application.attachment_checks import is_staff
from dragoman.application.http.problems import problem_of, refusal_of
from dragoman.application.http.request import ApiAnswer, ApiRequest, NoBody
from dragoman.application.http.submission import (
    act_of,
    etag_of,
    id_of,
    outbox_view,
    posted,
    read_signatures,
)
from dragoman.application.station_port import KeptForHost
from dragoman.domain.acts import access
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.decide import Submission
from dragoman.domain.record.errors import Malformed, refuse
from dragoman.domain.record.nesting import RECORD_DEPTH, is_deeper
from dragoman.domain.record.validation_errors import faults_of
from dragoman.limits import BATCH_ACTS, BATCH_AT_ONCE, BODY_BYTES
from dragoman.projection.projection import Projection
from dragoman.text import sentence
from dragoman_schemas.responses import ActLine, ActOutcome

_encode_lines: Final = msgspec.json.Encoder().encode_lines
_HEADERS_OF_LINES: Final = {
    "If-Match": "if_match",
    "Dragoman-Key-Id": "key_id",
    "Dragoman-Signature": "signature",
}


async def post_acts(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Record the acts of a request, and answer each line with its outcome."""
    projection, request = call.channel, call.request
    actor = call.grant.actor
    is_handed_in = access.is_station(projection.registry, actor)
    if (
        actor in projection.registry.officers
        and not is_staff(projection, actor)
        and not is_handed_in
    ):
        raise refuse(
            "not-permitted", "The offices post acts, and auditors read the log. Ask an officer."
        )
    lines = await _lines(call)
    outcomes: list[ActOutcome | None] = [None] * len(lines)
    ordered: defaultdict[str, list[tuple[int, Submission]]] = defaultdict(list)
    group_of: dict[str, str] = {}
    for index, line in enumerate(lines):
        try:
            if isinstance(line, Exception):
                raise line
            submission = await (_handed_in if is_handed_in else _submission)(call, projection, line)
        except Exception as error:  # each line has its own outcome  # noqa: BLE001
            outcomes[index] = _refused(call, index, error)
            continue
        group = group_of.get(submission.exchange, submission.exchange or submission.id)
        group_of[submission.id] = group
        ordered[group].append((index, submission))
    room = asyncio.Semaphore(BATCH_AT_ONCE)

    async def post_in_order(group: list[tuple[int, Submission]]) -> None:
        async with room:
            for index, submission in group:
                try:
                    result = await posted(call, projection, submission, is_handed_in=is_handed_in)
                except KeptForHost as kept:
                    outcomes[index] = ActOutcome(
                        line=index + 1, status=202, kept=outbox_view(kept.entry)
                    )
                except Exception as error:  # each line has its own outcome  # noqa: BLE001
                    outcomes[index] = _refused(call, index, error)
                else:
                    outcomes[index] = ActOutcome(
                        line=index + 1,
                        status=201,
                        recorded=result.recorded,
                        replayed=result.replayed,
                    )

    async with asyncio.TaskGroup() as group_tasks:
        for group_lines in ordered.values():
            group_tasks.create_task(post_in_order(group_lines))
    done = [outcome for outcome in outcomes if outcome is not None]
    request["batch"] = _counted(done)
    return web.Response(body=_encode_lines(done), content_type=NDJSON)


async def _lines(call: ApiRequest[NoBody]) -> list[ActLine | Exception]:
    """Return the lines of a request, or why one cannot be read.

    Raises `Refused` or `Malformed` if the request can have no outcomes: it has no line
    that can be read, or too many.
    """
    request = call.request
    if request.content_type != NDJSON:
        raise refuse(
            "media-type",
            "Send Content-Type: %(media_type)s; the request has %(given)s.",
            media_type=NDJSON,
            given=request.content_type,
        )
    for header, member in _HEADERS_OF_LINES.items():
        if header in request.headers:
            raise refuse(
                "bad-request",
                "%(header)s is of one act; give each line its own `%(member)s`.",
                header=header,
                member=member,
            )
    try:
        body = await call.arrived()
    except web.HTTPRequestEntityTooLarge:
        raise refuse(
            "too-large",
            "Nothing was recorded: the acts of one request take at most %(n)s KiB together. "
            "Send them in several requests.",
            n=BODY_BYTES // 1024,
        ) from None
    lines = body.removesuffix(b"\n").split(b"\n") if body else []
    if not 1 <= len(lines) <= BATCH_ACTS:
        raise refuse(
            "bad-request",
            "Nothing was recorded: the request has %(n)s lines. Send 1 to %(most)s, each with "
            "one act.",
            n=len(lines),
            most=BATCH_ACTS,
        )
    decoded = [_read(line) for line in lines]
    if isinstance(decoded[0], Exception) and all(isinstance(line, Exception) for line in decoded):
        raise decoded[0]
    return decoded


def _read(line: bytes) -> ActLine | Exception:
    """Return a line, or the refusal or fault because of which it cannot be read."""
    if is_deeper(line, RECORD_DEPTH + 1):
        return Malformed(
            "", sentence("nested deeper than %(limit)s; flatten it", limit=RECORD_DEPTH)
        )
    try:
        return msgspec.json.decode(line, type=ActLine)
    except msgspec.ValidationError as error:
        return faults_of(error, line, ActLine)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return refuse(
            "bad-request",
            "The line is not JSON: %(error)s. Send one JSON object in each line.",
            error=str(error),
        )


async def _submission(
    call: ApiRequest[NoBody], projection: Projection, read: ActLine
) -> Submission:
    """Return the submission of a line. Raises `Refused`, `Malformed`."""
    await asyncio.sleep(0)  # a flash does not wait for the whole request
    if read.released_by:
        raise refuse(
            "not-permitted", "Only a station names the officer who released an act at its desk."
        )
    signatures = read_signatures(read.key_id, read.signature)
    act, data = await act_of(call, projection, bytes(read.act), signatures)
    family = RULES[str(data.__struct_config__.tag)].family
    return Submission(
        actor=call.grant.actor,
        act=act,
        data=data,
        signatures=signatures,
        id=id_of(projection, call.grant.actor, data, read.key or None),
        exchange=read.exchange,
        family="" if read.exchange else family or "",
        if_match=etag_of(f'"{read.if_match.strip(chr(34))}"') if read.if_match else None,
    )


async def _handed_in(call: ApiRequest[NoBody], projection: Projection, read: ActLine) -> Submission:
    """Return the submission of a signed act that a station hands in for its author.

    Any station may hand in any signed act: a host that refuses one side would have to
    refuse the act from everybody. Raises `Refused`, `Malformed`.
    """
    await asyncio.sleep(0)
    signatures = read_signatures(read.key_id, read.signature)
    if not signatures:
        raise refuse(
            "not-permitted", "An act from a station must be signed by its author; sign it there."
        )
    act, data = await act_of(call, projection, bytes(read.act), signatures)
    assert not isinstance(data.signed, msgspec.UnsetType)
    family = RULES[str(data.__struct_config__.tag)].family
    return Submission(
        actor=data.signed.author,
        act=act,
        data=data,
        signatures=signatures,
        id=data.signed.id,
        exchange=read.exchange,
        family="" if read.exchange else family or "",
        if_match=etag_of(f'"{read.if_match.strip(chr(34))}"') if read.if_match else None,
        released_by=read.released_by,
    )


def _refused(call: ApiRequest[Any], index: int, error: Exception) -> ActOutcome:
    refusal, _ = refusal_of(error)
    problem = problem_of(refusal, "", call.request.path)
    return ActOutcome(line=index + 1, status=problem.status, problem=problem)


def _counted(outcomes: list[ActOutcome]) -> Counter[tuple[str, str]]:
    """Return the number of acts by name and outcome. A refused line has no name."""
    return Counter(
        (
            ("", "refused" if outcome.status < 500 else "failed")
            if isinstance(outcome.recorded, msgspec.UnsetType)
            else (outcome.recorded.act, "replayed" if outcome.replayed else "recorded")
        )
        for outcome in outcomes
    )
