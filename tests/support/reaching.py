"""An exchange in which an act may be done next, made over the API from the table of formats and the
samples.

side, exchange = await Reaching(session, service).for_act("counter-account")      # ("china", "0197…")
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from beside import provided
from dragoman.domain.acts.act_registry import FORMATS, PATHS, RULES
from dragoman.domain.acts.act_rules import Format, Who
from samples import SAMPLES
from service import Caller, Gateway, still_to_come

CHANNEL: Final = "nato-china"
_OPENER, _OTHER = "nato", "china"

_PRIOR: Final = {
    "adoption": (
        "status-change scheduled",
        "status-change held",
        "status-change held other",
        "status-change deliverable_tabled",
    ),
    "agenda-agreement": ("agenda",),
    "readout-agreement": ("readout",),
    "amendment": ("agreement",),
    "amendment-agreement": ("agreement", "amendment"),
    "amendment-refusal": ("agreement", "amendment"),
    "consent-withdrawal": ("agreement", "amendment"),
    "translation-agreement": ("translation",),
    "translation-dispute": ("translation",),
    "fairness": ("restatement",),
    "help-acceptance": ("help-request", "help-offer"),
    "help-delivery": ("help-offer",),
    "assessment": ("reply",),
}
"""Acts that must stand in the exchange first, besides those that lead to its status."""

_BY_OTHERS: Final = {
    Who.OPENER,
    Who.CONVENER,
    Who.WATCH,
    Who.COURIER,
    Who.GATEWAY,
    Who.DESK,
    Who.STATION,
}
"""Actors whose acts are no step of a way: services, and the opener, who would end the matter."""

_BY_THE_OTHER: Final = ("help-offer", "fulfilment")
"""Acts that a rule lets the other side alone do, though the table allows them to both."""

_JOINING: Final = ("joinder", "joinder-agreement")
"""Acts about an earlier report of the other side."""

_FORM: Final = {
    "retraction": "hazardous-incident",
    "second-key": "launch-notice",
    **dict.fromkeys(
        ("amendment", "amendment-agreement", "amendment-refusal", "consent-withdrawal"),
        "roadmap-item",
    ),
}
"""The format in which an act has an occasion, where the table allows it in others too."""


@dataclass
class Reaching:
    """Opens exchanges and carries them on, as both sides' heads of office."""

    session: aiohttp.ClientSession
    service: Gateway
    channel: str = CHANNEL
    _heads: dict[str, Caller] = field(default_factory=dict)

    def caller(self, side: str, role: str = "head_of_office") -> Caller:
        """Return the API's caller for an officer of a side."""
        return Caller(self.session, self.service, f"{side}/{role}")

    async def for_act(self, act: str) -> tuple[str, str]:
        """Return the side that may do the act next, and the exchange."""
        form, path = _way_to(act)
        earlier = await self._reported() if act in _JOINING else ""
        exchange = await self._opened(form, act)
        if act == "joinder-agreement":
            body = {"act": "joinder", "of": earlier}
            answer = await self.caller(_OPENER).act(exchange, body, self.channel)
            assert answer.status == 201, answer.body
        for step in path:
            if step == "closure":  # by each side
                await self._carried_on(exchange, step, first=_OTHER)
            await self._second(exchange, await self._carried_on(exchange, step))
        for step in _PRIOR.get(act, ()):
            await self._carried_on(exchange, step)
        own = act in (
            "consent-withdrawal",
            "retraction",
            "help-acceptance",
            "fulfilment-confirmation",
            "fulfilment-dispute",
            "mechanism-resumption",
        )  # of whoever gave or stated it; was offered it; did not undertake it; suspended it
        for side in (_OPENER, _OTHER) if own else (_OTHER, _OPENER):
            if act in (await self._view(side, exchange))["allowed"]:
                return side, exchange
        raise AssertionError(f"nobody may do {act} in a {form.rule.act}")

    async def _opened(self, form: Format, act: str) -> str:
        name, head = form.rule.act, self.caller(_OPENER)
        body = still_to_come(await provided(head, SAMPLES[name]))
        if (name, act) == ("danger-area", "reconfirmation"):  # only of an area without an end
            body["window"] = {**body["window"], "to": "until_further_notice"}
        if (
            act == "second-key"
        ):  # due only where a duty officer alone has sent what takes two officers
            answer = await self.caller(_OPENER, "duty_officer").open(
                {**body, "phase": "deviation"}, self.channel
            )
        elif form.rule.two_key:
            channel = f"/v1/channels/{self.channel}"
            draft = (
                await self.caller(_OPENER, "officer").post(f"{channel}/drafts", {"act": body})
            ).json
            answer = await head.call(
                "POST", f"{channel}/drafts/{draft['id']}/release", If_Match=draft["etag"]
            )
        else:
            answer = await head.open(body, self.channel)
        assert answer.status == 201, answer.body
        return str(answer.json["exchange"])

    async def _reported(self) -> str:
        """Report an incident as the other side, and return the exchange."""
        body = still_to_come(SAMPLES["hazardous-incident"])
        answer = await self.caller(_OTHER).open(body, self.channel)
        assert answer.status == 201, answer.body
        return str(answer.json["exchange"])

    async def _second(self, exchange: str, sent: tuple[str, str]) -> None:
        """Add the second key to an act on one key, so that it leads to its status."""
        side, record = sent
        view = await self._view(side, exchange)
        if record in {each["id"] for each in view.get("one_key", ())}:
            body = {"act": "second-key", "of": record}
            answer = await self.caller(side, "officer").act(exchange, body, self.channel)
            assert answer.status == 201, answer.body

    async def _carried_on(self, exchange: str, act: str, first: str = "") -> tuple[str, str]:
        """Post an act as a side that may, and return the side and the record.

        The status of a `status-change`, and `other`, may follow its name.
        """
        act, *(status, by) = [*act.split(), "", ""][:3]
        by_other = act in _BY_THE_OTHER or by == "other" or first == _OTHER
        for side in (_OTHER, _OPENER) if by_other else (_OPENER, _OTHER):
            view = await self._view(side, exchange)
            if act in view["allowed"]:
                head = self.caller(side)
                body = still_to_come(
                    {
                        name: value
                        for name, value in SAMPLES[act].items()
                        if name not in ("of", "terms")
                    }
                )
                body |= {"status": status, "text": "A draft."} if status else {}
                relied = {"If_Match": view["etag"]} if RULES[act].consenting else {}
                answer = await head.act(exchange, body, self.channel, **relied)
                assert answer.status == 201, (act, answer.body)
                return side, str(answer.json["id"])
        raise AssertionError(f"nobody may do {act}")

    async def _view(self, side: str, exchange: str) -> Any:
        answer = await self.caller(side).get(f"/v1/channels/{self.channel}/exchanges/{exchange}")
        assert answer.status == 200, answer.body
        return {**answer.json, "etag": answer.headers["ETag"]}


