"""`dragoman keys` and `context`: an officer's own keys, entered and revoked in a channel, and what a signature binds an act to."""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from dragoman.cli.common import Target, UsageError, channel_of, connected, out, out_json, say, table
from dragoman.cli.signature import Passphrase, Sign, make, over, posted, public_line, seed_of
from dragoman.cli.signature import context as context_of
from dragoman.domain.acts import membership
from dragoman.domain.record import nesting
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Malformed
from dragoman.interop.check_words import check_words
from dragoman.stores.enrolments import Enrolment
from dragoman.tlog import dsse

EVERYWHERE = Target()

keys = App(name="keys", help="Make keys, and enter and revoke them in a channel.")


@keys.command
def new(file: Path, *, passphrase: Passphrase = None) -> int:
    """Make a key in FILE, which its owner alone may read, and print its public part and its id."""
    out(public_line(make(file, passphrase)))
    return 0


@keys.command
def show(file: Path, *, passphrase: Passphrase = None) -> int:
    """Print the public part and the id of the key in FILE."""
    out(public_line(dsse.public_of(seed_of(file, passphrase))))
    return 0


@keys.command(name="list")
async def list_(*, target: Target = EVERYWHERE) -> int:
    """List the keys of a channel: whose they are, between which positions they are valid, and from where on what they signed is disputed."""
    async with connected(target) as caller:
        result = (
            (await caller.call("GET", f"/v1/channels/{await channel_of(target, caller)}/state"))
            .json()["registry"]
            .get("keys", {})
        )
    if target.json:
        out_json(result)
        return 0
    rows = [
        [
            value["owner"],
            keyid,
            str(value["since"]),
            str(value.get("until", "")),
            str(value.get("suspect_from", "")),
        ]
        for keyid, value in result.items()
    ]
    table(sorted(rows), ["OWNER", "KEY ID", "SINCE", "REVOKED AT", "DISPUTED FROM"])
    return 0


@keys.command
async def enrol(
    file: Path,
    *,
    officer: Annotated[str, Parameter(help="Whose key it is: the officer's name, or side/name.")],
    sign: Sign = (),
    passphrase: Passphrase = None,
    target: Target = EVERYWHERE,
) -> int:
    """Enter the key in FILE as an officer's, as an administrator of the side. Both keys sign; in a trial the host has the administrator's."""
    seed = seed_of(file, passphrase)
    body = {
        "act": "key-addition",
        "officer": officer.rpartition("/")[2],
        "keys": [dsse.encode_base64(dsse.public_of(seed))],
    }
    recorded = await posted(target, body, [seed, *(seed_of(path, passphrase) for path in sign)])
    say(
        f"the key {dsse.key_id(dsse.public_of(seed))} is {officer}'s from position {recorded.position}"
    )
    return 0


@keys.command
async def admit(
    file: Path, *, sign: Sign, passphrase: Passphrase = None, target: Target = EVERYWHERE
) -> int:
    """Enter the key that an officer's browser has made, out of FILE from the page of keys. It was made out to you: --sign your own key.

    Ask the officer for the four words first; the page of keys shows those of the key
    that is in FILE.
    """
    try:
        raw = file.read_bytes()
        nesting.check(raw)
        enrolment = msgspec.json.decode(raw, type=Enrolment)
        act, _ = read_act(enrolment.act.encode(), cut=False)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, Malformed) as error:
        raise UsageError(f"{file} is no entry from the page of keys: {error}") from None
    signatures = dict(part.split(":") for part in enrolment.signatures.split())
    own = over(act, [seed_of(path, passphrase) for path in sign])
    signatures |= dict(
        zip(own["Dragoman-Key-Id"].split(), own["Dragoman-Signature"].split(), strict=True)
    )
    headers = {
        "Dragoman-Key-Id": " ".join(signatures),
        "Dragoman-Signature": " ".join(signatures.values()),
    }
    async with connected(target) as caller:
        recorded = (
            await caller.post(
                await channel_of(target, caller), act, key=enrolment.id, headers=headers
            )
        ).recorded
    say(
        f"the key {enrolment.key} ({' '.join(check_words(enrolment.key))}) is {enrolment.officer}'s from position {recorded.position}"
    )
    return 0


