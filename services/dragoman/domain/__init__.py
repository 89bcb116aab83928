"""The rules, pure: what a record is, which act is legal where and by whom, and what the log folds to."""
