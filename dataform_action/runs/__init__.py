"""The life of a run: create it once, wait for it, recover it, cancel it. No HTTP, no GitHub.

Others use the functions of ``api``, ``controller.RunController`` and ``recovery``.
"""
