"""Pages of the audit: log, records, proofs, differences."""
