"""Online backups of a host, and its restoration from them.

`manifest` and `folder` are the format on the disk. `backup_run` reads a running host.
`backup_check` verifies a backup, and `host_restore` makes a new data directory of it.
"""
