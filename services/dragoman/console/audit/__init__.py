"""Pages of the audit: log, records, proofs and differences."""