def _way_to(act: str) -> tuple[Format, tuple[str, ...]]:
    """Return a format, and the shortest way of acts after which this act is allowed: rather in a
    format that one officer opens.
    """
    if act == "adoption":  # of what was tabled, which no move of the table leads to
        return FORMATS["roadmap-item"], ("agreement",)
    forms = [
        form
        for form in FORMATS.values()
        if act in form.moves and "official" in form.kinds and form.rule.family in PATHS.values()
    ]
    found = [
        (form.rule.two_key and act != "second-key", len(path), form.rule.act, path)
        for form in forms
        for path in _ways(form, act)
    ]
    found = [each for each in found if each[2] == _FORM.get(act, each[2])]
    _, _, name, path = min(found)
    return FORMATS[name], path


def _ways(form: Format, act: str) -> Iterator[tuple[str, ...]]:
    """Yield the shortest way from the start of a format's life to a status in which the act is
    allowed, if there is one.
    """
    waiting: deque[tuple[str, tuple[str, ...]]] = deque([(form.start, ())])
    seen = {form.start}
    while waiting:
        status, path = waiting.popleft()
        if status in form.moves[act]:
            yield path
            return
        for step, moves in form.moves.items():
            after = moves.get(status, status)
            if (
                after not in seen
                and RULES[step].who not in _BY_OTHERS
                and step != "amendment-agreement"  # there is no amendment to agree to
            ):
                seen.add(after)
                waiting.append((after, (*path, step)))
