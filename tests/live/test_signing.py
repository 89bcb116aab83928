"""Acts that their authors sign, through the running service: by the command line, by openssl, and
by two officers.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman.domain.acts.families.channel import delivery_key
from dragoman.domain.record import codec as records
from dragoman.domain.record.ids import from_key
from dragoman.tlog import dsse
from patience import PATIENCE_S
from samples import act
from service import DRAGOMAN, NOTE, Caller, Gateway

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"
RECIPE = re.search(
    r"<!-- recipe -->\n```sh\n(.*?)```",
    (Path(__file__).parents[2] / "docs" / "signing.md").read_text(),
    re.DOTALL,
)


class Signer:
    """Officers of a service with keys of their own in files."""

    def __init__(self, service: Gateway, folder: Path) -> None:
        self.service = service
        self.folder = folder

    def to(self, who: str) -> tuple[str, ...]:
        token = self.folder / f"{who.replace('/', '-')}.token"
        token.write_text(self.service.token(who))
        return ("--channel", "nato-china", "--token-file", str(token))

    def key(self, name: str, officer: str) -> str:
        """A new key, entered by an administrator; its file."""
        path = str(self.folder / f"{name}.pem")
        self.service.run("keys", "new", path)
        self.service.run(
            "keys",
            "enrol",
            path,
            "--officer",
            officer,
            *self.to(f"{officer.partition('/')[0]}/administrator"),
        )
        return path


@pytest.fixture
def signer(own: Gateway, tmp_path: Path) -> Signer:
    return Signer(own, tmp_path)


async def recorded(caller: Caller, position: int) -> records.Record:
    return records.parse((await caller.get(f"{C}/records/{position}")).body)


async def test_a_key_is_made_entered_used_and_revoked(
    own: Gateway, signer: Signer, session: Any
) -> None:
    path = signer.key("mine", "nato/o-1")
    assert Path(path).stat().st_mode & 0o777 == 0o600
    keyid = own.run("keys", "show", path).stdout.split()[1]
    assert keyid in own.run("keys", "list", *signer.to("china/auditor")).stdout
    note = signer.folder / "note.json"
    note.write_text(json.dumps(NOTE))
    posted = json.loads(
        own.run("post", str(note), "--sign", path, "--json", *signer.to("nato/officer")).stdout
    )
    auditor = Caller(session, own, "china/auditor")
    record = await recorded(auditor, posted["position"])
    assert (record.envelope.attestation, record.data.signed.author) == ("author", "nato/o-1")
    await auditor.sealed(posted["position"])  # which is the head that is signed over next
    again = own.run(
        "post",
        str(note),
        "--sign",
        path,
        "--key",
        posted["id"],
        *signer.to("nato/officer"),
        check=None,
    )
    assert again.returncode == 5, "another signature makes another post of the same id"
    closed = json.loads(
        own.run(
            "act", posted["number"], "closure", "--sign", path, "--json", *signer.to("nato/officer")
        ).stdout
    )
    assert (await recorded(auditor, closed["position"])).envelope.attestation == "author"
    assert "1 acts signed" not in own.run("audit", "verify", *signer.to("china/auditor")).stdout
    own.run("keys", "revoke", path, "--sign", path, *signer.to("nato/officer"))
    refused = own.run("post", str(note), "--sign", path, *signer.to("nato/officer"), check=None)
    assert refused.returncode == 4
    assert "its key is not valid here" in refused.stderr
    assert (
        own.run(
            "keys", "enrol", path, "--officer", "o-1", *signer.to("nato/administrator"), check=None
        ).returncode
        != 0
    )


async def test_the_recipe_for_openssl_and_curl_works_as_written(
    own: Gateway, signer: Signer, session: Any
) -> None:
    assert RECIPE is not None
    signer.key("me", "nato/o-1")
    token = signer.folder / "token"
    token.write_text(own.token("nato/officer"))
    environment = {
        **os.environ,
        "URL": own.base_url,
        "DRAGOMAN_SERVER": own.base_url,
        "PATH": f"{DRAGOMAN.parent}:{os.environ['PATH']}",
        "XDG_CONFIG_HOME": str(signer.folder / "home"),
    }
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", RECIPE.group(1)],
        cwd=signer.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    record = await recorded(
        Caller(session, own, "china/auditor"), json.loads(done.stdout)["position"]
    )
    assert record.act == (signer.folder / "act.json").read_bytes(), (
        "what was signed is what is recorded"
    )


async def test_what_is_not_signed_as_it_says_is_refused_and_not_recorded(
    own: Gateway, signer: Signer, session: Any
) -> None:
    path = signer.key("mine", "nato/o-1")
    officer = Caller(session, own, "nato/officer")
    note = signer.folder / "note.json"
    note.write_text(json.dumps(NOTE))
    context = json.loads(own.run("keys", "binding", *signer.to("nato/officer")).stdout)
    position = (await officer.get(C)).json["position"]
    seed = _seed(path)

    async def post(body: Any, keyids: str = "", signatures: str = "", **headers: str) -> Any:
        raw = (
            body
            if isinstance(body, bytes)
            else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        )
        keyid, signature = (
            dsse.key_id(dsse.public_of(seed)),
            dsse.encode_base64(dsse.sign(seed, raw)),
        )
        sent = {"Dragoman_Key_Id": keyids or keyid, "Dragoman_Signature": signatures or signature}
        return await officer.call("POST", f"{C}/contacts", raw, **sent, **headers)

    good = {
        **context,
        "type": "dragoman.contact-note.v1",
        "id": "0192f0c1-2f3a-7c4d-8e5f-112233445566",
    }
    body = {**NOTE, "signed": good}
    (await post(NOTE)).problem(422, "invalid")
    (await post(json.dumps(body).encode())).problem(422, "invalid-act")
    (await post(body, signatures="AAAA")).problem(400, "bad-request")
    (await post(body, keyids="00" * 32)).problem(403, "not-permitted")
    (await post(body, Idempotency_Key='"another-key-another"')).problem(400, "idempotency-key")
    (await officer.post(f"{C}/contacts", body, key=good["id"])).problem(422, "invalid")
    for taken in (
        from_key("nato-china", "service/gateway", delivery_key("china", 99)),
        from_key("nato-china", "nato/o-1", "another-key-another"),
    ):
        (await post({**NOTE, "signed": {**good, "id": taken}})).problem(400, "idempotency-key")
    for member, wrong in (
        ("channel", "00" * 32),
        ("author", "nato/d-1"),
        ("type", "dragoman.reply.v1"),
        ("after", "00" * 32),
        ("seen", {"size": 1, "root": "A" * 43 + "="}),
        ("seen", {"size": 10**9, "root": context["seen"]["root"]}),
    ):
        answer = await post({**NOTE, "signed": {**good, member: wrong}})
        assert answer.status in (409, 412, 422), (member, answer.body)
    assert await officer.said_after(position) == []
    kept = await post(body)
    assert kept.status == 201, kept.body
    assert (await post(body)).headers["Idempotent-Replayed"] == "true"
    by_key = {**good, "id": from_key("nato-china", "nato/o-1", "another-key-another")}
    assert (
        await post({**NOTE, "signed": by_key}, Idempotency_Key='"another-key-another"')
    ).status == 201


async def test_two_officers_sign_the_same_bytes(own: Gateway, signer: Signer, session: Any) -> None:
    drafter, releaser = signer.key("drafter", "nato/o-1"), signer.key("releaser", "nato/h-1")
    activity = signer.folder / "activity.json"
    activity.write_text(json.dumps(act("military-activity")))
    id = own.run(
        "draft", str(activity), "--sign", drafter, *signer.to("nato/officer")
    ).stdout.strip()
    alone = own.run("release", id, *signer.to("nato/head_of_office"), check=None)
    assert "no valid key of nato/h-1 signed it" in alone.stderr
    done = json.loads(
        own.run(
            "release", id, "--sign", releaser, "--json", *signer.to("nato/head_of_office")
        ).stdout
    )
    record = await recorded(Caller(session, own, "china/auditor"), done["position"])
    signatures = str(record.envelope.signatures).split()
    assert (len(signatures), record.envelope.releasedby, record.envelope.actor) == (
        2,
        "nato/h-1",
        "nato/o-1",
    )


async def test_nobody_posts_under_the_id_of_a_draft(
    own: Gateway, signer: Signer, session: Any
) -> None:
    drafter, colleague = signer.key("drafter", "nato/o-1"), signer.key("colleague", "nato/h-1")
    activity = signer.folder / "activity.json"
    activity.write_text(json.dumps(act("military-activity")))
    id = own.run(
        "draft", str(activity), "--sign", drafter, *signer.to("nato/officer")
    ).stdout.strip()
    to_head = signer.to("nato/head_of_office")
    context = json.loads(own.run("keys", "binding", *to_head).stdout)
    signed = {**context, "type": "dragoman.contact-note.v1", "id": id}
    raw = json.dumps({**NOTE, "signed": signed}, separators=(",", ":"), ensure_ascii=False).encode()
    seed = _seed(colleague)
    headers = {
        "Dragoman_Key_Id": dsse.key_id(dsse.public_of(seed)),
        "Dragoman_Signature": dsse.encode_base64(dsse.sign(seed, raw)),
    }
    head = Caller(session, own, "nato/head_of_office")
    (await head.call("POST", f"{C}/contacts", raw, **headers)).problem(422, "key-reused")
    released = json.loads(own.run("release", id, "--sign", colleague, "--json", *to_head).stdout)
    assert released["id"] == id


def test_a_gateway_that_shows_an_older_head_gets_no_signature(own: Gateway, signer: Signer) -> None:
    path = signer.key("mine", "nato/o-1")
    note = signer.folder / "note.json"
    note.write_text(json.dumps(NOTE))
    own.run("post", str(note), "--sign", path, *signer.to("nato/officer"))
    (kept,) = (own.data.parent / "home" / "dragoman" / "heads").iterdir()
    name, size, *rest = kept.read_text().split("\n")
    kept.write_text("\n".join([name, str(int(size) + 1_000), *rest]))
    refused = own.run("post", str(note), "--sign", path, *signer.to("nato/officer"), check=2)
    assert "sign nothing, keep both, ask why" in refused.stderr
    kept.write_text("\n".join([name, str(int(size) - 1), *rest]))
    refused = own.run("post", str(note), "--sign", path, *signer.to("nato/officer"), check=2)
    assert "which does not go on from the head of" in refused.stderr, (
        "what was seen is gone on from by a proof, and by nothing less"
    )
    assert kept.with_suffix(".contradiction").exists()


def _seed(path: str) -> bytes:
    from dragoman.cli.signature import seed_of

    return seed_of(Path(path))


def test_keys_are_not_written_over_nor_read_where_others_may(own: Gateway, tmp_path: Path) -> None:
    path, words = tmp_path / "k.pem", tmp_path / "words"
    words.write_text("correct horse\n")
    own.run("keys", "new", str(path), "--passphrase", str(words))
    assert "ENCRYPTED" in path.read_text()
    assert "never overwritten" in own.run("keys", "new", str(path), check=2).stderr
    assert "--passphrase" in own.run("keys", "show", str(path), check=2).stderr
    assert len(own.run("keys", "show", str(path), "--passphrase", str(words)).stdout.split()) == 2
    plain = tmp_path / "plain.pem"
    own.run("keys", "new", str(plain))
    assert (
        len(own.run("keys", "show", str(path), DRAGOMAN_PASSPHRASE_FILE=str(words)).stdout.split())
        == 2
    )
    assert (
        len(own.run("keys", "show", str(plain), "--passphrase", str(words)).stdout.split()) == 2
    ), "of several one may have none"
    plain.chmod(0o644)
    assert "chmod 600" in own.run("keys", "show", str(plain), check=2).stderr
