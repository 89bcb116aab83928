"""Every format through the running service: its sample is posted, recorded as it was written, and
read back by the other side.
"""

from collections.abc import Callable

import pytest

from beside import provided
from dragoman.domain.acts.act_registry import FORMATS, PATHS
from identified import joined
from samples import SAMPLES
from service import NOTE, Caller, still_to_come

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"
SHARED = [name for name, form in FORMATS.items() if "official" in form.kinds]


@pytest.mark.parametrize("name", SHARED)
async def test_a_sample_is_recorded_as_it_was_written(name: str, who: Who) -> None:
    form, body = FORMATS[name], still_to_come(await provided(who("nato/officer"), SAMPLES[name]))
    where = next(path for path, family in PATHS.items() if family == form.rule.family)
    if form.rule.two_key:
        draft = (await who("nato/officer").post(f"{C}/drafts", {"act": body})).json
        kept = await who("nato/head_of_office").call(
            "POST", f"{C}/drafts/{draft['id']}/release", If_Match=draft["etag"]
        )
    else:
        kept = await who("nato/head_of_office").post(f"{C}/{where}", body)
    assert kept.status == 201, kept.body
    assert kept.json["number"].split("/")[4] == form.code
    other = who("china/officer")
    record = (await other.get(f"{C}/records/{kept.json['position']}")).json
    assert (record["type"], record["data"]) == (f"dragoman.{name}.v1", body)
    view = (
        await other.get(
            f"{C}/exchanges/{kept.json['exchange']}",
            Dragoman_Min_Position=str(kept.json["position"]),
        )
    ).json
    assert view["state"]["content"] == {
        member: value for member, value in body.items() if member != "act"
    }
    rows = (await other.get(f"{C}/exchanges?family={form.rule.family}&act={name}")).json[
        "exchanges"
    ]
    assert kept.json["exchange"] in [row["id"] for row in rows]


async def test_a_desk_channel_is_one_sides_own(who: Who) -> None:
    operator = who("operator")
    roles = {"o-1": "officer", "d-1": "duty_officer", "h-1": "head_of_office"}
    officers = [
        {"side": "nato", "officer": name, "office": "hq", "roles": [role]}
        for name, role in roles.items()
    ]
    opened = await operator.call(
        "POST",
        "/v1/channels",
        {"name": "nato-desk", "kind": "desk", "sides": ["nato"], "officers": officers},
    )
    assert opened.status == 201, opened.body
    token = (
        await operator.call("POST", "/v1/tokens", {"actor": "nato/o-1", "channels": ["nato-desk"]})
    ).json["token"]
    desk, bearer = "/v1/channels/nato-desk", {"Authorization": f"Bearer {token}"}
    for name in (name for name, form in FORMATS.items() if form.rule.family == "desk"):
        kept = await operator.post(f"{desk}/desk", still_to_come(SAMPLES[name]), **bearer)
        assert (kept.status, "number" in kept.json) == (201, False), kept.body
    refused = await operator.post(f"{desk}/contacts", NOTE, **bearer)
    assert refused.json["errors"][0]["pointer"] == "/act"
    assert (await who("china/officer").get(f"{desk}/exchanges")).status == 404
    matter = (await who("china/officer").open(NOTE)).json
    for about in (matter["number"], matter["exchange"]):
        task = await operator.post(f"{desk}/desk", {**SAMPLES["tasking"], "about": about}, **bearer)
        assert task.status == 201, task.body
    await joined(operator, "nato", "nato-china", "nato-desk")
    both = (
        await operator.call(
            "POST", "/v1/tokens", {"actor": "nato/o-1", "channels": ["nato-china", "nato-desk"]}
        )
    ).json["token"]
    bearer = {"Authorization": f"Bearer {both}"}
    view = (await operator.get(f"{desk}/exchanges/{task.json['exchange']}", **bearer)).json
    assert (view["about"]["channel"], view["about"]["number"]) == ("nato-china", matter["number"])
    shared = f"/v1/channels/nato-china/exchanges/{matter['exchange']}"
    assert [
        (link["channel"], link["act"])
        for link in (await operator.get(shared, **bearer)).json["desk"]
    ] == [("nato-desk", "tasking")] * 2
    for stranger in ("china/officer", "nato/duty_officer"):  # who is not of the desk
        assert "desk" not in (await who(stranger).get(shared)).json
