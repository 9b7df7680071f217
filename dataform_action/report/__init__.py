"""The report of a step: one analysis, and one renderer for each place where it appears.

Others use ``publish.publish``, ``outcome`` and ``progress``.
"""
