"""The commands of `dragoman keys`, for officers' own keys.

Keys are entered and revoked in a channel. `binding` prints what a signature binds an
act to.
"""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from dragoman.cli.common import (
    EVERYWHERE,
    Target,
    UsageError,
    channel_of,
    connected,
    out,
    out_json,
    say,
    table,
)
from dragoman.cli.signature import (
    Passphrase,
    Sign,
    make_key,
    post_signed,
    public_line,
    seed_of,
    signature_headers,
)
from dragoman.cli.signature import context as context_of
from dragoman.domain.acts import membership
from dragoman.domain.record import nesting
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Malformed
from dragoman.eventlog.cluster_site import site_configuration
from dragoman.interop.check_words import check_words
from dragoman.stores.enrolments import Enrolment
from dragoman.tlog import dsse

keys = App(name="keys", help="Make keys, and enter and revoke them in a channel.")


@keys.command
def new(
    file: Annotated[Path, Parameter(help="The file to write.")], *, passphrase: Passphrase = None
) -> int:
    """Make a key in FILE, and print its public part and its id.

    Only the owner of the file can read it.
    """
    out(public_line(make_key(file, passphrase)))
    return 0


@keys.command
def show(
    file: Annotated[Path, Parameter(help="The file of a key.")], *, passphrase: Passphrase = None
) -> int:
    """Print the public part and the id of the key in FILE."""
    out(public_line(dsse.public_of(seed_of(file, passphrase))))
    return 0


@keys.command
def broker(
    *nodes: Annotated[
        str,
        Parameter(help="The addresses at which the nodes find each other; their port is 6222."),
    ],
    store: Annotated[
        str, Parameter(help="The folder of the logs on each node, on a disk of its own.")
    ] = "/var/lib/nats",
    store_bytes: Annotated[
        int, Parameter(help="The bytes that the logs may take: nine tenths of what is free there.")
    ] = 96_636_764_160,
    data: Annotated[
        Path,
        Parameter(env_var="DRAGOMAN_DATA", help="The data directory that `dragoman init` made."),
    ] = Path("dragoman-data"),
    keys_folder: Annotated[
        Path | None,
        Parameter(
            name="--nats-keys",
            help="The folder with the keys of the broker's users. Default: DIR/keys.",
        ),
    ] = None,
) -> int:
    """Print site.conf for the nodes of a cluster: what is yours and the same on each.

    It has the public keys of the broker's users, and a new password between the nodes.
    The file belongs to the user of the broker alone.
    """
    if not nodes:
        raise UsageError("name the addresses of the nodes, such as 10.0.0.1 10.0.0.2 10.0.0.3")
    text = site_configuration(keys_folder or data / "keys", nodes, store, store_bytes)
    for line in text.splitlines():
        out(line)
    return 0


@keys.command(name="list")
async def list_(*, target: Target = EVERYWHERE) -> int:
    """List the keys of a channel.

    Each has its owner, the positions between which it is valid, and the position from
    which its signatures are disputed.
    """
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
            key["owner"],
            keyid,
            str(key["since"]),
            str(key.get("until", "")),
            str(key.get("suspect_from", "")),
        ]
        for keyid, key in result.items()
    ]
    table(sorted(rows), ["OWNER", "KEY ID", "SINCE", "REVOKED AT", "DISPUTED FROM"])
    return 0


@keys.command
async def enrol(
    file: Annotated[Path, Parameter(help="The file of the key.")],
    *,
    officer: Annotated[str, Parameter(help="The officer who owns the key: name, or side/name.")],
    sign: Sign = (),
    passphrase: Passphrase = None,
    target: Target = EVERYWHERE,
) -> int:
    """Enter the key in FILE as an officer's, as an administrator of the side.

    Both keys sign. In a trial the host has the administrator's key.
    """
    seed = seed_of(file, passphrase)
    body = {
        "act": "key-addition",
        "officer": officer.rpartition("/")[2],
        "keys": [dsse.encode_base64(dsse.public_of(seed))],
    }
    recorded = await post_signed(
        target, body, [seed, *(seed_of(path, passphrase) for path in sign)]
    )
    say(
        f"the key {dsse.key_id(dsse.public_of(seed))} is {officer}'s "
        f"from position {recorded.position}"
    )
    return 0


@keys.command
async def admit(
    file: Annotated[Path, Parameter(help="The file from the page of keys.")],
    *,
    sign: Sign,
    passphrase: Passphrase = None,
    target: Target = EVERYWHERE,
) -> int:
    """Enter the key that an officer's browser has made.

    FILE comes from the page of keys. It was made out to you: --sign your own key. Ask
    the officer for the four words first. The page of keys shows those of the key in
    FILE.
    """
    try:
        raw = file.read_bytes()
        nesting.check(raw)
        enrolment = msgspec.json.decode(raw, type=Enrolment)
        act, _ = read_act(enrolment.act.encode(), cut=False)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, Malformed) as error:
        raise UsageError(f"{file} is not an entry from the page of keys: {error}") from None
    signatures = dict(part.split(":") for part in enrolment.signatures.split())
    mine = signature_headers(act, [seed_of(path, passphrase) for path in sign])
    signatures |= dict(
        zip(mine["Dragoman-Key-Id"].split(), mine["Dragoman-Signature"].split(), strict=True)
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
        f"the key {enrolment.key} ({' '.join(check_words(enrolment.key))}) "
        f"is {enrolment.officer}'s from position {recorded.position}"
    )
    return 0