@keys.command
async def revoke(
    key: Annotated[str, Parameter(help="The key's id, or the file that it is in.")],
    *,
    suspect_from: Annotated[
        int | None,
        Parameter(
            help="Where it was stolen: the first position that somebody else may have signed."
        ),
    ] = None,
    reason: str | None = None,
    sign: Sign = (),
    passphrase: Passphrase = None,
    target: Target = EVERYWHERE,
) -> int:
    """Revoke a key: it signs nothing more in the channel, and does not return. A key may revoke itself: --sign its own file.

    What it signed stays valid; from --suspect-from on every audit lists it as disputed.
    """
    keyid = (
        dsse.key_id(dsse.public_of(seed_of(Path(key), passphrase))) if Path(key).exists() else key
    )
    body = (
        {"act": "key-revocation", "key": keyid}
        | ({} if suspect_from is None else {"suspect_from": suspect_from})
        | ({"reason": reason} if reason else {})
    )
    recorded = await posted(target, body, [seed_of(path, passphrase) for path in sign])
    say(f"{keyid} is revoked from position {recorded.position}")
    return 0


@keys.command
async def rotate(
    old: Path,
    new: Path,
    *,
    officer: Annotated[
        str, Parameter(help="Whose keys they are: the officer's name, or side/name.")
    ],
    sign: Sign = (),
    passphrase: Passphrase = None,
    target: Target = EVERYWHERE,
) -> int:
    """Enter the key in NEW for an officer and revoke the one in OLD, as an administrator of the side."""
    await enrol(new, officer=officer, sign=sign, passphrase=passphrase, target=target)
    return await revoke(
        str(old), reason="replaced", sign=sign, passphrase=passphrase, target=target
    )


Threshold = Annotated[int, Parameter(help="How many of the root keys must sign.")]


@keys.command(name="next-roots")
def next_roots(*files: Path, threshold: Threshold = 1, passphrase: Passphrase = None) -> int:
    """Print the hash that announces the keys in FILES as a side's next root keys, which then stay on paper until they are needed."""
    out(
        membership.roots_hash(
            threshold,
            [dsse.encode_base64(dsse.public_of(seed_of(path, passphrase))) for path in files],
        )
    )
    return 0


@keys.command(name="rotate-roots")
async def rotate_roots(
    *files: Path,
    threshold: Threshold = 1,
    announce: Annotated[
        str,
        Parameter(
            help="The hash of the roots that come after these, as `keys next-roots` prints it."
        ),
    ] = "",
    sign: Sign = (),
    passphrase: Passphrase = None,
    target: Target = EVERYWHERE,
) -> int:
    """Replace your side's root keys by those in FILES, which sign as well. The token is that of SIDE/root; --sign has the old ones."""
    seeds = [seed_of(path, passphrase) for path in files]
    if not seeds or not sign:
        raise UsageError("name the files of the new root keys, and the old ones with --sign")
    body = {
        "act": "root-rotation",
        "roots": [dsse.encode_base64(dsse.public_of(seed)) for seed in seeds],
        "threshold": threshold,
    }
    recorded = await posted(
        target,
        body | ({"next_roots": announce} if announce else {}),
        [*seeds, *(seed_of(path, passphrase) for path in sign)],
    )
    say(
        f"the root keys of {recorded.channel} are others from position {recorded.position}; the old ones sign nothing more"
    )
    return 0


async def context(
    exchange: str | None = None,
    *,
    of_channel: Annotated[
        bool, Parameter(name="--of-channel", negative=(), help="Of an act of the channel itself.")
    ] = False,
    target: Target = EVERYWHERE,
) -> int:
    """Print what a signed act must say: an opening, an act in EXCHANGE, or one of the channel itself; but for its type and id."""
    if exchange is not None and of_channel:
        raise UsageError(
            "an act of the channel itself is in no other exchange; leave one of the two out"
        )
    async with connected(target) as caller:
        name = await channel_of(target, caller)
        text = "" if exchange is None else await caller.exchange_of(name, exchange)
        out_json(await context_of(caller, name, text, of_channel=of_channel))
    return 0
