"""Mutants of what is data: the columns of every act, the lives of the formats, the limits of the
profiles, and the constants.

They are changed in place in a child process, so that whoever refers to them sees the change.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from itertools import chain
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, get_args

from msgspec.structs import fields, force_setattr

from bodies import AT_IMPORT
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.act_rules import Format, Rule, Who
from dragoman.domain.acts.families import opening
from dragoman_schemas.act_frame import Area, Precedence
from dragoman_schemas.acts.continuing import Acknowledgement
from dragoman_schemas.acts.office.channel import Role
from dragoman_schemas.profiles import DAY, PROFILES, Ladder, Profile
from mutant import Mutant, module_of

_FLAGS: Final = ("two_key", "silent", "consenting", "message", "acknowledges", "answers", "kept")
_SIDES: Final = (
    Who.ANY,
    Who.OPENER,
    Who.OTHER,
    Who.PARTY,
    Who.CONVENER,
    Who.ADDRESSEE,
    Who.ADDRESSED,
)
_KINDS: Final = ("official", "track2", "exercise", "desk")
_TABLES: Final = ("RULES", "FORMATS", "SHAPES", "PROFILES", "CODEBOOKS", "UTC")
_PLAIN: Final = Rule(act="", shape=next(iter(RULES.values())).shape, who=Who.ANY)
"""A rule of which nothing is said, for the functions that stand where no other was given."""

_NOTHING: Final = Acknowledgement()


def of() -> Iterator[Mutant]:
    """All of them."""
    for rule in RULES.values():
        yield from _of_rule(rule)
    for form in FORMATS.values():
        yield from _of_life(form)
        yield from _of_format(form)
    for profile in PROFILES.values():
        yield from _of_profile(profile)


def _set(target: object, column: str, value: object) -> Callable[[], None]:
    def apply() -> None:
        opening._prepared.cache_clear()
        object.__setattr__(target, column, value)

    return apply


# Rules


def _of_rule(rule: Rule) -> Iterator[Mutant]:
    for column, value, what in chain(_columns(rule), _who(rule), _functions(rule)):
        yield Mutant(
            part="rules",
            what=f"{rule.act}: {column} {what}",
            touches=(f"act {rule.act}",),
            apply=_set(rule, column, value),
        )


def _columns(rule: Rule) -> Iterator[tuple[str, object, str]]:
    for column in _FLAGS:
        yield column, not getattr(rule, column), str(not getattr(rule, column))
    for kind in ("", "O", "C", "X"):
        if kind != rule.numbered:
            yield "numbered", kind, f"{kind!r} instead of {rule.numbered!r}"
    if rule.numbered:
        yield "code", "" if rule.code else "N99", "another one"
    yield "version", rule.version + 1, "one more"
    if rule.family in ("contact", "meeting", "notification", "dialogue", "desk"):
        yield "family", "dialogue" if rule.family != "dialogue" else "contact", "another one"


def _who(rule: Rule) -> Iterator[tuple[str, object, str]]:
    for who in (Who.KEEPERS, Who.GATEWAY) if rule.family == "channel" else _SIDES:
        if who is not rule.who:
            yield "who", who, f"{who.value} instead of {rule.who.value}"
    if rule.who in (*_SIDES, Who.KEEPERS):
        for role in get_args(Role):
            yield (
                "roles",
                rule.roles ^ {role},
                f"{'without' if role in rule.roles else 'and'} {role}",
            )


def _functions(rule: Rule) -> Iterator[tuple[str, object, str]]:
    for column in ("check", "evolve", "settle"):
        if getattr(rule, column).__name__ != "<lambda>":
            yield column, getattr(_PLAIN, column), "left out"
    if rule.two_key:
        yield "one_key", lambda data, time: True, "always"
        if rule.one_key.__name__ != "<lambda>":
            yield "one_key", lambda data, time: False, "never"


# Formats


def _statuses(form: Format) -> list[str]:
    reached = chain.from_iterable(
        chain(moves.keys(), moves.values()) for moves in form.moves.values()
    )
    return list(dict.fromkeys((form.start, *reached, *chain.from_iterable(form.changes.values()))))


def _of_life(form: Format) -> Iterator[Mutant]:
    statuses = _statuses(form)

    def moved(act: str, before: str, after: str | None, what: str) -> Mutant:
        row = {**form.moves.get(act, {}), before: after}
        moves = {**form.moves, act: {key: value for key, value in row.items() if value is not None}}
        return Mutant(
            part="lives",
            what=f"{form.rule.act}: {act} {what}",
            touches=(f"format {form.rule.act}",),
            apply=_set(form, "moves", moves),
        )

    for act, rule in RULES.items():
        if rule.family is not None:
            continue
        row = form.moves.get(act, {})
        for before in statuses:
            if before in row:
                yield moved(act, before, None, f"no longer in {before}")
                other = next(
                    status
                    for status in (*statuses[statuses.index(row[before]) + 1 :], *statuses)
                    if status != row[before]
                )
                yield moved(act, before, other, f"in {before} → {other} instead of {row[before]}")
            elif row or before == form.start:
                yield moved(act, before, before, f"in {before} as well")
    for before in statuses:
        for after in form.changes.get(before, ()):
            rest = tuple(status for status in form.changes[before] if status != after)
            yield _of_changes(
                form,
                {**form.changes, before: rest},
                f"status-change from {before} no longer to {after}",
            )
        for after in statuses if form.changes else ():
            if after not in form.changes.get(before, ()):
                more = (*form.changes.get(before, ()), after)
                yield _of_changes(
                    form,
                    {**form.changes, before: more},
                    f"status-change from {before} to {after} as well",
                )


def _of_changes(form: Format, changes: Mapping[str, tuple[str, ...]], what: str) -> Mutant:
    return Mutant(
        part="lives",
        what=f"{form.rule.act}: {what}",
        touches=(f"format {form.rule.act}",),
        apply=_set(form, "changes", changes),
    )


def _of_format(form: Format) -> Iterator[Mutant]:
    def changed(column: str, value: object, what: str) -> Mutant:
        touches = (f"format {form.rule.act}",)
        return Mutant(
            part="formats",
            what=f"{form.rule.act}: {column} {what}",
            touches=touches,
            apply=_set(form, column, value),
        )

    for status in _statuses(form):
        if status != form.start:
            yield changed("start", status, status)
    yield changed("code", "N99", "N99")
    for area in get_args(Area):
        if area != form.area:
            yield changed("area", area, area)
    for name, value in form.defaults.items():
        yield changed(
            "defaults",
            {key: each for key, each in form.defaults.items() if key != name},
            f"without {name}",
        )
        yield changed("defaults", {**form.defaults, name: "0"}, f"{name} 0 instead of {value}")
    for precedence in get_args(Precedence):
        if not (
            form.precedence.__name__ == "<lambda>" and form.precedence(_NOTHING, "") == precedence
        ):
            yield changed("precedence", _always(precedence), f"always {precedence}")
    for kind in _KINDS:
        yield changed(
            "kinds", form.kinds ^ {kind}, f"{'without' if kind in form.kinds else 'and'} {kind}"
        )
    yield changed("copied_to_all", not form.copied_to_all, str(not form.copied_to_all))
    yield changed(
        "notice", {} if form.notice else {"en": "x"}, "left out" if form.notice else "something"
    )
    if form.begun is not None:
        yield changed("begun", None, "left out")
    yield changed("title", lambda data: "", "empty")


def _always(precedence: Precedence) -> Callable[[object, str], Precedence]:
    return lambda data, time: precedence


# Limits


def _of_profile(profile: Profile) -> Iterator[Mutant]:
    for name, value in ((field.name, getattr(profile, field.name)) for field in fields(profile)):
        if isinstance(value, int):
            for other in _limits_beside(value):
                yield _of_limit(profile, profile, name, other)
        elif isinstance(value, dict):
            for key, given in value.items():
                for other in _limits_beside(given):
                    yield _of_limit(profile, profile, name, {**value, key: other}, f"{key} {other}")
        elif isinstance(value, Ladder):
            yield _of_limit(profile, profile, name, None)
            for rung in fields(value):
                for other in _limits_beside(getattr(value, rung.name)):
                    yield _of_limit(profile, value, rung.name, other)


def _limits_beside(given: int | tuple[int, ...] | None) -> list[object]:
    """Other limits than the one that is given: seconds, a day of some year, or none."""
    if isinstance(given, tuple):
        return [(*given[:at], each + 1, *given[at + 1 :]) for at, each in enumerate(given)]
    return [DAY] if given is None else [given - 1, given + 1, given * 2]


def _of_limit(
    profile: Profile, target: Profile | Ladder, name: str, value: object, what: object = None
) -> Mutant:
    return Mutant(
        part="limits",
        what=f"{profile.name}: {name} {value if what is None else what}",
        touches=(f"profile {profile.name}",),
        apply=lambda: force_setattr(target, name, value),
    )


# Constants


def constants(names: list[str]) -> Iterator[Mutant]:
    """Mutants of the constants of some modules: a member of a set less, another number."""
    modules = {name: import_module(module_of(name)) for name in ("act_rules", "exchange", *names)}
    read = {name for module in modules.values() for name in _read_by_functions(module)}
    seen = set()
    for part, module in modules.items():
        for name, value in list(vars(module).items()):
            if (
                not name.isupper()
                or name in _TABLES
                or name not in read
                or (name, id(value)) in seen
            ):
                continue
            seen.add((name, id(value)))
            touches = tuple(
                f"{other}.*" for other, holder in modules.items() if vars(holder).get(name) is value
            )
            for what, other in _others(value):
                apply = _rebound(list(modules.values()), name, value, other)
                yield Mutant(
                    part="constants", what=f"{part}.{name}: {what}", touches=touches, apply=apply
                )


def _read_by_functions(module: ModuleType) -> Iterator[str]:
    """The names that functions read when they run; whatever else there is went into the tables at
    import.
    """
    functions = [
        getattr(function, "__wrapped__", function)
        for held in (module, *(each for each in vars(module).values() if isinstance(each, type)))
        for function in vars(held).values()
        if callable(function)
    ]
    codes = [
        each.__code__
        for each in functions
        if isinstance(each, FunctionType) and _full_name(each) not in AT_IMPORT
    ]
    while codes:
        code = codes.pop()
        yield from code.co_names
        codes += [each for each in code.co_consts if isinstance(each, CodeType)]


def _full_name(function: FunctionType) -> str:
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"


def _others(value: Any) -> Iterator[tuple[str, object]]:
    match value:
        case bool():
            return
        case int() | float():
            yield f"{value} + 1", value + 1
            yield f"{value} - 1", value - 1
        case str():
            yield f"nothing instead of {value}", ""
        case frozenset():
            for member in sorted(value):
                yield f"without {member}", value - {member}
        case tuple():
            for index, member in enumerate(value):
                yield f"without {member}", value[:index] + value[index + 1 :]
                for what, other in _others(member):
                    yield what, (*value[:index], other, *value[index + 1 :])
        case dict():
            for key, member in value.items():
                yield f"without {key}", {each: kept for each, kept in value.items() if each != key}
                for what, other in _others(member):
                    yield f"{key} {what}", {**value, key: other}


def _rebound(
    modules: list[ModuleType], name: str, value: object, other: object
) -> Callable[[], None]:
    def apply() -> None:
        opening._prepared.cache_clear()
        for module in modules:
            if vars(module).get(name) is value:
                setattr(module, name, other)
        for rule in RULES.values():
            if rule.roles is value:
                object.__setattr__(rule, "roles", other)

    return apply
