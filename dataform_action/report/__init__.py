"""What a step says about its run: one analysis, and a renderer for each place it appears in.

Others use ``publish.publish``, ``outcome`` and ``progress``.
"""
