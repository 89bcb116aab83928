"""The evidence file of an exchange: one HTML page that verifies its own records.

    /c/{channel}/exchanges/{exchange}/evidence

The page has its style and its scripts in it, and asks no server for anything. Its
policy (CSP) allows these scripts by their digests, and nothing else.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import msgspec
from aiohttp import web
from markupsafe import Markup

from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import PageRoute, environment
from dragoman.console.page.static_files import FOLDER
from dragoman.i18n import words as languages
from dragoman.i18n.words import Words
from dragoman.office.auditing.evidence import ExchangeEvidence, evidence_of
from dragoman.office.auditing.evidence_wording import wording_of
from dragoman.reports import evidence_file, stated_values
from dragoman_schemas.acts.office.channel import ChannelOpening
from dragoman_schemas.evidence import EvidenceFile
from dragoman_schemas.report_shapes import ReportedStatements

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Headers of the answer: a browser that shows the file here gives it no rights."""

_WHOLE: Final = ".cut { display: none; }"
"""The last style of the page, which hides the warning that its end is missing.

It needs no script: a file that was cut lacks it, and so shows the warning.
"""

_SCRIPTS: Final = ("proof.js", "evidence.js", "evidence_page.js")
_IMPORT: Final = re.compile(r"^import \{[^}]*\} from \"\./[a-z_]+\.js\";\n", re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?function|class|const)", re.MULTILINE)


class _OpeningRecord(msgspec.Struct):
    """A record that opens a channel, of which only the act is read."""

    data: ChannelOpening


@cache
def script(names: tuple[str, ...] = _SCRIPTS) -> str:
    """Return scripts of the console as one module, which exports nothing.

    Each of them imports names from the ones before it alone.
    """
    parts = [(FOLDER / name).read_text(encoding="utf-8") for name in names]
    return "".join(_EXPORT.sub("", _IMPORT.sub("", part)) for part in parts)


@cache
def _style() -> str:
    return (FOLDER / "evidence.css").read_text(encoding="utf-8")


def _allowed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _policy() -> str:
    return (
        f"default-src 'none'; script-src {_allowed(script())}; "
        f"style-src {_allowed(_style())} {_allowed(_WHOLE)}; "
        "base-uri 'none'; form-action 'none'"
    )


def page(
    evidence: EvidenceFile, language: str, statements: ReportedStatements | None = None
) -> bytes:
    """Return an evidence file as a page in UTF-8.

    A language that the console does not have becomes English. The page names the
    records of the statements, and takes the values from their proved bytes.
    """
    words = languages.of_tag(language)
    opening = msgspec.json.decode(evidence.records[0].record, type=_OpeningRecord).data
    values = {
        "policy": _policy(),
        "style": Markup(_style()),  # our own files  # noqa: S704
        "whole": Markup(_WHOLE),  # noqa: S704
        "script": Markup(script()),  # noqa: S704
        "evidence_json": Markup(evidence_file.data_of(evidence)),  # it has no `<`  # noqa: S704
        "words_json": _embedded(_spoken(words, evidence, statements)),
        "called": evidence.number or evidence.exchange,
        "channel": opening.name,
        "marking": opening.marking if isinstance(opening.marking, str) else "SIDES ONLY",
        "exercise": opening.kind == "exercise",
        "filename": filename(opening.name, evidence),
    }
    return environment(words.language).get_template("evidence.html").render(values).encode()


def filename(channel: str, evidence: EvidenceFile) -> str:
    """Return the name of an evidence file."""
    number = re.sub("[^A-Za-z0-9-]", "-", evidence.number)
    return f"{number or f'{channel}-{evidence.exchange[:8]}'}-evidence.html"


def _channel(evidence: EvidenceFile) -> str:
    return msgspec.json.decode(evidence.records[0].record, type=_OpeningRecord).data.name


def _embedded(value: object) -> Markup:
    """Return JSON that no page takes for its own marks."""
    return Markup(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))  # noqa: S704


