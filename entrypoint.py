#!/usr/local/bin/python3 -ISu
"""Start the action. The image runs this; in a checkout, so does ``make demo``."""

# Until the signals are taken over, Ctrl-C is an exception with a traceback. Both are modules of
# C that every interpreter holds already; signal alone takes milliseconds to import.
import _signal
import posix


def leave(number: int, _frame: object) -> None:
    """Leave at once: until the action takes over the signals, nothing has been created."""
    posix._exit(128 + number)


if __name__ == "__main__":
    _signal.signal(_signal.SIGINT, leave)
    _signal.signal(_signal.SIGTERM, leave)
    import gc
    import os
    import sys

    # The imports up to the first request create some 40,000 objects and hardly any garbage. At the
    # usual threshold, the collector would search them dozens of times: a twentieth of the start.
    gc.set_threshold(100_000)

    if sys.flags.no_site:
        # Left out at the start (-S), where it would take milliseconds before the lines above.
        import site

        site.main()
    # An isolated interpreter does not look beside the script by itself, and looks at
    # nothing in the working directory, which is a stranger's checkout.
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120
    from dataform_action.action.main import entry

    entry()
