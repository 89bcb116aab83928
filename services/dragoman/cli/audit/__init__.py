"""The commands of `dragoman audit`, with which an auditor checks a log."""
