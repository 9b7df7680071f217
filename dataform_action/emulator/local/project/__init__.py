"""Compiles the commits and the working tree of a Git checkout with the Dataform CLI.

``repository`` makes the repository that the emulator serves. ``compiler`` compiles and keeps the
results. It uses ``checkout`` (Git), ``packages`` (npm), ``settings`` (what a request overrides) and
``dataform_cli``.
"""
