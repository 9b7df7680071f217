"""Run the command line: ``python -m dataform_action``, or ``dataform-action`` once installed."""

# A module of C that every interpreter holds already. What takes time to import comes later.
import _signal


def entry() -> None:
    """Run the command that the arguments name, and leave with its exit code."""
    # Until the action takes the signals over nothing has been created: leave without a traceback.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    import io
    import os
    import sys
    from contextlib import suppress
    from pathlib import Path

    from dataform_action.cli.main import main

    name = Path(sys.argv[0]).name
    program = "python -m dataform_action" if name == "__main__.py" else name
    # There are none when the process was started with them closed.
    stream = sys.stdout = sys.stdout or io.StringIO()
    errors = sys.stderr = sys.stderr or io.StringIO()
    if isinstance(stream, io.TextIOWrapper):
        # A name that the terminal cannot show is no reason to lose its line.
        stream.reconfigure(errors="replace")
    try:
        exit_code = main(sys.argv[1:], os.environ, stream, errors, program=program)
    except SystemExit as left:
        exit_code = int(left.code or 0)
    # Not by way of the interpreter's own end, in which a late signal would decide the code,
    # and which would complain of a reader that is gone.
    with suppress(OSError, ValueError):
        stream.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    entry()
