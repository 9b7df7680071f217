"""The names and kinds of actions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

ActionKind = Literal[
    "relation",
    "operations",
    "assertion",
    "declaration",
    "notebook",
    "dataPreparation",
    "bigqueryUnitTest",
]
"""The kinds, by the names of their fields in a CompilationResultAction."""


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """The full name of an action; the database is a Google Cloud project."""

    database: str
    schema: str
    name: str

    def __str__(self) -> str:
        """Return the parts that are not empty, joined by dots."""
        return ".".join(part for part in (self.database, self.schema, self.name) if part)

    def is_called(self, name: str) -> bool:
        """Return whether a name, which may omit its first parts, means this target."""
        # Comparing the last part first is only faster.
        last = name.rpartition(".")[2]
        return self.name.endswith(last) and f".{self}".endswith(f".{name}")

    def render(self) -> dict[str, object]:
        """Make the JSON object."""
        parts = {"database": self.database, "schema": self.schema, "name": self.name}
        return {field: part for field, part in parts.items() if part}


def parse_target(data: Mapping[str, Any]) -> Target:
    """Parse a target."""
    return Target(data.get("database", ""), data.get("schema", ""), data.get("name", ""))
