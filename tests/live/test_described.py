"""The API does what its description says: every example is sent as it stands, and every answer is
one that is described.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any

from described import CALLERS, OPERATIONS, check
from service import INCIDENT, Answer, Caller

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"

# In this order, since what is made is read, changed and thrown away.
LAST = (
    "drop_draft",
    "erase_person",
    "erase_file",
    "revoke_token",
    "forget_subject",
    "revoke_link",
    "remove_endpoint",
    "remove_roster",
)
MADE = {
    "new_draft": "draft",
    "new_person": "person",
    "issue_token": "id",
    "new_link": "link",
    "new_endpoint": "endpoint",
}

STATIONS = ("take_cosignature", "list_parcels", "put_parcel", "fetch_parcel", "take_receipt")
"""Operations of stations alone; the callers here are officers."""


def example(operation: dict[str, Any]) -> tuple[Any, str]:
    """The body that an operation shows, and of which type it is."""
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return None, ""
    media = "text/plain" if "text/plain" in content else next(iter(content))
    body = content[media]["example"]
    return (body.encode() if isinstance(body, str) else body), media


async def test_every_example_is_taken_and_every_answer_is_described(who: Who) -> None:
    ids: dict[str, str] = {}
    etags: dict[str, str] = {}
    seen: dict[str, int] = {}

    async def begun(caller: Caller, url: str) -> Answer:
        """Open a stream, which has no end, and leave it."""
        async with caller.session.get(
            caller.service.base_url + url, headers=caller.headers
        ) as response:
            assert response.content_type == "text/event-stream"
            seen["stream_all"] = response.status
            return Answer(response.status, response.headers.copy(), b"")

    async def call(name: str, **headers: str) -> Answer:
        method, path, operation = OPERATIONS[name]
        given = {
            each["name"]: each["example"]
            for each in operation["parameters"]
            if each["in"] == "path"
        } | ids
        body, media = example(operation)
        sent = {"Content-Type": media} if media else {}
        for each in operation["parameters"]:
            if (
                each["in"] == "header"
                and each["name"] == "If-Match"
                and (tag := etags.get(path.rpartition("/release")[0] or path))
            ):
                sent["If-Match"] = tag
        caller = who(CALLERS.get(name, "nato/officer"))
        url = re.sub(r"{(\w+)}", lambda found: given[found[1]], path)
        if name == "stream_all":
            return await begun(caller, url)
        if method != "GET":
            answer = await (
                caller.post(url, body, **sent, **headers)
                if method == "POST"
                else caller.call(method, url, body, **sent, **headers)
            )
        else:
            answer = await caller.get(url, **headers)
        check(name, answer)
        seen[name] = answer.status
        return answer

    while (
        await who("nato/officer").get(f"{C}/log/checkpoint")
    ).status == 404:  # the demonstration has only just begun
        await asyncio.sleep(0.1)
    ids["exchange"] = (await call("post_opening")).json["exchange"]
    for name, of in MADE.items():
        answer = await call(name)
        ids[of] = answer.json["id"]
        if "ETag" in answer.headers:
            etags[
                next(path for _, path, _ in OPERATIONS.values() if path.endswith(f"{{{of}}}"))
            ] = answer.headers["ETag"]
        if of == "link":
            ids["secret"] = answer.json["path"].rpartition("/")[2]
    await call("put_file")
    for name in sorted(
        OPERATIONS,
        key=lambda name: (
            name in LAST,
            name == "release_draft",
            OPERATIONS[name][0] != "GET",
            name,
        ),
    ):
        if name not in seen:
            answer = await call(name)
            if name.startswith("change_"):
                etags[OPERATIONS[name][1]] = answer.headers["ETag"]
        if name == "release_draft":  # a draft that was released is no draft any more
            ids["draft"] = (await call("new_draft")).json["id"]
            etags["/v1/channels/{channel}/drafts/{draft}"] = (await call("show_draft")).headers[
                "ETag"
            ]
    refused = {name: status for name, status in seen.items() if status >= 400}
    # Another host's key, and nobody's handover; nothing has failed yet; an incident is no release and no transmittal; and
    # the demonstration has no OIDC provider, no channel with the cid of the example, nobody who has
    # a way to be reached, and nobody on duty at the time of the example.
    assert refused == {
        "open_channel": 422,
        "hand_over": 403,
        "enter_identity": 422,
        "show_identity": 404,
        "resend": 404,
        "show_release": 404,
        "show_members_bundle": 404,
        "show_transmittal": 404,
        "map_subject": 422,
        "forget_subject": 404,
        "show_notice": 404,
        "remove_way": 404,
        "confirm_test": 404,
        **dict.fromkeys(("show_outbox", "withdraw", "send_again"), 404),  # this is a host
        **dict.fromkeys(STATIONS, 403),
        "post_shift_change": 422,
    }
    assert seen.keys() == OPERATIONS.keys()


async def test_every_type_that_is_described_is_given(who: Who) -> None:
    opened = (await who("nato/duty_officer").open(INCIDENT)).json
    asked = {
        "act": "meeting-request",
        "purpose": "x",
        "windows": [{"from": "2027-01-11T08:00Z", "to": "2027-01-11T10:00Z"}],
    }
    meeting = (await who("nato/officer").open(asked)).json
    for name, (method, path, operation) in OPERATIONS.items():
        content = operation["responses"].get("200", {}).get("content", {})
        if method != "GET" or len(content) < 2 or "{sha256}" in path or "{position}" in path:
            continue
        for media in content:
            exchange = meeting["exchange"] if media == "text/calendar" else opened["exchange"]
            url = path.replace("{channel}", "nato-china").replace("{exchange}", exchange)
            if media == "text/event-stream":
                continue  # it has no end
            answer = await who("nato/duty_officer").get(url, Accept=media)
            assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (
                200,
                media,
            ), (name, answer.body)
            check(name, answer)


async def test_what_has_not_moved_is_not_sent_again(who: Who) -> None:
    officer = who("nato/officer")
    opened = await officer.open({"act": "contact-note", "form": "conversation", "text": "x"})
    exchange = f"{C}/exchanges/{opened.json['exchange']}"
    position = {"Dragoman_Min_Position": str(opened.json["position"])}
    for path in (f"{C}/exchanges", f"{C}/state", exchange, "/v1/openapi.json", "/v1/asyncapi.json"):
        first = await officer.get(path, **position)
        again = await officer.get(path, If_None_Match=f'"x", {first.headers["ETag"]}')
        assert (again.status, again.body, again.headers["ETag"]) == (
            304,
            b"",
            first.headers["ETag"],
        ), path
    tag = (await officer.get(exchange)).headers["ETag"]
    await who("china/officer").act(opened.json["exchange"], {"act": "acknowledgement"})
    assert (await officer.get(exchange, If_None_Match=tag)).status == 200
    assert (
        await officer.get(f"{C}/exchanges?overdue=any", If_None_Match="*")
    ).status == 200  # which depends on the time as well
