"""Every read of the API is either answered from a replayed log as well, and compared in an audit,
or left out for a reason.
"""

from dragoman.api import description, replica

LEFT_OUT = {
    "me": "whose the token is",
    "list_channels": "of all channels",
    "show_channel": "of the registry, which `show_state` has whole",
    "show_terms": "of the host",
    "list_identities": "of the host, beside the logs",
    "show_identity": "of the host, beside the logs",
    "show_host_inbox": "of several channels, by the time now",
    "stream_all": "of several channels, each of which is compared by itself",
    "show_transmittal": "what `show_exchange` has, with its bundle verified",
    "show_members_bundle": "follows from the log, and proves itself",
    "show_notice": "of several channels, each of which is compared by itself",
    "show_proof": "follows from signed heads",
    "show_evidence": "follows from the log and its head, and proves itself",
    "show_checkpoint": "a signed head",
    "show_coverage": "follows from cosignatures",
    "list_releases": "of all channels",
    "show_release": "follows from the log, and proves itself",
    "show_tile": "verified against a signed head",
    "show_audit": "its first answer is of signed heads; the others are those of `dragoman audit`",
    "show_calendar": "what `show_exchange` has, in another form",
    "list_links": "a secret of the caller",
    "show_linked": "the calendar, behind a secret",
    "list_drafts": "drafts, people and files",
    "show_draft": "drafts, people and files",
    "list_people": "drafts, people and files",
    "show_person": "drafts, people and files",
    "list_files": "drafts, people and files",
    "fetch_file": "drafts, people and files",
    "list_endpoints": "drafts, people and files",
    "show_endpoint": "drafts, people and files",
    "show_reach": "drafts, people and files",
    "list_deliveries": "drafts, people and files",
    "show_roster": "a side's own, beside the log",
    "show_roster_calendar": "a side's own, beside the log",
    "show_turn_over_points": "a side's own, beside the log",
    "list_tokens": "of the host",
    "list_sessions": "of the host",
    "list_subjects": "of the host",
    "show_openapi": "of the program",
    "show_asyncapi": "of the program",
    "livez": "of the process",
    "readyz": "of the process",
    "healthz": "of the process",
}


def test_every_read_is_compared_or_left_out_for_a_reason() -> None:
    reads = {route.handler.__name__ for route in description.ROUTES if route.method == "GET"}
    compared = {handler.__name__ for handler in replica._HANDLERS}
    assert compared | LEFT_OUT.keys() == reads
    assert not compared & LEFT_OUT.keys()
