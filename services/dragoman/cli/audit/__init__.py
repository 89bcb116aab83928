"""Commands of `dragoman audit`: what an auditor does with a log."""
