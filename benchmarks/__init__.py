"""The cost of the action compared with other programs: ``make bench``."""
