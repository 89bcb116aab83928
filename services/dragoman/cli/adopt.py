"""Commands of `dragoman adopt`: limits, a codebook, a witness policy or rules."""

from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from dragoman import __version__
from dragoman.cli.common import EVERYWHERE, Target, UsageError, read_input
from dragoman.cli.signature import Sign
from dragoman.cli.watch import post
from dragoman.domain.record import nesting
from dragoman_schemas.acts import rules_versions

adopt = App(
    name="adopt",
    help="Adopt a profile of limits, a codebook, a policy of witnesses or a version of the rules, "
    "as an administrator.",
)


@adopt.command
async def profile(
    name: Literal["default", "vienna", "shanghai"],
    *,
    line_check: Annotated[
        str | None,
        Parameter(help="A JSON file with the schedule of line checks: at, zone, sent_by, from."),
    ] = None,
    sign: Sign = (),
    target: Target = EVERYWHERE,
) -> int:
    """Adopt a profile of limits.

    The limits bind when every side has adopted the same profile.
    """
    body: dict[str, Any] = {"act": "profile-adoption", "profile": name}
    if line_check is not None:
        try:
            body["line_check"] = nesting.decode(read_input(line_check), dict)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{line_check} is not a JSON object: {error}") from None
    await post(target, body, sign)
    return 0


@adopt.command
async def codebook(
    name: Annotated[str, Parameter(help="The name of the codebook.")] = "starter",
    version: Annotated[int, Parameter(help="The version of the codebook.")] = 1,
    *,
    sign: Sign = (),
    target: Target = EVERYWHERE,
) -> int:
    """Adopt a version of a codebook of coded messages."""
    await post(target, {"act": "codebook-adoption", "codebook": name, "version": version}, sign)
    return 0


@adopt.command
async def policy(
    file: Annotated[
        str,
        Parameter(
            allow_leading_hyphen=True,
            help="A C2SP tlog-policy without its `log` line, or `-` for standard input.",
        ),
    ],
    *,
    sign: Sign = (),
    target: Target = EVERYWHERE,
) -> int:
    """Adopt a policy of witnesses, whose cosignatures make a record final.

    It is in force once every side has adopted the same policy.
    """
    await post(target, {"act": "policy-adoption", "policy": read_input(file).decode()}, sign)
    return 0


@adopt.command
async def rules(
    number: Annotated[int, Parameter(help="The version of the rules, a whole number.")],
    *,
    release: Annotated[
        str | None,
        Parameter(
            help="The first release that has this version, for readers that lack it. By default "
            "the release of this program."
        ),
    ] = None,
    sign: Sign = (),
    target: Target = EVERYWHERE,
) -> int:
    """Adopt a version of the rules.

    It is in force once every side has adopted it, and a program that lacks it reads no
    further. The version in force takes an adoption back that is not in force yet.
    """
    if release is None and number not in rules_versions.ACTS:
        raise UsageError(
            f"this program has rules 1 to {rules_versions.NEWEST}; install the release that has "
            f"rules {number}, or name it with --release"
        )
    body = {"act": "rules-adoption", "rules": number, "release": release or __version__}
    await post(target, body, sign)
    return 0
