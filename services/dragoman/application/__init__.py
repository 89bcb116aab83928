"""The parts that the API and the pages share.

They are the running service, the command handler, and the operations on drafts, files,
people, reports and tokens.
"""
