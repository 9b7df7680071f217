"""HTTP on loopback: the server, the recorder of requests, and the injection of faults.

The APIs use ``request``, ``response`` and ``endpoint``, and the control API also ``faults`` and
``recorder``. Only ``emulator`` uses ``server`` and ``dispatcher``.
"""
