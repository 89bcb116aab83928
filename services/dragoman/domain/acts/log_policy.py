"""Whose signatures stand under a log's heads: its own key's, and those of the witnesses that the sides agreed on, at the opening or since.

The policy is written as C2SP tlog-policy without its `log` line, since it is of this
log alone. For each side there is a group, or a witness, of the side's name: what it
stands for is what the side takes as its own witnesses' word. Final is what the quorum
has cosigned.
"""

from collections.abc import Iterable
from functools import lru_cache

from dragoman.domain.record.errors import Refusal, invalid
from dragoman.text import sentence
from dragoman.tlog import dsse, policy
from dragoman.tlog.note import ED25519, NotANote, Verifier
from dragoman.tlog.policy import Policy
from dragoman_schemas.acts.office.channel import ChannelOpening
from dragoman_schemas.state import AdoptedPolicy, Registry


def log_of(registry: Registry) -> Verifier:
    """Return the key by which the channel's signed heads are verified, under the name of its origin."""
    return Verifier(registry.origin, ED25519, dsse.decode_base64(registry.log_key, 32) or bytes(32))


@lru_cache(maxsize=64)
def whole(log: Verifier, text: str) -> Policy:
    """Return the policy with its log, as other people's tools read it. Raises `NotANote`."""
    if any(line.split()[:1] == ["log"] for line in text.splitlines()):
        raise NotANote(sentence("leave the `log` line out: it is of this log"))
    return policy.read(written(log, text))


def written(log: Verifier, text: str) -> str:
    """Return the policy as a file for other people's tools."""
    return f"{text.rstrip()}\nlog {log}\n"


def in_force(registry: Registry) -> Policy | None:
    """Return the policy in force; None where the sides agreed on none."""
    return whole(log_of(registry), registry.policy) if registry.policy else None


def keys_of(registry: Registry) -> set[bytes]:
    """Return the public keys of the log and of the witnesses whose policy is in force or adopted by a side; none of them serves for anything else."""
    log = log_of(registry)
    texts = {
        registry.policy,
        *(adopted_policy.policy for adopted_policy in registry.policies.values()),
    } - {""}
    return {log.public} | {
        witness.public for text in texts for witness in whole(log, text).witnesses.values()
    }


def agreed(adopted: dict[str, AdoptedPolicy], sides: Iterable[str], before: str) -> str:
    """Return what is in force after an adoption: what every side has adopted, or as before."""
    texts = {adopted[side].policy if side in adopted else None for side in sides}
    return text if len(texts) == 1 and (text := texts.pop()) is not None else before


def check(log: Verifier, sides: Iterable[str], used: Iterable[str], text: str) -> Refusal | None:
    """Return why a text is no policy for these sides and this log; `used` are the ids of keys that serve for something else here."""
    try:
        result = whole(log, text)
    except NotANote as error:
        return invalid(
            "/policy",
            sentence("%(error)s; write it as C2SP tlog-policy, without `log`", error=error.said),
        )
    nameless = [
        side for side in sides if side not in result.groups and side not in result.witnesses
    ]
    if nameless:
        return invalid(
            "/policy",
            sentence(
                "name a group or a witness %(side)s: what %(side)s takes as its own witnesses' word",
                side=nameless[0],
            ),
        )
    if not result.quorum:
        return invalid(
            "/policy", sentence("`quorum none` makes everything final at once; name whom it takes")
        )
    publics = [witness.public for witness in result.witnesses.values()]
    if len(set(publics)) < len(publics) or not {
        dsse.key_id(public) for public in publics
    }.isdisjoint({*used, dsse.key_id(log.public)}):
        return invalid(
            "/policy",
            sentence("a witness's key serves for nothing else, and once; make another one"),
        )
    return None


def check_opening(log: Verifier, data: ChannelOpening) -> Refusal | None:
    """Return the policy of a genesis, and the witnesses' keys that it names besides."""
    text = "" if not isinstance(data.policy, str) else data.policy
    names = set(data.witnesses) if isinstance(data.witnesses, tuple) else set()
    if not text:
        return (
            invalid("/witnesses", sentence("witnesses come with the policy that names them"))
            if names
            else None
        )
    roots = [dsse.decode_base64(root, 32) or b"" for side in data.sides for root in side.roots]
    refusal = check(
        log, [side.name for side in data.sides], [dsse.key_id(root) for root in roots], text
    )
    if refusal is None and names != {
        str(witness) for witness in whole(log, text).witnesses.values()
    }:
        return invalid(
            "/witnesses",
            sentence("they are the verifier keys that the policy names, and no others"),
        )
    return refusal
