"""A reader's policy (C2SP tlog-policy): logs, witnesses, their groups, and the quorum.

    log <verifier key> [url]
    witness <name> <verifier key> [url]
    group <name> all|any|<k> <names>
    quorum <name>|none

The quorum names the witnesses whose cosignatures the reader requires. A policy for two
sides has one group for the witnesses of each side, any one of which is sufficient. Its
quorum is a group of all these groups.
"""

from typing import Final

from msgspec import Struct

from dragoman.text import sentence
from dragoman.tlog import note
from dragoman.tlog.note import COSIGNATURE, ED25519, NotANote, Note, Verifier

_MOST: Final = 1_000


class WitnessGroup(Struct, frozen=True):
    """A group of witnesses or of other groups.

    The group is satisfied if at least `threshold` of its members are.
    """

    threshold: int
    members: tuple[str, ...]


class Policy(Struct, frozen=True):
    """The logs and witnesses of a reader, their addresses, and the quorum.

    `quorum` names the witness or group that must cosign. It is empty if the reader
    requires no witness.
    """

    logs: dict[str, Verifier] = {}
    witnesses: dict[str, Verifier] = {}
    groups: dict[str, WitnessGroup] = {}
    urls: dict[str, str] = {}
    quorum: str = ""

    def witnessed(self, signed: Note) -> frozenset[str]:
        """Return the witnesses that have cosigned a note.

        Raises `NotANote` if one of the cosignatures is not valid.
        """
        return frozenset(
            name
            for name, verifier in self.witnesses.items()
            if signed.signed_by(verifier) is not None
        )

    def satisfied(self, witnessed: frozenset[str], name: str | None = None) -> bool:
        """Return whether these witnesses satisfy the quorum.

        If a group or a witness is named, return whether they satisfy that one instead.
        """
        name = self.quorum if name is None else name
        if not name:
            return True
        group = self.groups.get(name)
        if group is None:
            return name in witnessed
        return sum(self.satisfied(witnessed, member) for member in group.members) >= group.threshold

    def others(self, name: str) -> frozenset[str]:
        """Return the witnesses but those of a group, or but the one witness named."""

        def of(member: str) -> frozenset[str]:
            group = self.groups.get(member)
            members = frozenset([member]) if group is None else frozenset(group.members)
            return members if group is None else frozenset().union(*map(of, members))

        return frozenset(self.witnesses) - of(name)


def read(text: str) -> Policy:
    """Return the policy in a text. Raises `NotANote` with the line number."""
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
                            "it is not a valid policy line, uses a name before its line, "
                            "or gives a name twice"
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
                "the key of %(name)s has another type than this line requires", name=verifier.name
            )
        )
    return verifier


_COUNT_DIGITS: Final = 9
"""Digits of a threshold; Python refuses to read more than 4,300."""


def _group(count: str, members: list[str], names: set[str]) -> WitnessGroup:
    if len(set(members)) < len(members) or not names.issuperset(members):
        raise NotANote(
            sentence("name each member of a group once, and define it on an earlier line")
        )
    threshold = {"all": len(members), "any": 1}.get(count) or (
        int(count) if count.isascii() and count.isdecimal() and len(count) <= _COUNT_DIGITS else 0
    )
    if not 1 <= threshold <= len(members):
        raise NotANote(
            sentence("%(count)s is not a threshold for %(n)s members", count=count, n=len(members))
        )
    return WitnessGroup(threshold, tuple(members))