def _names_in(value: Any) -> Iterator[str]:
    """Yield the names of the members in a value of JSON."""
    if isinstance(value, Mapping):
        yield from value
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for item in value:
        yield from _names_in(item)


def _stated(words: Words, statements: ReportedStatements | None) -> dict[str, Any]:
    """Return the places of statements in the records, and the words about them."""
    rows = () if statements is None else statements.statements
    differences = () if statements is None else statements.differences
    names = {row.member for row in rows} | {item.member for item in differences}
    kind = "" if statements is None else statements.matter.format
    return {
        "rows": [{"member": row.member, "at": row.position, "change": row.change} for row in rows],
        "differences": [
            {
                "member": item.member,
                "sides": item.sides,
                "begins": item.begins_at,
                "ends": item.ends_at,
            }
            for item in differences
        ],
        "fields": {name: words.field(name, kind) for name in names},
        "changes": {row.change: stated_values.change_words(row.change, words) for row in rows},
        "still": words.say("still"),
        "ended": words.say("{t}, by {side}"),
        "known_since": words.say("known since {t}"),
    }


def _spoken(
    words: Words, evidence: EvidenceFile, statements: ReportedStatements | None = None
) -> dict[str, Any]:
    """Return the words of the page, and those for acts, members and codes."""
    records = [msgspec.json.decode(item.record) for item in evidence.records]
    acts = [record["data"] for record in records]
    opener = next((item["data"]["act"] for item in records if item["id"] == evidence.exchange), "")
    say = words.say
    return {
        "acts": {act["act"]: words.act(act["act"]) for act in acts},
        "fields": {name: words.field(name) for act in acts for name in _names_in(act)},
        "codes": wording_of(words, acts, opener),
        "stated": _stated(words, statements),
        "unproven": say("wording, not proven"),
        "line": say("record {n}, by {who}, taken in {t}"),
        "record": say("record {n}"),
        "bytes": say("Its exact bytes"),
        "signed_by": say("Valid keys of {who}."),
        "signed_for": say("Signed by the station for {who}."),
        "disputed": say("Disputed: a key that signed it may have been stolen before."),
        "word": {
            "author": say("Signed by its author."),
            "trial": say("Signed, but the host keeps the keys of all sides."),
            "host": say("No side signed it: it rests on the host’s word."),
            "service": say("Recorded by a service of the host, which does not sign."),
        },
        "working": say("Being worked out…"),
        "holds": say("Valid: every record here is in the log of your channel, unaltered."),
        "holds_alone": say(
            "This file agrees with itself. Enter both values above to see whether it is of your "
            "channel."
        ),
        "fails": say(
            "Not valid: {why}. Do not rely on this file, and fetch it again. This accuses nobody: "
            "anybody who had the file may have changed it."
        ),
        "fails_at": say(
            "Not valid: record {n}: {why}. Do not rely on this file, and fetch it again. This "
            "accuses nobody: anybody who had the file may have changed it."
        ),
        "cut": say("Not verified: a part of this file is missing. Fetch it again."),
        "no_webcrypto": say(
            "Not verified: this browser cannot compute here. Open the file from a disk, or verify "
            "it with the command below."
        ),
        "no_ed25519": say(
            "Not verified: this browser does not know Ed25519. Use a newer one, or verify the "
            "file with the command below."
        ),
        "opening": say("Opening"),
        "opening_found": say("signed by the roots of {sides}; cid {cid}"),
        "head": say("Head"),
        "head_found": say("a head of {n} records, signed by {log}"),
        "handed": say(
            "From record %(n)s on this log is signed with another key, to which every side handed "
            "it over.",
            n="{n}",
        ),
        "places": say("Records"),
        "places_found": say("{n} records, each in the tree of {size} records"),
        "signatures": say("Signatures"),
        "signatures_found": say(
            "signed by their authors: {a}, by keys that the host keeps: {t}, unsigned: {h}, of "
            "services: {s}"
        ),
        "witnesses": say("Witnesses"),
        "no_witnesses": say("the sides have named none"),
        "final": say("enough for every side: {who}"),
        "open": say("not enough: {who} cosigned, {missing} did not"),
        "by_yours": say("your own notes"),
        "by_file": say("this file itself"),
        "by_head": say("the key of the log"),
        "by_sides": say("the sides’ keys; of what is unsigned, the host’s"),
        "by_witnesses": say("the witnesses of the sides"),
        "by_host": say("the host"),
        "why": _reasons(words),
    }


