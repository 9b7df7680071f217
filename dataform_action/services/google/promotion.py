"""Google Cloud Dataform: set a compilation result in its release configuration."""

from __future__ import annotations

from dataform_action.errors import DataformError, Refused
from dataform_action.services.base import once
from dataform_action.services.google import fields
from dataform_action.services.google.client import OPTIONAL_SECONDS, GoogleApi
from dataform_action.services.google.hints import is_act_as, promote_hint
from dataform_action.services.google.parse import objects_in, text_in
from dataform_action.transport.response import Json

_MOST_ACCOUNTS = 10
_MOST_PAGES = 5


def promote(api: GoogleApi, compilation_result: str, environment: str) -> None:
    """Set a compilation result in a release configuration, whose scheduled runs then use it.

    Raises:
        Unusable, Refused: as ``Service.promote``. If the caller cannot act as the service accounts
            of the schedules, the hint names them.
    """
    api = api.with_context("promote", "environment", environment=environment)
    name = api.full_name("releaseConfigs", environment)
    try:
        # Without the mask, the API would clear every other field.
        api.send(
            "PATCH",
            f"{name}?updateMask=releaseCompilationResult",
            {"releaseCompilationResult": compilation_result},
        )
    except Refused as error:
        if is_act_as(error):
            error.hint = promote_hint(environment, _accounts(api, name))
        raise


def _accounts(api: GoogleApi, release: str) -> tuple[str, ...]:
    """Return the service accounts of a release configuration's schedules, if they can be read."""
    api = api.with_retry(once)
    accounts: list[str] = []
    try:
        pages = api.pages(
            f"{api.parent}/workflowConfigs", fields.WORKFLOW_CONFIGS, most=_MOST_PAGES
        )
        for page in pages:
            for config in objects_in(page, "workflowConfigs"):
                if text_in(config, "releaseConfig").endswith(release.split("/", 2)[2]):
                    accounts.append(_account(config.get("invocationConfig")))
        if "" in accounts:
            repository = api.get(api.parent, fields.SERVICE_ACCOUNT, read_seconds=OPTIONAL_SECONDS)
            accounts.append(text_in(repository, "serviceAccount"))
    except DataformError:
        # The hint is useful without the names.
        return ()
    return tuple(dict.fromkeys(filter(None, accounts)))[:_MOST_ACCOUNTS]


def _account(invocation_config: Json) -> str:
    if not isinstance(invocation_config, dict):
        return ""
    return text_in(invocation_config, "serviceAccount")
