"""What people see of a plan: one module for each place, and ``words`` for all of them.

``comment`` makes the pull request comment and the job summary, whose parts are ``sections``.
``outcome`` has the exit code and the words of the end.
"""