def _reasons(words: Words) -> dict[str, str]:
    """Return the faults of a file in words, by the codes of `evidence.js`."""
    say = words.say
    return {
        "format": say("its data cannot be read"),
        "order": say("its records do not begin with the opening, or are not in the log’s order"),
        "no_opening": say("it does not begin with the opening of the channel"),
        "no_exchange": say("it has no record of the exchange that it names"),
        "other_cid": say("it is of the channel {cid}, and not of yours"),
        "other_key": say("its opening names the log key {log}, and not the one that you entered"),
        "other_channel": say("it is of another channel"),
        "not_signed": say("its author had to sign it, and did not"),
        "not_permitted": say("its author may not change keys, officers or the policy"),
        "officer_unknown": say("no record here enters the officer"),
        "officer_known": say("the officer was entered before"),
        "key_unknown": say("no record here enters the key"),
        "cid_wanted": say(
            "its log was handed over to another key, which its first key does not prove: give "
            "the channel’s id, too"
        ),
        "handover": say("it hands the log over to another key, and is not valid here"),
        "key_known": say("the key was entered before"),
        "not_a_record": say("the bytes are not a valid record ({why})"),
        "members_disagree": say("its members contradict each other ({member})"),
        "signed_disagrees": say("what the author signed is not this record ({member})"),
        "signatures_unreadable": say("the signatures cannot be read"),
        "unknown_key": say("it is signed with a key that no record here enters"),
        "weak_key": say("a key is weak and proves nothing"),
        "key_id": say("a key does not have the id under which it was given"),
        "key_not_valid": say("a key was not valid at this record"),
        "signature": say("a signature is not valid"),
        "below_threshold": say("too few root keys signed it"),
        "new_key_unsigned": say("a key that it adds did not sign it"),
        "side_unsigned": say("a side that must sign it did not"),
        "other_side": say("another side signed it"),
        "second_unsigned": say("the second officer did not sign it"),
        "actor_unsigned": say("its actor did not sign it"),
        "junk": say("the bytes are not a record"),
        "proof_unreadable": say("the proof cannot be read ({why})"),
        "beyond_size": say("the head does not go as far as this record"),
        "path_length": say("the path has another length than such a tree asks for"),
        "other_root": say(
            "the record and its proof do not lead to the signed head: one of the two was changed "
            "or damaged"
        ),
        "other_size": say("the head is of another size than the proof"),
        "note_unreadable": say("the head cannot be read ({why})"),
        "checkpoint_unreadable": say("the head cannot be read ({why})"),
        "key_unreadable": say("a key cannot be read ({why})"),
        "other_origin": say("the head is of another log"),
        "other_log": say("the opening names another log key"),
        "unsigned": say("the log did not sign the head"),
        "policy_unreadable": say("the policy of the sides cannot be read ({why})"),
        "cosignature": say("a witness’s cosignature is not valid"),
    }


def answer(evidence: ExchangeEvidence, language: str) -> web.Response:
    """Return an evidence file as an answer that a browser saves."""
    name = filename(_channel(evidence.file), evidence.file)
    return web.Response(
        body=page(evidence.file, language, evidence.statements),
        content_type="text/html",
        charset="utf-8",
        headers={**_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'},
    )


async def download(context: PageContext) -> web.Response:
    """Return the evidence file of an exchange. Raises `Refused`."""
    evidence = await evidence_of(
        context.call, context.projection, context.request.match_info["exchange"], context.newest
    )
    response: web.Response = await context.in_thread(answer, evidence, context.words.language)
    return response


ROUTES: Final = (PageRoute(path="/exchanges/{exchange}/evidence", handler=download),)
