"""The tamper-evident log, pure and small: DSSE signatures, leaves, the Merkle tree."""
