"""The log at a terminal, which has no commands for the runner."""

from __future__ import annotations

from dataform_action.github.commands import Console
from dataform_action.text import printable


class Terminal(Console):
    """A log in which errors, warnings and groups are plain lines.

    As in the step's log, secrets and control characters are replaced.
    """

    def mask(self, secret: str) -> None:
        """Hide a secret in all that follows."""
        self.redact.add(secret)

    def debug(self, text: str) -> None:
        """Print a line for debugging."""
        self.line(f"Debug: {text}")

    def error(
        self,
        message: str,
        title: str,  # noqa: ARG002
        *,
        file: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        """Print an error with its place, as compilers do. The title is omitted."""
        place = ":".join(str(part) for part in (file, line, column) if part)
        self._print("Error", f"{place}: {message}" if file else message)

    def warning(self, message: str, title: str) -> None:  # noqa: ARG002
        """Print a warning. The title is omitted."""
        self._print("Warning", message)

    def group(self, title: str, lines: list[str]) -> None:
        """Print lines under a title."""
        self.line(f"{title}:")
        for text in lines:
            self._write(f"  {self._clean(text)}")

    def _print(self, kind: str, message: str) -> None:
        for text in f"{kind}: {message}".splitlines():
            self.line(text)

    def _clean(self, text: str) -> str:
        return self.redact(printable(self.redact(text)))
