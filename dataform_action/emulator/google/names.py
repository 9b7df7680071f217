"""Resource names: ``projects/{p}/locations/{l}/repositories/{r}/{collection}/{id}``."""

import re
from dataclasses import dataclass

from dataform_action.emulator.google.errors import ApiError, bad_request

_FORM = "projects/*/locations/*/repositories/*/{}/*"


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """The name of a repository, and of what is in it."""

    project: str
    location: str
    repository: str

    def __str__(self) -> str:
        """Return the resource name."""
        return f"projects/{self.project}/locations/{self.location}/repositories/{self.repository}"

    def name(self, collection: str, identifier: str) -> str:
        """Return the name of a resource in the repository."""
        return f"{self}/{collection}/{identifier}"

    def read_id(self, value: object, collection: str) -> str:
        """Return the id in a resource name that a request holds; raise ApiError."""
        form = _FORM.format(collection)
        match = re.fullmatch(form.replace("*", "([^/]+)"), str(value))
        if match is None:
            raise bad_request(f"Resource name '{value}' does not match {form}")
        if match[0] != self.name(collection, match[4]):
            raise ApiError("NOT_FOUND", f"'{value}' is not in repository {self}")
        return match[4]

    def missing(self, collection: str, identifier: str) -> ApiError:
        """Make the refusal of a name that means nothing."""
        return ApiError("NOT_FOUND", f"{self.name(collection, identifier)} does not exist")
