"""Pages of agreements: undertakings, mechanisms, and what a group handed over."""
