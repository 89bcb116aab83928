"""Whose cosignatures a reader asks for (C2SP tlog-policy): logs, witnesses, groups of them, and the quorum.

    log <verifier key> [url]
    witness <name> <verifier key> [url]
    group <name> all|any|<k> <names>
    quorum <name>|none

For two sides: a group for the witnesses of each, any of which will do, and a quorum of
all groups.
"""

from typing import Final

from msgspec import Struct

from dragoman.text import sentence
from dragoman.tlog import note
from dragoman.tlog.note import COSIGNATURE, ED25519, NotANote, Note, Verifier

_MOST: Final = 1_000


class WitnessGroup(Struct, frozen=True):
    """So many of these members, which are witnesses or groups."""

    threshold: int
    members: tuple[str, ...]


class Policy(Struct, frozen=True):
    """The logs and witnesses of a reader, where they are, and which of the witnesses make a quorum; empty for none."""

    logs: dict[str, Verifier] = {}
    witnesses: dict[str, Verifier] = {}
    groups: dict[str, WitnessGroup] = {}
    urls: dict[str, str] = {}
    quorum: str = ""

    def witnessed(self, signed: Note) -> frozenset[str]:
        """Return the witnesses whose cosignatures a note has. Raises `NotANote` where one of them does not hold."""
        return frozenset(
            name
            for name, verifier in self.witnesses.items()
            if signed.signed_by(verifier) is not None
        )

    def satisfied(self, witnessed: frozenset[str], name: str | None = None) -> bool:
        """Return whether these witnesses make the quorum, or the group or witness of a name."""
        name = self.quorum if name is None else name
        if not name:
            return True
        group = self.groups.get(name)
        if group is None:
            return name in witnessed
        return sum(self.satisfied(witnessed, member) for member in group.members) >= group.threshold


def read(text: str) -> Policy:
    """Return the policy that a text is. Raises `NotANote` with the line."""
    logs: dict[str, Verifier] = {}
    witnesses: dict[str, Verifier] = {}
    groups: dict[str, WitnessGroup] = {}
    urls: dict[str, str] = {}
    quorum: str | None = None
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        try:
            if number > _MOST:
                raise NotANote(sentence("a policy has %(n)s lines at most", n=_MOST))
            match words:
                case ["log", key, *url] if len(url) < 2:
                    verifier = _of_type(key, ED25519)
                    logs[verifier.name] = verifier
                    urls |= dict.fromkeys([verifier.name], *url) if url else {}
                case ["witness", name, key, *url] if len(url) < 2 and name not in {
                    *witnesses,
                    *groups,
                    "none",
                }:
                    witnesses[name] = _of_type(key, COSIGNATURE)
                    urls |= dict.fromkeys([name], *url) if url else {}
                case ["group", name, count, *members] if members and name not in {
                    *witnesses,
                    *groups,
                    "none",
                }:
                    groups[name] = _group(count, members, {*witnesses, *groups})
                case ["quorum", name] if quorum is None and (
                    name == "none" or name in {*witnesses, *groups}
                ):
                    quorum = "" if name == "none" else name
                case _:
                    raise NotANote(
                        sentence(
                            "it is no line of a policy, or names what stands below it, or twice"
                        )
                    )
        except NotANote as error:
            raise NotANote(
                sentence("line %(number)s: %(error)s", number=number, error=error)
            ) from None
    if quorum is None or not logs:
        raise NotANote(
            sentence("a policy has a log and a quorum; `quorum none` asks for no witness")
        )
    return Policy(logs=logs, witnesses=witnesses, groups=groups, urls=urls, quorum=quorum)


def _of_type(key: str, type: int) -> Verifier:
    verifier = note.read_verifier(key)
    if verifier.type != type:
        raise NotANote(
            sentence(
                "the key of %(name)s is of another type than this line asks for", name=verifier.name
            )
        )
    return verifier


def _group(count: str, members: list[str], texts: set[str]) -> WitnessGroup:
    if len(set(members)) < len(members) or not texts.issuperset(members):
        raise NotANote(sentence("a group has each of its members once, and each stands above it"))
    threshold = {"all": len(members), "any": 1}.get(count) or (
        int(count) if count.isascii() and count.isdecimal() else 0
    )
    if not 1 <= threshold <= len(members):
        raise NotANote(sentence("%(count)s of %(n)s is no threshold", count=count, n=len(members)))
    return WitnessGroup(threshold, tuple(members))
