"""Commands of `dragoman token` and `subject`: who may call, as the operator says."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from cyclopts import App, Parameter

from dragoman.cli.common import (
    EVERYWHERE,
    Target,
    connected,
    home,
    out,
    out_json,
    say,
    table,
)
from dragoman.eventlog.broker import write_secret

token = App(name="token", help="Issue and revoke tokens, as the operator.")


subject = App(
    name="subject", help="Map the subjects of an OIDC provider to officers, as the operator."
)


Also = Annotated[
    tuple[str, ...],
    Parameter(negative=(), help="A further channel of the same side; may be repeated."),
]
Identity = Annotated[
    str | None, Parameter(help="The identity of the side, where its name means several sides.")
]
Wherever = Annotated[
    bool,
    Parameter(negative=(), help="In every channel in which the side is the same identity."),
]


@token.command
async def issue(
    actor: Annotated[str, Parameter(help="The officer, as SIDE/OFFICER.")],
    *,
    save: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Save it with the gateway's address, as your own token on this machine.",
        ),
    ] = False,
    label: Annotated[str | None, Parameter(help="A note for the list of tokens.")] = None,
    scope: Annotated[
        Literal["act", "read"], Parameter(help="read: the token cannot post.")
    ] = "act",
    expires: Annotated[
        str | None,
        Parameter(help="The end, like 2027-01-01T00:00Z. Default: after [tokens] default_days."),
    ] = None,
    also: Also = (),
    identity: Identity = None,
    wherever: Wherever = False,
    target: Target = EVERYWHERE,
) -> int:
    """Issue a token to an officer, and print it once.

    It is for --channel and each --also, or for the only channel that the officer is in.
    With --wherever it is for every channel in which the officer's side is the same
    identity, now and later.
    """
    request = (
        _grant_of(target, actor, also, identity, wherever=wherever)
        | {"scope": scope}
        | ({"label": label} if label else {})
        | ({"expires": expires} if expires else {})
    )
    async with connected(target, operator=True) as caller:
        issued = (await caller.call("POST", "/v1/tokens", msgspec.json.encode(request))).json()
        address = caller.base_url
    if save:
        write_secret(home() / "token", f"{issued['token']}\n".encode())
        write_secret(home() / "server", f"{address}\n".encode())
        say(f"saved in {home()}; `dragoman post` now speaks as {actor}")
    if target.json:
        out_json(issued)
    elif not save:
        out(issued["token"])
        ends = issued.get("expires", "")
        say(
            f"token {issued['id']} speaks for {actor} in {_scope(issued)}, "
            f"{f'until {ends}' if ends else 'without an end'}; it is not shown again"
        )
    return 0


def _grant_of(
    target: Target, actor: str, also: tuple[str, ...], identity: str | None, *, wherever: bool
) -> dict[str, Any]:
    channels = [] if wherever else [*([target.channel] if target.channel else []), *also]
    return {
        "actor": actor,
        "channels": list(dict.fromkeys(channels)),
        "wherever": wherever,
        **({"identity": identity} if identity else {}),
    }


def _scope(issued: dict[str, Any]) -> str:
    """Return the channels of a grant in words."""
    if issued.get("identity"):
        return f"every channel of {issued['identity']}"
    return ", ".join(issued["channels"])


@token.command(name="list")
async def token_list(*, target: Target = EVERYWHERE) -> int:
    """List the tokens in force."""
    async with connected(target, operator=True) as caller:
        tokens = (await caller.call("GET", "/v1/tokens")).json()["tokens"]
    if target.json:
        out_json(tokens)
    else:
        rows = [
            [
                t["id"],
                t["actor"],
                _scope(t),
                t.get("scope", "act"),
                t["issued"],
                t.get("expires", "never"),
                t.get("label", ""),
            ]
            for t in tokens
        ]
        table(rows, ["TOKEN", "SPEAKS FOR", "CHANNELS", "SCOPE", "ISSUED", "EXPIRES", "LABEL"])
    return 0


@token.command(name="revoke")
async def token_revoke(
    id: Annotated[str, Parameter(help="The id of the token, as `token list` prints it.")],
    *,
    target: Target = EVERYWHERE,
) -> int:
    """Revoke a token by its id."""
    async with connected(target, operator=True) as caller:
        await caller.call("DELETE", f"/v1/tokens/{quote(id)}")
    say(f"token {id} is revoked")
    return 0


@subject.command(name="add")
async def subject_add(
    subject: Annotated[str, Parameter(help="The `sub` of the provider's access tokens.")],
    actor: Annotated[str, Parameter(help="The officer, as SIDE/OFFICER.")],
    *,
    scope: Annotated[Literal["act", "read"], Parameter(help="read: it cannot post.")] = "act",
    also: Also = (),
    identity: Identity = None,
    wherever: Wherever = False,
    target: Target = EVERYWHERE,
) -> int:
    """Let a subject of the provider speak for an officer.

    It does so with access tokens and at the pages: in --channel and each --also, or in
    the only channel that the officer is in. With --wherever it does so in every channel
    of the officer's side.
    """
    request = _grant_of(target, actor, also, identity, wherever=wherever) | {
        "subject": subject,
        "scope": scope,
    }
    async with connected(target, operator=True) as caller:
        mapped = (await caller.call("POST", "/v1/subjects", msgspec.json.encode(request))).json()
    if target.json:
        out_json(mapped)
    else:
        out(mapped["id"])
        say(f"{subject} speaks for {actor} in {_scope(mapped)}")
    return 0


@subject.command(name="list")
async def subject_list(*, target: Target = EVERYWHERE) -> int:
    """List the mapped subjects."""
    async with connected(target, operator=True) as caller:
        subjects = (await caller.call("GET", "/v1/subjects")).json()["subjects"]
    if target.json:
        out_json(subjects)
    else:
        rows = [
            [
                s["id"],
                s["subject"],
                s["actor"],
                _scope(s),
                s.get("scope", "act"),
                s["issued"],
            ]
            for s in subjects
        ]
        table(rows, ["ID", "SUBJECT", "SPEAKS FOR", "CHANNELS", "SCOPE", "MAPPED"])
    return 0


@subject.command(name="remove")
async def subject_remove(
    id: Annotated[str, Parameter(help="The id of the mapping, as `subject list` prints it.")],
    *,
    target: Target = EVERYWHERE,
) -> int:
    """Remove a subject by its id.

    Its access tokens then speak for nobody, and its sessions end.
    """
    async with connected(target, operator=True) as caller:
        await caller.call("DELETE", f"/v1/subjects/{quote(id)}")
    say(f"subject {id} is forgotten")
    return 0
