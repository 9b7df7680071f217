#!/usr/local/bin/python3 -ISu
"""Start a job of the action. The image runs this; in a checkout, so does ``make demo``."""

# Until a handler is installed, Ctrl-C prints a traceback. Every interpreter has already loaded
# these two C modules. To import signal would take milliseconds.
import _signal
import posix


def leave(number: int, _frame: object) -> None:
    """Exit immediately: no run exists before the action installs its own handlers."""
    posix._exit(128 + number)


if __name__ == "__main__":
    _signal.signal(_signal.SIGINT, leave)
    _signal.signal(_signal.SIGTERM, leave)
    import gc
    import os
    import sys

    # The imports before the first request create about 40,000 objects and almost no garbage. With
    # the default threshold, the garbage collector takes 5% of the start-up time.
    gc.set_threshold(100_000)

    if sys.flags.no_site:
        # The option -S skips it, because it would take milliseconds before the lines above.
        import site

        site.main()
    # An isolated interpreter does not search the script's folder. It must not search the working
    # directory, which is a checkout that may contain anything.
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120
    if sys.argv[1:] == ["plan"]:
        from dataform_action.action.plan.job import entry
    else:
        from dataform_action.action.main import entry

    entry()
