"""The notifier: it sends records to a side's endpoints, by webhook and by e-mail.

It also records whether a message to the side was delivered.
"""
