"""Channels that a test opens on a running service, with people of its own names.

talks = Talks(session, service)
await talks.open("official", ("nato", "china"))
talks.who("nato/officer")        a caller, as of the demonstration
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.families.release import NAMING, extract
from dragoman.tlog import note
from patience import PATIENCE_S
from service import Answer, Caller, Gateway, at_a_screen

ROLES = {
    "officer": "o-1",
    "duty_officer": "d-1",
    "head_of_office": "h-1",
    "auditor": "a-1",
    "administrator": "adm-1",
}


@dataclass
class Talks:
    """A service with the channels that a test has opened on it, and everybody's token."""

    session: aiohttp.ClientSession
    service: Gateway
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """The address of the service."""
        return self.service.base_url

    @property
    def operator(self) -> str:
        """The operator's token."""
        return self.service.operator

    def token(self, name: str) -> str:
        """Return somebody's token, by side and role."""
        return self.tokens[name]

    def who(self, name: str = "") -> Caller:
        """Return a caller by side and role, the operator, or nobody."""
        return Caller(self.session, self, name)  # type: ignore[arg-type]  # it has what a caller asks

    async def open(
        self,
        channel: str,
        sides: Sequence[str],
        *,
        names: Mapping[str, str] | None = None,
        profile: str = "default",
        **more: Any,
    ) -> None:
        """Open a channel, give everybody a token, and let every full side adopt a profile.

        `names` are the names of officers by role, where they are not the usual ones.
        """
        people = {**ROLES, **(names or {})}
        body = {
            "name": channel,
            "sides": [*sides],
            "officers": [
                {"side": side, "officer": name, "office": "hq", "roles": [role]}
                for side in sides
                for role, name in people.items()
            ],
            **more,
        }
        operator = self.who("operator")
        answer = await operator.call("POST", "/v1/channels", body)
        assert answer.status == 201, answer.body
        for side in sides:
            for role, name in people.items():
                grant = {"actor": f"{side}/{name}", "channels": [channel]}
                answer = await operator.post("/v1/tokens", grant)
                assert answer.status == 201, answer.body
                self.tokens[f"{side}/{role}"] = answer.json["token"]
        for side in [side for side in sides if side not in more.get("observers", ())]:
            adoption = {"act": "profile-adoption", "profile": profile}
            await self.post(f"{side}/administrator", f"/v1/channels/{channel}/channel", adoption)

    async def post(self, name: str, path: str, body: Any) -> Any:
        """Post something that must be taken, and return the answer."""
        answer = await self.who(name).post(path, body)
        assert answer.status < 300, (body, answer.body)
        return answer.json

    async def opens(self, name: str, channel: str, body: dict[str, Any]) -> Any:
        """Open an exchange."""
        return (await self.who(name).open(body, channel)).json

    async def does(self, name: str, channel: str, exchange: str, body: dict[str, Any]) -> Any:
        """Carry an exchange on, as it stands now."""
        caller, headers = self.who(name), {}
        if RULES[body["act"]].consenting:
            view = await caller.get(f"/v1/channels/{channel}/exchanges/{exchange}")
            headers["If_Match"] = view.headers["ETag"]
        answer = await caller.act(exchange, body, channel, **headers)
        assert answer.status == 201, (body, answer.body)
        return answer.json

    async def by_two(
        self, side: str, channel: str, body: dict[str, Any], exchange: str = ""
    ) -> Any:
        """Post an act as a side's officer, released by its duty officer."""
        path = f"/v1/channels/{channel}"
        officer, etag = self.who(f"{side}/officer"), ""
        if exchange:
            view = await officer.get(f"{path}/exchanges/{exchange}")
            etag = view.headers["ETag"].strip('"')
        draft = {"act": body, "exchange": exchange, "if_match": etag}
        kept = await officer.post(f"{path}/drafts", draft)
        assert kept.status == 201, kept.body
        sent = await self.who(f"{side}/duty_officer").call(
            "POST", f"{path}/drafts/{kept.json['id']}/release", If_Match=kept.headers["ETag"]
        )
        assert sent.status == 201, sent.body
        return sent.json

    # Releases for the members

    async def extracts(self, name: str, channel: str, records: Sequence[Any]) -> list[Any]:
        """Return the items of a release for the members, of these records of a channel."""
        items = []
        for record in records:
            path = f"/v1/channels/{channel}/records/{record['position']}"
            act = json.loads((await self.who(name).get(path)).body)["data"]
            raw = json.dumps(act, ensure_ascii=False, separators=(",", ":")).encode()
            digest = hashlib.sha256(extract(raw, NAMING)).hexdigest()
            items.append(
                {name: record[of] for name, of in _OF_RECORD.items()}
                | {"without": [*NAMING], "extract": digest}
            )
        return items

    async def bundle(
        self, sides: Sequence[str], channel: str, title: str, records: Sequence[Any]
    ) -> Answer:
        """Release records for the members, with the consent of every side; the bundle."""
        first, *others = sides
        body = {
            "act": "release",
            "title": title,
            "records": await self.extracts(f"{first}/officer", channel, records),
            "publish_at": "2026-01-01T00:00:00Z",
            "audience": "members",
        }
        id = (await self.by_two(first, channel, body))["exchange"]
        consent = {"act": "release-consent"}
        for side in others:
            terms = await self.who(f"{side}/officer").terms(id, consent, channel)
            await self.by_two(side, channel, consent | {"terms": terms}, id)
        return await self.taken(f"{sides[-1]}/officer", channel, id)

    async def taken(self, name: str, channel: str, release: str) -> Answer:
        """Return the bundle of a release, once its newest records are signed."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                path = f"/v1/channels/{channel}/releases/{release}/bundle"
                answer = await self.who(name).get(path)
                if answer.status == 200:
                    return answer
                assert answer.status in (404, 503), answer.body
                await asyncio.sleep(0.1)

    async def attached(self, name: str, channel: str, content: bytes, title: str) -> Any:
        """Put a JSON file beside the log, and return what an act says of it."""
        digest = hashlib.sha256(content).hexdigest()
        path = f"/v1/channels/{channel}/files/{digest}"
        caller = self.who(name)
        answer = await caller.call("PUT", path, content, Content_Type="application/json")
        assert answer.status in (200, 201), answer.body
        return {
            "sha256": digest,
            "media_type": "application/json",
            "bytes": len(content),
            "title": title,
        }

    # Pages, and the command line

    async def page(self, name: str, path: str, language: str = "en") -> str:
        """Return a page as somebody sees it."""
        headers = await at_a_screen(self.session, self, name, language)  # type: ignore[arg-type]
        async with self.session.get(self.base_url + path, headers=headers) as answer:
            text = await answer.text()
            assert answer.status == 200, text[:2_000]
            return text

    def audit(
        self, name: str, channel: str, command: str, *arguments: str, check: int | None = 0
    ) -> Any:
        """Return the answer of an audit command about a channel, as JSON."""
        file = self.service.data.parent / f"{name.replace('/', '-')}.token"
        file.write_text(self.tokens[name])
        where = ("--channel", channel, "--token-file", str(file))
        done = self.service.run("audit", command, *arguments, *where, "--json", check=check)
        return json.loads(done.stdout)

    async def log_key(self, name: str, channel: str) -> note.Verifier:
        """Return the key of a channel's log."""
        return note.read_verifier((await self.who(name).get(f"/v1/channels/{channel}")).json["log"])


_OF_RECORD = {"record": "id", "exchange": "exchange", "commit": "commit"}
