"""The command line, ``python -m dataform_action``, for people at a terminal.

Others use ``main.main``.
"""
