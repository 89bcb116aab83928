"""The pure format of a record: bytes, strict JSON, ids, digests, versions, numbers."""
