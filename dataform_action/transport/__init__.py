"""One JSON request to an API over HTTP: sent once, limited in time and size, and classified.

Services use ``client.Transport`` and ``response``. ``auth`` also uses ``http``, ``exceptions`` and
``deadline`` for its own requests. Only this room imports ``requests``.
"""
