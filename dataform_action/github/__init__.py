"""The runner's protocol: commands, files, signals, Markdown, and state for the post step.

Others use ``commands.Console``, ``files.FileCommands``, ``signals``, ``markdown`` and ``state``.
"""
