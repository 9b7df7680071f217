"""The log for people at a terminal, where the runner's commands would mean nothing."""

from __future__ import annotations

from dataform_action.github.commands import Console
from dataform_action.text import printable


class Terminal(Console):
    """A log in which errors, warnings and groups are plain lines.

    Secrets are replaced and characters that would move the cursor removed, as in the
    step's log.
    """

    def mask(self, secret: str) -> None:
        """Hide a secret in all that follows."""
        self.redact.add(secret)

    def debug(self, text: str) -> None:
        """Print what only somebody who looks for a defect wants to know."""
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
        """Print an error, with its place in the way of compilers. The title is left out."""
        place = ":".join(str(part) for part in (file, line, column) if part)
        self._tell("Error", f"{place}: {message}" if file else message)

    def warning(self, message: str, title: str) -> None:  # noqa: ARG002
        """Print a warning. The title is left out."""
        self._tell("Warning", message)

    def group(self, title: str, lines: list[str]) -> None:
        """Print lines under a title."""
        self.line(f"{title}:")
        for text in lines:
            self._write(f"  {self._clean(text)}")

    def _tell(self, kind: str, message: str) -> None:
        for text in f"{kind}: {message}".splitlines():
            self.line(text)

    def _clean(self, text: str) -> str:
        return self.redact(printable(self.redact(text)))
