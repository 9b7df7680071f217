"""A Dataform on one machine: the real compiler, the real SQL analyzer, a warehouse that executes.

Only the command line imports this room, and only for the options that need it. Programs that are
not part of this package do the work: the Dataform CLI, git, npm, a BigQuery server, ZetaSQL.

* ``project``: compiles a Git checkout with the Dataform CLI;
* ``warehouse``: executes workflow invocations in a BigQuery server;
* ``processes``: runs programs, so that none of them is left running.
"""
