"""Write docs/command-line.md from the commands themselves.

    .venv/bin/python docs/site/command_line.py

`make schemas` calls it, and a test fails if the page is stale. The page is the same on
every machine: it has no width of a terminal, and no path of a home directory.
"""

import inspect
import os
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from cyclopts import App

from dragoman.cli import EVERYBODY, GROUPS, app, common

PAGE: Final = Path(__file__).parents[1] / "command-line.md"

_HEAD: Final = """# Command line

After this page you know each command of `dragoman`, its arguments and options, and its exit \
codes. This page is generated (`make schemas`); `dragoman COMMAND --help` says the same.

- [How commands are called](#how-commands-are-called)
- [Common options](#common-options)
- [Exit codes](#exit-codes)
"""

_CALLING: Final = """
## How commands are called

- An argument has a place, and may be named as well: `dragoman show EXCHANGE` is \
`dragoman show --exchange EXCHANGE`.
- An option that ends in `…` may be repeated. An option without a value in the usage is a switch.
- `-` for a file is standard input. Data go to standard output, messages for people to standard \
error.
- `--help` explains any command, and `dragoman --version` prints the release.
- A command that calls a gateway uses the context that you chose with `dragoman context`, or the \
token that `dragoman token issue --save` has saved. Both are in `~/.config/dragoman`, or in \
`$XDG_CONFIG_HOME/dragoman`.
- `DRAGOMAN_PASSPHRASE_FILE` names the file with the passphrase of your key files.
- The settings of services are in [settings.md](settings.md), with their names in the environment.

## Common options

Commands that call a gateway have these options.

"""

_CODES: Final = """
## Exit codes

| code | meaning |
|---|---|
"""

_DEFAULT: Final = "Default: "
_COMMON: Final = {f"--{field.name.replace('_', '-')}" for field in fields(common.Target)}


def page() -> str:
    """Return the page."""
    commands = [(path, command) for path, command in _walk(app, ()) if command.show]
    lines = []
    by_title: dict[str, list[str]] = {}
    for path, command in commands:
        if len(path) == 1:
            line = f"- [`dragoman {path[0]}`](#{_anchor(path)}): {_summary(command)}"
            by_title.setdefault(_title(path[0]), []).append(line)
    for title, entries in by_title.items():
        lines += ["", f"{title}:", "", *entries]
    target = _arguments(app["state"])
    lines.append(_CALLING + "\n".join(_table([row for row in target if row.name in _COMMON])))
    lines.append(_CODES + "\n".join(f"| {code} | {text} |" for code, text in _codes()))
    for path, command in commands:
        lines += ["", *_section(path, command)]
    return _HEAD + "\n".join(lines) + "\n"


def _title(name: str) -> str:
    """Return the people who use a command."""
    titles = {of: title for title, rows in GROUPS.items() for of, _, _ in rows}
    return titles.get(name, EVERYBODY.name)


def _codes() -> Iterator[tuple[int, str]]:
    yield from sorted(common.EXIT_CODES.items())


def _walk(group: App, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], App]]:
    """Yield all commands below a group, with the words that call them."""
    for name in group:
        if not name.startswith("-"):
            command = group[name]
            yield (*path, name), command
            if command.show:
                yield from _walk(command, (*path, name))


def _arguments(command: App) -> list[Any]:
    """Return the arguments and options of a command, in the order of its signature."""
    if command.default_command is None:
        return []
    return [row for row in command.assemble_argument_collection() if row.show]


def _section(path: tuple[str, ...], command: App) -> Iterator[str]:
    """Yield the lines of one command."""
    yield f"{'#' * (len(path) + 1)} `dragoman {' '.join(path)}`"
    yield ""
    yield _paragraphs(command.help)
    rows = _arguments(command)
    if command.default_command is not None:
        yield from ("", "```", _usage(path, rows), "```")
    is_calling = {row.name for row in rows} >= _COMMON
    special = [row for row in rows if not (is_calling and row.name in _COMMON)]
    if special:
        yield from ("", *_table(special))
    if is_calling:
        yield from ("", f"{'Also the' if special else 'The'} [common options](#common-options).")


def _usage(path: tuple[str, ...], rows: list[Any]) -> str:
    """Return the call of a command: its arguments, and the options that it needs."""
    words = ["dragoman", *path]
    for row in rows:
        if row.index is not None:
            word = _place(row)
            words.append(word if row.required else f"[{word}]")
        elif row.required:
            words.append(_option(row))
    optional = any(row.index is None and not row.required for row in rows)
    return " ".join([*words, *(["[OPTIONS]"] if optional else [])])


def _table(rows: list[Any]) -> Iterator[str]:
    """Yield a table of arguments and options."""
    variables = any(row.parameter.env_var for row in rows)
    yield "| argument or option | meaning | default |" + " in the environment |" * variables
    yield "|---|---|---|" + "---|" * variables
    for row in rows:
        name = _place(row) if row.index is not None else _option(row)
        needed = "needed" if row.required else _default(row)
        last = ", ".join(f"`{variable}`" for variable in row.parameter.env_var or ())
        yield f"| `{name}` | {_meaning(row)} | {needed} |" + f" {last} |" * variables


def _place(row: Any) -> str:
    """Return the placeholder of an argument that has a place."""
    word = str(row.name).lstrip("-").upper()
    return f"{word}…" if row.is_var_positional() else word


def _option(row: Any) -> str:
    """Return an option with the placeholder of its value."""
    if row.is_flag():
        return str(row.name)
    pair = str(row.hint).startswith("tuple[str, str]")
    many = str(row.hint).startswith(("tuple", "list")) and not pair
    kind = " ".join([_kind(row)] * (2 if pair else 1))
    return f"{row.name} {kind}{'…' if many else ''}"


def _kind(row: Any) -> str:
    """Return the placeholder of a value."""
    hint = str(row.hint)
    if row.get_choices():
        return "CHOICE"
    return next(
        (word for part, word in (("Path", "PATH"), ("int", "NUMBER")) if part in hint), "TEXT"
    )


def _meaning(row: Any) -> str:
    """Return the help of an argument and its choices, without its default."""
    text = _cell(row.parameter.help or "").partition(_DEFAULT)[0].strip()
    if choices := row.get_choices():
        names = ", ".join(f"`{choice}`" for choice in choices)
        text = f"{text} One of {names}.".strip()
    return text


def _default(row: Any) -> str:
    """Return the default of an option, from its help or its signature.

    Empty for a switch, and for an option that has no default.
    """
    value = row.field_info.default
    if stated := _cell(row.parameter.help or "").partition(_DEFAULT)[2]:
        return stated.rstrip(".")
    if value is inspect.Parameter.empty or row.is_flag() or value in (None, "", ()):
        return ""
    return f"`{value}`"


def _paragraphs(text: str | None) -> str:
    """Return a docstring as paragraphs of one line each."""
    parts = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(re.sub(r"\s*\n\s*", " ", part) for part in parts)


def _summary(command: App) -> str:
    return _paragraphs(command.help).split("\n\n", maxsplit=1)[0]


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _anchor(path: tuple[str, ...]) -> str:
    """Return the anchor of a command's heading."""
    return "-".join(("dragoman", *path))


def main() -> None:
    """Write the page."""
    for name in [name for name in os.environ if name.startswith("DRAGOMAN_")]:
        del os.environ[name]
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
