"""One JSON exchange with an API over HTTP: sent once, bounded in time and size, and classified.

Services use ``client.Transport`` and ``response``; ``auth`` also uses ``http``, ``exceptions`` and
``deadline`` for requests of its own. Only this room imports ``requests``.
"""
