"""A station: a side's own premises, which goes on when the line to a host is cut.

link        the line to one host: requests with the station's key, and streams
copy_log    the log of a shared channel, as it is kept here
follower    what a host records, into that log
outbox      what the officers here post, until the host has recorded it
submitter   the outbox to the host
"""
