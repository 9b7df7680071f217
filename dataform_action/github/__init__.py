"""What GitHub asks of a step: workflow commands, files, signals, Markdown, state for the post step.

Others use ``commands.Console``, ``files.FileCommands``, ``signals``, ``markdown`` and ``state``.
"""
