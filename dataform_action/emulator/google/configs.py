"""Release and workflow configurations."""

from collections.abc import Mapping, Sequence
from typing import Any

from dataform_action.emulator.definitions import Repository, WorkflowConfig
from dataform_action.emulator.google.errors import ApiError, bad_request
from dataform_action.emulator.google.execution import render_time
from dataform_action.emulator.google.names import RepositoryName
from dataform_action.emulator.google.protobuf_json import Message, camel_case, present
from dataform_action.emulator.google.request_bodies import (
    CODE_COMPILATION_CONFIG,
    INVOCATION_CONFIG,
)

RELEASES = "releaseConfigs"
WORKFLOWS = "workflowConfigs"

_MODIFIABLE = (
    "gitCommitish",
    "codeCompilationConfig",
    "cronSchedule",
    "timeZone",
    "disabled",
    "releaseCompilationResult",
)


def _read(kind: Message, config: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Read a configuration that a test defines as strictly as one of a request."""
    try:
        return kind(dict(config), "")
    except ApiError as error:
        raise ValueError(f"{owner}: {error}") from error


class ReleaseConfigStore:
    """The release configurations of a repository as the API shows them."""

    def __init__(self, repository: Repository, name: RepositoryName) -> None:
        """Take them over; none has a released result yet."""
        self._name = name
        self._configs = {
            config.name: {
                "name": name.name(RELEASES, config.name),
                "gitCommitish": config.git_commitish,
                "codeCompilationConfig": _read(
                    CODE_COMPILATION_CONFIG, config.code_compilation_config, config.name
                ),
                **present(
                    cronSchedule=config.cron_schedule,
                    timeZone=config.time_zone,
                    disabled=config.disabled,
                ),
            }
            for config in repository.release_configs
        }

    def list(self) -> Sequence[dict[str, Any]]:
        """Return all of them."""
        return list(self._configs.values())

    def find(self, identifier: str) -> dict[str, Any]:
        """Return one; raise ApiError if there is none."""
        if identifier not in self._configs:
            raise self._name.missing(RELEASES, identifier)
        return self._configs[identifier]

    def resolve(self, name: object) -> dict[str, Any]:
        """Return the one that a resource name means; raise ApiError if there is none."""
        return self.find(self._name.read_id(name, RELEASES))

    def release(self, identifier: str, result: str) -> None:
        """Set the released compilation result."""
        self._configs[identifier]["releaseCompilationResult"] = result

    def update(self, identifier: str, changes: Mapping[str, Any], mask: str | None) -> None:
        """Change what the mask names; without a mask, everything that can be changed."""
        updated = dict(self.find(identifier))
        for field in _MODIFIABLE if mask is None else _read_mask(mask):
            updated.pop(field, None)
            if field in changes:
                updated[field] = changes[field]
        if "gitCommitish" not in updated:
            raise bad_request("git_commitish is required", "release_config.git_commitish")
        self._configs[identifier] = updated


def _read_mask(mask: str) -> list[str]:
    fields = [camel_case(path.strip()) for path in mask.split(",")]
    for field in fields:
        if field not in _MODIFIABLE:
            known = ", ".join(_MODIFIABLE)
            raise bad_request(
                f"Invalid update_mask path '{field}'; known are {known}", "update_mask"
            )
    return fields


class WorkflowConfigStore:
    """The workflow configurations of a repository."""

    def __init__(self, repository: Repository, name: RepositoryName, created: float) -> None:
        """Take them over; raise ValueError for a configuration that cannot be."""
        self._name = name
        self._created = render_time(created)
        self._configs = {config.name: config for config in repository.workflow_configs}
        self._orders = {
            config.name: _read(INVOCATION_CONFIG, config.invocation_config, config.name)
            for config in repository.workflow_configs
        }
        releases = {config.name for config in repository.release_configs}
        for config in repository.workflow_configs:
            if config.release_config not in releases:
                message = f"{config.name}: there is no release configuration"
                raise ValueError(f"{message} {config.release_config!r}")

    def list(self) -> Sequence[WorkflowConfig]:
        """Return all of them."""
        return list(self._configs.values())

    def find(self, identifier: str) -> WorkflowConfig:
        """Return one; raise ApiError if there is none."""
        if identifier not in self._configs:
            raise self._name.missing(WORKFLOWS, identifier)
        return self._configs[identifier]

    def resolve(self, name: object) -> WorkflowConfig:
        """Return the one that a resource name means; raise ApiError if there is none."""
        return self.find(self._name.read_id(name, WORKFLOWS))

    def invocation_config(self, config: WorkflowConfig) -> dict[str, Any]:
        """Return the InvocationConfig of one."""
        return self._orders[config.name]

    def render(self, config: WorkflowConfig) -> dict[str, object]:
        """Make the JSON object of one."""
        return {
            "name": self._name.name(WORKFLOWS, config.name),
            "releaseConfig": self._name.name(RELEASES, config.release_config),
            "invocationConfig": self._orders[config.name],
            **present(
                cronSchedule=config.cron_schedule,
                timeZone=config.time_zone,
                disabled=config.disabled,
                createTime=self._created,
                updateTime=self._created,
            ),
        }
