"""The append-only log of a channel: its port, its implementations and the broker.

`event_log` is the port; `memory` and `jetstream` implement it. `broker` supervises a
nats-server.
"""
