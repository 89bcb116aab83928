"""The acts, one module a format. `SHAPES` lists them all; a new act is one line here and one in the rules' table."""

from dragoman_schemas.acts.carrying import (
    Acknowledgement,
    Cancellation,
    Closure,
    Correction,
    Decline,
    InterimReply,
    Reply,
)
from dragoman_schemas.acts.channel import (
    ChannelOpening,
    Delivery,
    Officer,
    OfficerRevocation,
)
from dragoman_schemas.acts.contact_note import ContactNote
from dragoman_schemas.acts.hazardous_incident import CounterAccount, HazardousIncident
from dragoman_schemas.acts.meeting_request import (
    Acceptance,
    MeetingHeld,
    MeetingRequest,
    Readout,
)
from dragoman_schemas.frame import Act

SHAPES: dict[str, type[Act]] = {
    "contact-note": ContactNote,
    "meeting-request": MeetingRequest,
    "acceptance": Acceptance,
    "meeting-held": MeetingHeld,
    "readout": Readout,
    "hazardous-incident": HazardousIncident,
    "counter-account": CounterAccount,
    "acknowledgement": Acknowledgement,
    "reply": Reply,
    "interim-reply": InterimReply,
    "correction": Correction,
    "cancellation": Cancellation,
    "decline": Decline,
    "closure": Closure,
    "channel-opening": ChannelOpening,
    "officer": Officer,
    "officer-revocation": OfficerRevocation,
    "delivery": Delivery,
}
