"""Commands on what a host keeps beside its logs."""
