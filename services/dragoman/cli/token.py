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
from dragoman_schemas.host_responses import IssuedToken, Subjects, SubjectView, Tokens, TokenView

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
        answer = await caller.call("POST", "/v1/tokens", msgspec.json.encode(request))
        address = caller.base_url
    issued = answer.of("token", IssuedToken)
    if save:
        write_secret(home() / "token", f"{issued.token}\n".encode())
        write_secret(home() / "server", f"{address}\n".encode())
        say(f"saved in {home()}; `dragoman post` now speaks as {actor}")
    if target.json:
        out_json(answer.body)
    elif not save:
        out(issued.token)
        ends = issued.expires
        say(
            f"token {issued.id} speaks for {actor} in {_scope(issued)}, "
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


def _scope(granted: TokenView | SubjectView) -> str:
    """Return the channels of a grant in words."""
    if granted.identity:
        return f"every channel of {granted.identity}"
    return ", ".join(granted.channels)


@token.command(name="list")
async def token_list(*, target: Target = EVERYWHERE) -> int:
    """List the tokens in force."""
    async with connected(target, operator=True) as caller:
        answer = await caller.call("GET", "/v1/tokens")
    tokens = answer.of("list of tokens", Tokens).tokens
    if target.json:
        out_json(tokens)
    else:
        rows = [
            [
                entry.id,
                entry.actor,
                _scope(entry),
                entry.scope,
                entry.issued,
                entry.expires or "never",
                entry.label,
            ]
            for entry in tokens
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
        answer = await caller.call("POST", "/v1/subjects", msgspec.json.encode(request))
    mapped = answer.of("subject", SubjectView)
    if target.json:
        out_json(answer.body)
    else:
        out(mapped.id)
        say(f"{subject} speaks for {actor} in {_scope(mapped)}")
    return 0


@subject.command(name="list")
async def subject_list(*, target: Target = EVERYWHERE) -> int:
    """List the mapped subjects."""
    async with connected(target, operator=True) as caller:
        answer = await caller.call("GET", "/v1/subjects")
    subjects = answer.of("list of subjects", Subjects).subjects
    if target.json:
        out_json(subjects)
    else:
        rows = [
            [entry.id, entry.subject, entry.actor, _scope(entry), entry.scope, entry.issued]
            for entry in subjects
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
