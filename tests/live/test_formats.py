"""Every format through the running service: its sample is posted, recorded as it was written, and read back by the other side."""

from collections.abc import Callable

import pytest

from beside import provided
from dragoman.domain.table import FORMATS, PATHS
from samples import SAMPLES
from service import Caller

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"
SHARED = [name for name, form in FORMATS.items() if "official" in form.kinds]


@pytest.mark.parametrize("name", SHARED)
async def test_a_sample_is_recorded_as_it_was_written(name: str, who: Who) -> None:
    form, body = FORMATS[name], await provided(who("nato/officer"), SAMPLES[name])
    where = next(path for path, family in PATHS.items() if family == form.rule.family)
    if form.rule.two_key:
        draft = (await who("nato/officer").post(f"{C}/drafts", {"act": body})).json
        kept = await who("nato/head_of_office").call("POST", f"{C}/drafts/{draft['id']}/release", If_Match=draft["etag"])
    else:
        kept = await who("nato/head_of_office").post(f"{C}/{where}", body)
    assert kept.status == 201, kept.body
    assert kept.json["number"].split("/")[4] == form.code
    other = who("china/officer")
    record = (await other.get(f"{C}/records/{kept.json['position']}")).json
    assert (record["type"], record["data"]) == (f"dragoman.{name}.v1", body)
    view = (await other.get(f"{C}/exchanges/{kept.json['exchange']}", Dragoman_Min_Position=str(kept.json["position"]))).json
    assert view["state"]["content"] == {member: value for member, value in body.items() if member != "act"}
    rows = (await other.get(f"{C}/exchanges?family={form.rule.family}&act={name}")).json["exchanges"]
    assert kept.json["exchange"] in [row["id"] for row in rows]
