"""The GitHub action: from inputs to a service, a run and its report.

``cli`` uses ``main`` and ``service_factory``. ``post`` is the post step of the action.
"""
