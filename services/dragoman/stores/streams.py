"""The streams beside the logs, which every service creates or finds at its start."""

from collections.abc import Awaitable, Callable
from functools import partial

from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.stores import drafts, endpoints, files, people, tokens_and_sessions
from dragoman.stores.erasable import Erasable
from dragoman.stores.host_key import HostKeyStore
from dragoman.stores.key_value import Bucket


def creations(steward: NatsConnection, replicas: int) -> list[Callable[[], Awaitable[None]]]:
    """Return functions that each create one stream, or find it.

    Each may be called again. Each raises `LogUnreachable`.
    """
    return [
        partial(Bucket.create, steward, tokens_and_sessions.BUCKET, replicas),
        partial(Bucket.create, steward, drafts.BUCKET, replicas, drafts.BYTES),
        partial(Bucket.create, steward, endpoints.BUCKET, replicas, endpoints.BYTES),
        partial(HostKeyStore.create, steward, replicas),
        *(
            partial(
                Erasable.create,
                steward,
                erasable.STREAM,
                erasable.SUBJECTS,
                replicas,
                erasable.BYTES,
            )
            for erasable in (people, files)
        ),
    ]
