"""Release configurations and workflow configurations."""

from collections.abc import Mapping, Sequence
from typing import Any

from dataform_action.emulator.definitions import Repository, WorkflowConfig
from dataform_action.emulator.google.errors import ApiError, bad_request
from dataform_action.emulator.google.parameters import RepositoryName
from dataform_action.emulator.google.protobuf_json import (
    Message,
    camel_case,
    present,
    render_timestamp,
)
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


def _parse(kind: Message, config: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Parse a configuration that a test defines, as strictly as one in a request."""
    try:
        return kind(dict(config), "")
    except ApiError as error:
        raise ValueError(f"{owner}: {error}") from error


class ReleaseConfigStore:
    """The release configurations of a repository as the API shows them."""

    def __init__(self, repository: Repository, name: RepositoryName) -> None:
        """Read the definitions; no configuration has a released result yet."""
        self._name = name
        self._configs = {
            config.name: {
                "name": name.name(RELEASES, config.name),
                "gitCommitish": config.git_commitish,
                "codeCompilationConfig": _parse(
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
        """Return all configurations."""
        return list(self._configs.values())

    def find(self, identifier: str) -> dict[str, Any]:
        """Return a configuration; raise ApiError if it does not exist."""
        if identifier not in self._configs:
            raise self._name.not_found(RELEASES, identifier)
        return self._configs[identifier]

    def resolve(self, name: object) -> dict[str, Any]:
        """Return the configuration with this resource name; raise ApiError if it does not exist."""
        return self.find(self._name.parse_id(name, RELEASES))

    def release(self, identifier: str, result: str) -> None:
        """Set the released compilation result of a configuration."""
        self._configs[identifier]["releaseCompilationResult"] = result

    def update(self, identifier: str, changes: Mapping[str, Any], mask: str | None) -> None:
        """Change the fields in the mask; without a mask, all modifiable fields."""
        updated = dict(self.find(identifier))
        for field in _MODIFIABLE if mask is None else _parse_mask(mask):
            updated.pop(field, None)
            if field in changes:
                updated[field] = changes[field]
        if "gitCommitish" not in updated:
            raise bad_request("git_commitish is required", "release_config.git_commitish")
        self._configs[identifier] = updated


def _parse_mask(mask: str) -> list[str]:
    fields = [camel_case(path.strip()) for path in mask.split(",")]
    for field in fields:
        if field not in _MODIFIABLE:
            known = ", ".join(_MODIFIABLE)
            raise bad_request(
                f"Invalid update_mask path '{field}'. Known fields: {known}", "update_mask"
            )
    return fields


class WorkflowConfigStore:
    """The workflow configurations of a repository."""

    def __init__(self, repository: Repository, name: RepositoryName, created: float) -> None:
        """Read the definitions; raise ValueError for an invalid one."""
        self._name = name
        self._created = render_timestamp(created)
        self._configs = {config.name: config for config in repository.workflow_configs}
        self._invocation_configs = {
            config.name: _parse(INVOCATION_CONFIG, config.invocation_config, config.name)
            for config in repository.workflow_configs
        }
        releases = {config.name for config in repository.release_configs}
        for config in repository.workflow_configs:
            if config.release_config not in releases:
                message = f"{config.name}: unknown release configuration"
                raise ValueError(f"{message} {config.release_config!r}")

    def list(self) -> Sequence[WorkflowConfig]:
        """Return all configurations."""
        return list(self._configs.values())

    def find(self, identifier: str) -> WorkflowConfig:
        """Return a configuration; raise ApiError if it does not exist."""
        if identifier not in self._configs:
            raise self._name.not_found(WORKFLOWS, identifier)
        return self._configs[identifier]

    def resolve(self, name: object) -> WorkflowConfig:
        """Return the configuration with this resource name; raise ApiError if it does not exist."""
        return self.find(self._name.parse_id(name, WORKFLOWS))

    def invocation_config(self, config: WorkflowConfig) -> dict[str, Any]:
        """Return the InvocationConfig of a configuration."""
        return self._invocation_configs[config.name]

    def render(self, config: WorkflowConfig) -> dict[str, object]:
        """Render the WorkflowConfig."""
        return {
            "name": self._name.name(WORKFLOWS, config.name),
            "releaseConfig": self._name.name(RELEASES, config.release_config),
            "invocationConfig": self._invocation_configs[config.name],
            **present(
                cronSchedule=config.cron_schedule,
                timeZone=config.time_zone,
                disabled=config.disabled,
                createTime=self._created,
                updateTime=self._created,
            ),
        }
