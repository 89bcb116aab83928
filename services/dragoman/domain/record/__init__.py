"""What a record is, pure: its bytes, strict JSON, ids, digests, versions, numbers and errors."""
