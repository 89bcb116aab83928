"""The AsyncAPI 3 document of logged and streamed messages."""

from collections.abc import Sequence
from typing import Any, Final

from dragoman.api.schema_components import described
from dragoman.application.http.request import JSON

_OVER_ALL: Final = {
    "channel_record": ("A record with its channel", "The event `record`."),
    "channel_alarm": ("An alarm with its channel", "The event `alarm`."),
    "channels": ("The channels", "The event `channels`, at the beginning."),
    "channel": ("One channel", "The events `channel` and `gone`: it was gained, or lost."),
    "reset": ("A reset", "The event `reset`: the cursor is unknown or has expired."),
}
"""The messages of the stream over all channels: their titles and summaries."""


def asyncapi(
    record: Any,
    entry: Any,
    row: Any,
    alarm: Any,
    notice: Any,
    endpoint_test: Any,
    unattributed: Any,
    over_all: Sequence[Any],
    families: Sequence[str],
    version: str,
) -> dict[str, Any]:
    """Return the AsyncAPI 3 document: the log's subjects, live streams and webhooks.

    The first arguments are the shapes of what is sent. `over_all` are those of the
    stream over all channels: a record, an alarm, its channels, one channel and a reset.
    """
    shapes, components = described(
        [record, entry, row, alarm, notice, endpoint_test, unattributed, *over_all]
    )
    record, entry, row, alarm, notice, endpoint_test, unattributed, *over = shapes

    def message(name: str, title: str, summary: str, media: str, schema: Any) -> dict[str, Any]:
        return {
            "name": name,
            "title": title,
            "summary": summary,
            "contentType": media,
            "payload": schema,
        }

    def channel(
        address: str, title: str, description: str, server: str, *messages: str, **parameters: Any
    ) -> dict[str, Any]:
        return {
            "address": address,
            "title": title,
            "description": description,
            "servers": [{"$ref": f"#/servers/{server}"}],
            **({"parameters": parameters} if parameters else {}),
            "messages": {
                message: {"$ref": f"#/components/messages/{message}"} for message in messages
            },
        }

    def sent(
        channel: str, title: str, summary: str, security: str, *messages: str
    ) -> dict[str, Any]:
        return {
            "action": "send",
            "channel": {"$ref": f"#/channels/{channel}"},
            "title": title,
            "summary": summary,
            "security": [{"$ref": f"#/components/securitySchemes/{security}"}],
            "messages": [
                {"$ref": f"#/channels/{channel}/messages/{message}"} for message in messages
            ],
        }

    channel_parameter = {"description": "The channel's name.", "examples": ["nato-china"]}
    resumed = "Server-sent events, with `Accept: text/event-stream`; resumed with `Last-Event-ID` or `?after=`."
    signed = (
        "A record's exact bytes, posted to a side's URL: `webhook-id`, `webhook-timestamp` "
        "and `webhook-signature` by Standard Webhooks 1.0."
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Dragoman",
            "version": version,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "description": "What a liaison office hears: the records of its channels as they are "
            "logged, a gateway's live streams, and webhooks.",
        },
        "defaultContentType": JSON,
        "servers": {
            "gateway": {
                "host": "localhost:8470",
                "protocol": "http",
                "description": "A gateway.",
                "security": [{"$ref": "#/components/securitySchemes/token"}],
            },
            "broker": {
                "host": "localhost:4222",
                "protocol": "nats",
                "description": "The broker that keeps the logs; for services and mirrors of the "
                "host.",
            },
            "receiver": {
                "host": "liaison.example",
                "protocol": "https",
                "description": "Whatever a side has entered with `POST /v1/webhooks`.",
            },
        },
        "channels": {
            "log": channel(
                "dragoman.v1.{channel}.{family}.{exchange}",
                "The log of a channel",
                "One subject an exchange, in the stream DRAGOMAN_LOG_<CHANNEL>. A record's bytes "
                "are fully determined.",
                "broker",
                "record",
                channel=channel_parameter,
                family={"description": "The family of the exchange.", "enum": list(families)},
                exchange={"description": "The id of its opening record."},
            ),
            "records": channel(
                "/v1/channels/{channel}/records",
                "The live log",
                resumed,
                "gateway",
                "entry",
                "alarm",
                channel=channel_parameter,
            ),
            "inbox": channel(
                "/v1/channels/{channel}/inbox",
                "The inbox of a side",
                resumed,
                "gateway",
                "row",
                "alarm",
                channel=channel_parameter,
            ),
            "all": channel(
                "/v1/stream",
                "All channels of an officer",
                "Server-sent events; resumed with `Last-Event-ID` or `?cursor=`, which cover all "
                "channels.",
                "gateway",
                *_OVER_ALL,
            ),
            "webhook": channel(
                "/",
                "A webhook",
                signed,
                "receiver",
                "record",
                "unattributed",
                "notice",
                "endpoint-test",
            ),
        },
        "operations": {
            "log": sent(
                "log",
                "Record an act",
                "A desk appends each record against the last position of its subject.",
                "nkey",
                "record",
            ),
            "stream": sent(
                "records",
                "Stream the records of a channel",
                "Each record once it is folded, and an alarm for an unacknowledged flash: at "
                "once, and again every minute.",
                "token",
                "entry",
                "alarm",
            ),
            "inbox": sent(
                "inbox",
                "Stream what concerns a side",
                "All that waits for the side, and then each exchange that concerns it as it "
                "changes; and alarms.",
                "token",
                "row",
                "alarm",
            ),
            "all": sent(
                "all",
                "Stream all channels of an officer",
                "The position of each channel, and then each record and alarm with its channel; "
                "what the officer gains and loses; and a reset where the cursor is unknown.",
                "token",
                *_OVER_ALL,
            ),
            "webhook": sent(
                "webhook",
                "Bring a record to a side's URL",
                "Until it is answered with 2xx: after 5 s, 5 min, 30 min, 2 h … once more, with "
                "the same `webhook-id`.",
                "signature",
                "record",
                "unattributed",
                "notice",
                "endpoint-test",
            ),
        },
        "components": {
            "messages": {
                "record": message(
                    "record",
                    "A record",
                    "A CloudEvents 1.0 event in structured mode.",
                    "application/cloudevents+json",
                    record,
                ),
                "entry": message(
                    "entry",
                    "A record as readers get it",
                    "Its position, whether it is valid, and the record.",
                    JSON,
                    entry,
                ),
                "row": message(
                    "row",
                    "An exchange as a list has it",
                    "Its status, and who owes what.",
                    JSON,
                    row,
                ),
                "unattributed": message(
                    "unattributed",
                    "A record under the Chatham House Rule",
                    "A CloudEvents 1.0 event in the record's place: its act, exchange and "
                    "position, and not who spoke.",
                    "application/cloudevents+json",
                    unattributed,
                ),
                "notice": message(
                    "notice",
                    "A notice about the side's own watch",
                    "A CloudEvents 1.0 event that is in no log: no alarm armed for two minutes, "
                    "or no answer to a watch check.",
                    "application/cloudevents+json",
                    notice,
                ),
                "endpoint-test": message(
                    "endpoint-test",
                    "A test of the endpoint",
                    "A CloudEvents 1.0 event that is in no log. An officer asked for it, and "
                    "nothing has happened. An answer of 2xx proves the endpoint.",
                    "application/cloudevents+json",
                    endpoint_test,
                ),
                **{
                    name: message(name, title, summary, JSON, shape)
                    for (name, (title, summary)), shape in zip(_OVER_ALL.items(), over, strict=True)
                },
                "alarm": message(
                    "alarm", "An alarm", "A flash that waits for an acknowledgement.", JSON, alarm
                ),
            },
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "nkey": {"type": "asymmetricEncryption"},
                "signature": {"type": "httpApiKey", "in": "header", "name": "webhook-signature"},
            },
        },
    }
