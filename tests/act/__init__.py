"""A workflow that uses the action, run by act: ``make act``."""
