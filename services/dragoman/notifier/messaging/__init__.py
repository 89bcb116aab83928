"""Messages to people: SMS, calls, chat and pagers, by the library `apprise`.

    the notifier ── pipe ──▶ sender process ── CONNECT ──▶ relay process ──▶ service

The sender process runs the library and can connect only to the relay. The relay
connects only to addresses that the guard allows.
"""
