"""Administration of a side: officers, keys, rules, endpoints, erasure."""
