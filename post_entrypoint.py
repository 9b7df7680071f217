#!/usr/local/bin/python3 -ISu
"""Start the post step. The runner calls it after the job, even if the job failed."""

# As in entrypoint.py: every interpreter has already loaded these modules.
import _signal
import posix


def leave(_number: int, _frame: object) -> None:
    """Exit immediately without failing the job, even if the clean-up is not complete."""
    posix._exit(0)


if __name__ == "__main__":
    _signal.signal(_signal.SIGINT, leave)
    _signal.signal(_signal.SIGTERM, leave)
    import os
    import sys

    if sys.flags.no_site:
        import site

        site.main()
    # As in entrypoint.py: search this folder, but not the working directory.
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120
    from dataform_action.action.post import entry

    entry()
