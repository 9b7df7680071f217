"""HTTP on loopback: the server, the recorder of requests, and the injection of faults.

The APIs of the emulator use ``request``, ``response`` and ``endpoint``; the emulator itself starts
the ``server`` and hands it the ``dispatcher``, the ``recorder`` and the ``faults``.
"""