@keys.command
async def revoke(
    key: Annotated[str, Parameter(help="The id of the key, or its file.")],
    *,
    suspect_from: Annotated[
        int | None,
        Parameter(help="If it was stolen: the first position that somebody else may have signed."),
    ] = None,
    reason: Annotated[str | None, Parameter(help="The reason, which is recorded.")] = None,
    sign: Sign = (),
    passphrase: Passphrase = None,
    target: Target = EVERYWHERE,
) -> int:
    """Revoke a key, which can then sign nothing more in the channel.

    It cannot be entered again. A key may revoke itself: --sign its own file. Its
    signatures stay valid. With --suspect-from every audit lists the later ones as
    disputed.
    """
    keyid = (
        dsse.key_id(dsse.public_of(seed_of(Path(key), passphrase))) if Path(key).exists() else key
    )
    body = (
        {"act": "key-revocation", "key": keyid}
        | ({} if suspect_from is None else {"suspect_from": suspect_from})
        | ({"reason": reason} if reason else {})
    )
    recorded = await post_signed(target, body, [seed_of(path, passphrase) for path in sign])
    say(f"{keyid} is revoked from position {recorded.position}")
    return 0


@keys.command
async def rotate(
    old: Annotated[Path, Parameter(help="The file of the old key.")],
    new: Annotated[Path, Parameter(help="The file of the new key.")],
    *,
    officer: Annotated[str, Parameter(help="The officer who owns the keys: name, or side/name.")],
    sign: Sign = (),
    passphrase: Passphrase = None,
    target: Target = EVERYWHERE,
) -> int:
    """Enter the key in NEW for an officer, and revoke the one in OLD.

    This takes an administrator of the side.
    """
    await enrol(new, officer=officer, sign=sign, passphrase=passphrase, target=target)
    return await revoke(
        str(old), reason="replaced", sign=sign, passphrase=passphrase, target=target
    )


Threshold = Annotated[int, Parameter(help="The number of root keys that must sign.")]


@keys.command(name="next-roots")
def next_roots(
    *files: Annotated[Path, Parameter(help="The files of the next root keys.")],
    threshold: Threshold = 1,
    passphrase: Passphrase = None,
) -> int:
    """Print the hash that announces the keys in FILES as next root keys.

    The keys then stay on paper until they are needed.
    """
    out(
        membership.roots_hash(
            threshold,
            [dsse.encode_base64(dsse.public_of(seed_of(path, passphrase))) for path in files],
        )
    )
    return 0


@keys.command(name="rotate-roots")
async def rotate_roots(
    *files: Annotated[Path, Parameter(help="The files of the new root keys.")],
    threshold: Threshold = 1,
    announce: Annotated[
        str,
        Parameter(help="The hash of the next root keys after these, from `keys next-roots`."),
    ] = "",
    sign: Sign = (),
    passphrase: Passphrase = None,
    target: Target = EVERYWHERE,
) -> int:
    """Replace your side's root keys by those in FILES, which sign as well.

    The token is that of SIDE/root. --sign has the old keys.
    """
    seeds = [seed_of(path, passphrase) for path in files]
    if not seeds or not sign:
        raise UsageError("name the files of the new root keys, and the old ones with --sign")
    body = {
        "act": "root-rotation",
        "roots": [dsse.encode_base64(dsse.public_of(seed)) for seed in seeds],
        "threshold": threshold,
    }
    recorded = await post_signed(
        target,
        body | ({"next_roots": announce} if announce else {}),
        [*seeds, *(seed_of(path, passphrase) for path in sign)],
    )
    say(
        f"{recorded.channel} has new root keys from position {recorded.position}; "
        "the old ones can sign nothing more"
    )
    return 0


@keys.command
async def binding(
    exchange: Annotated[str | None, Parameter(help="The exchange, by its number or id.")] = None,
    *,
    of_channel: Annotated[
        bool, Parameter(name="--of-channel", negative=(), help="For an act of the channel itself.")
    ] = False,
    target: Target = EVERYWHERE,
) -> int:
    """Print the members that a signature binds an act to, but for its type and id.

    The act is an opening, an act in EXCHANGE, or an act of the channel itself.
    """
    if exchange is not None and of_channel:
        raise UsageError(
            "an act of the channel itself is in no other exchange: "
            "leave out EXCHANGE or --of-channel"
        )
    async with connected(target) as caller:
        name = await channel_of(target, caller)
        id = "" if exchange is None else await caller.exchange_of(name, exchange)
        out_json(await context_of(caller, name, id, of_channel=of_channel))
    return 0
