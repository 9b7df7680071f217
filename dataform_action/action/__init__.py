"""The GitHub action: from inputs to a service, a run and its report.

Others use ``main.main`` and ``settings``; ``post`` is the action's post step.
"""
