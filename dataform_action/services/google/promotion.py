"""Google Cloud Dataform: make a compilation result the one of its release configuration."""

from __future__ import annotations

from dataform_action.errors import DataformError, Refused
from dataform_action.services.base import once
from dataform_action.services.google import fields
from dataform_action.services.google.client import COURTESY_SECONDS, GoogleApi
from dataform_action.services.google.hints import is_act_as, promote_hint
from dataform_action.services.google.parse import objects_in, text_in
from dataform_action.transport.response import Json

_MOST_ACCOUNTS = 10
_MOST_PAGES = 5


def promote(api: GoogleApi, compilation_result: str, environment: str) -> None:
    """Make a compilation result the one that scheduled runs of the environment use.

    Raises:
        Unusable, Refused: as ``Service.promote``. If the caller may not act as the service
            accounts that the schedules use, the hint names them.
    """
    api = api.for_("promote", "environment", environment=environment)
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
    """Return the service accounts of the schedules of a release configuration, if they are told."""
    api = api.with_retry(once)
    own: list[str] = []
    try:
        pages = api.pages(
            f"{api.parent}/workflowConfigs", fields.WORKFLOW_CONFIGS, most=_MOST_PAGES
        )
        for page in pages:
            for config in objects_in(page, "workflowConfigs"):
                if text_in(config, "releaseConfig").endswith(release.split("/", 2)[2]):
                    own.append(_account(config.get("invocationConfig")))
        if "" in own:
            answer = api.get(api.parent, fields.SERVICE_ACCOUNT, read_seconds=COURTESY_SECONDS)
            own.append(text_in(answer, "serviceAccount"))
    except DataformError:
        # The hint says whose accounts they are in any case.
        return ()
    return tuple(dict.fromkeys(filter(None, own)))[:_MOST_ACCOUNTS]


def _account(invocation_config: Json) -> str:
    known = isinstance(invocation_config, dict)
    return text_in(invocation_config, "serviceAccount") if known else ""
