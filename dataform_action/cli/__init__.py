"""The command line, ``python -m dataform_action``, for people at a terminal.

``__main__`` uses ``main.main``.
"""
