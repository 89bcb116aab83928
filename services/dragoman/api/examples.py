"""An example body for every operation that takes one.

Each may be sent as it is. The API's description shows them, and a test sends them.
"""

from typing import Any, Final

INCIDENT: Final = {
    "act": "hazardous-incident",
    "kind": "near_miss",
    "time": "2026-11-24T03:05+08:00",
    "place": {"lat": 15.12, "lon": 116.44},
    "facts": "Two aircraft passed close. Rest unknown.",
}
ACKNOWLEDGEMENT: Final = {"act": "acknowledgement"}
HANDOVER: Final = {
    "act": "log-handover",
    "epoch": 1,
    "key": "6h5lKZmHvK1r3v9mUoPzD8c4fFmsqSpe5mcYxGJ4n0s=",
    "cut": True,
    "host_url": "https://liaison.example",
}
_NOTE: Final = {"act": "contact-note", "form": "conversation"}
ACTS: Final = (
    '{"key": "first-note-of-two", "act": {"act": "contact-note", "form": "conversation", '
    '"text": "The counterpart proposes talks."}}\n'
    '{"key": "second-note-of-two", "act": {"act": "contact-note", "form": "conversation", '
    '"text": "They are to be in January."}}\n'
)
NOTICE: Final = {
    "channels": ["nato-china"],
    "act": {**_NOTE, "text": "Our office moves on Monday. The numbers stay the same."},
}
DRAFT: Final = {"act": {**_NOTE, "text": "The counterpart proposes talks in January."}}
CHANNEL: Final = {
    "name": "north-south",
    "kind": "official",
    "sides": ["north", "south"],
    "languages": ["en", "fr"],
    "officers": [
        {"side": "north", "officer": "d-1", "office": "harbour-town", "roles": ["duty_officer"]},
        {"side": "north", "officer": "adm-1", "office": "harbour-town", "roles": ["administrator"]},
        {"side": "south", "officer": "d-1", "office": "hill-town", "roles": ["duty_officer"]},
        {"side": "south", "officer": "adm-1", "office": "hill-town", "roles": ["administrator"]},
    ],
}
OPENING: Final[dict[str, Any]] = {
    "act": {
        "act": "channel-opening",
        "name": "east-west",
        "kind": "official",
        "languages": ["en"],
        "sides": [],
    },
    "signatures": [
        "5f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0:" + "A" * 86 + "=="
    ],
}
PERSON: Final = {
    "name": "Zhang Wei",
    "post": "Duty officer",
    "telephones": ["+86 10 5555 0100"],
    "languages": ["zh", "en"],
}
FILE: Final = "hello world"
TOKEN: Final = {
    "actor": "nato/d-1",
    "channels": ["nato-china"],
    "label": "the duty desk",
    "scope": "act",
}
IDENTITY: Final = {
    "entry": {
        "identity": "nato-lo",
        "pairs": [
            {
                "channel": "5f0c1e6bd8f3a9a2c4b17e0d9a6f82c35e41d7b90a6c28f41b7d3e95c0fa8b64",
                "side": "nato",
            }
        ],
        "version": 1,
    },
    "signatures": [],
}
SUBJECT: Final = {"subject": "248289761001", "actor": "nato/d-1", "channels": ["nato-china"]}
ENDPOINT: Final = {
    "channel": "nato-china",
    "address": "duty@liaison.example",
    "precedence": "immediate",
}
REACH: Final = {
    "channel": "nato-china",
    "way": "e-mail",
    "to": "lin@liaison.example",
    "precedence": "immediate",
}
SEALED: Final = "the sealed bytes"
PARCEL_RECEIPT: Final = {"key": "5f" * 16, "signature": "c2ln" * 21 + "c2k="}
COSIGNED_HEAD: Final = """\
dragoman.invalid/data/nato-china+62a1b3e6
58
qK9vH0p9TjRk8L0m6sN2u5w7x1y3z5A7B9C1D3E5F7g=

\u2014 dragoman.invalid/data/nato-china+62a1b3e6 AzRkR2hCvxH+…
\u2014 nato/station AbcdEfgHijkL…
"""
REACH_CODE: Final = {"code": "0190a1b2c3d4e5f6a7"}
ALERT: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
 <identifier>EQ-2026-1124-01</identifier>
 <sender>duty@seismic.example</sender>
 <sent>2026-11-24T03:10:00+08:00</sent>
 <status>Actual</status>
 <msgType>Alert</msgType>
 <scope>Public</scope>
 <info>
  <category>Geo</category>
  <event>Earthquake</event>
  <urgency>Past</urgency>
  <severity>Severe</severity>
  <certainty>Observed</certainty>
  <headline>Earthquake of magnitude 6.4 at sea</headline>
  <description>The epicentre is 80 km off the coast. Waves of up to 1 m are possible.</description>
  <area>
   <areaDesc>Sea off the coast</areaDesc>
   <circle>15.12,116.44 80</circle>
  </area>
 </info>
</alert>
"""
ROSTER: Final = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//office.example//roster//EN\r
BEGIN:VEVENT\r
UID:day@office.example\r
SUMMARY:d-1 day watch\r
CATEGORIES:watch\r
DTSTART:20261101T060000Z\r
DTEND:20261101T180000Z\r
RRULE:FREQ=DAILY\r
X-DRAGOMAN-OFFICER:d-1\r
END:VEVENT\r
END:VCALENDAR\r
"""
ROSTER_SUBSCRIPTION: Final = {"url": "https://calendar.example/office/roster.ics"}
ROSTER_SETTINGS: Final = {"warn_days": 3, "reminders": [60, 15]}
SHIFT_CHANGE: Final = {
    "do": "offer",
    "begins": "2040-01-04T06:00Z",
    "ends": "2040-01-04T18:00Z",
}
COVER: Final = {
    "officer": "d-1",
    "begins": "2040-01-04T18:00Z",
    "ends": "2040-01-05T06:00Z",
}
TURN_OVER_ANSWERS: Final = {
    "salt": "6f1d0c9a5b3e47728899aabbccddeeff",
    "answers": [{"key": "line/china", "answer": "taken_over"}],
}
