"""The command line: ``python -m dataform_action``, or ``dataform-action`` after installation."""

# A C module that every interpreter has already loaded. Slow imports come later.
import _signal


def entry() -> None:
    """Run the command in the arguments, and exit with its exit code."""
    # Before the action installs its signal handlers, no run exists: exit without a traceback.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    import io
    import os
    import sys
    from contextlib import suppress
    from pathlib import Path

    from dataform_action.cli.main import main

    name = Path(sys.argv[0]).name
    program = "python -m dataform_action" if name == "__main__.py" else name
    # They are None if the process was started with closed streams.
    stream = sys.stdout = sys.stdout or io.StringIO()
    errors = sys.stderr = sys.stderr or io.StringIO()
    if isinstance(stream, io.TextIOWrapper):
        # Replace characters that the terminal cannot show instead of losing the line.
        stream.reconfigure(errors="replace")
    try:
        exit_code = main(sys.argv[1:], os.environ, stream, errors, program=program)
    except SystemExit as stop:
        exit_code = int(stop.code or 0)
    # Skip the interpreter's own shutdown: a late signal would change the exit code, and a closed
    # pipe would print an error.
    with suppress(OSError, ValueError):
        stream.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    entry()
