"""The protocol of GitHub's runner: workflow commands, files, signals, state for the post step.

Others use ``commands.Console``, ``files.FileCommands``, ``signals`` and ``state``.
"""
