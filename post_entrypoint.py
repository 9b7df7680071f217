#!/usr/local/bin/python3 -ISu
"""Start the action's post step, which the runner calls after the job, however it ended."""

# As in entrypoint.py: what every interpreter holds already.
import _signal
import posix


def leave(_number: int, _frame: object) -> None:
    """Leave at once, without failing the job: what is not cleaned up by now stays."""
    posix._exit(0)


if __name__ == "__main__":
    _signal.signal(_signal.SIGINT, leave)
    _signal.signal(_signal.SIGTERM, leave)
    import os
    import sys

    if sys.flags.no_site:
        import site

        site.main()
    # As in entrypoint.py: this folder, and nothing of the working directory.
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120
    from dataform_action.action.post import entry

    entry()
