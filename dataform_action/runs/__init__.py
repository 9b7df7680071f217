"""Create a run once, wait for it, find it again, cancel it. No HTTP, no GitHub.

Other rooms use the functions of ``api``, ``controller.RunController`` and ``recovery``.
"""
