"""The pages: the part of Dragoman that officers, auditors and administrators use.

They are in three languages, and work with scripts and without.
"""
