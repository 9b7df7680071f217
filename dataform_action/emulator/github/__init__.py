"""GitHub's API, as GitHub Enterprise Server has it: at ``/api/v3`` and ``/api/graphql``.

It serves what the plan of a pull request needs: the merge base of two commits, the state of pull
requests, their comments, and the login of a token's owner. ``repository`` holds what a test
defines, ``resources`` renders it, and ``api`` serves it.
"""
