"""A Dataform on this machine: ``make local``."""
