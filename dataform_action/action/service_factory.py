"""Choose the service that the inputs ask for; import no other one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dataform_action.action.inputs import Inputs
from dataform_action.services.base import Service


def connect(
    inputs: Inputs,
    environ: Mapping[str, str],
    on_token: Callable[[str], None],
    on_exchange: Callable[[str], None] | None = None,
) -> tuple[Service, str]:
    """Return the service, and the address of its API.

    ``environ`` is where credentials are looked for when no token is given, and where a
    runner names its GitHub server; ``on_token`` is called with each token that is minted,
    before it is used, and ``on_exchange`` with a line on each request.
    """
    if not inputs.repository:
        from dataform_action.services.dataform_web import API_URL, DataformWeb

        api_url = inputs.api_url or API_URL
        web = DataformWeb(
            project_id=inputs.project_id,
            token=inputs.token,
            api_url=api_url,
            on_exchange=on_exchange,
        )
        return web, api_url
    from dataform_action.services.google import service as google_dataform
    from dataform_action.services.google.source_links import GITHUB_URL

    api_url = inputs.api_url or google_dataform.API_URL
    google = google_dataform.GoogleDataform(
        project_id=inputs.project_id,
        location=inputs.location,
        repository=inputs.repository,
        token=inputs.token or _credentials(environ, on_token, on_exchange),
        api_url=api_url,
        github_url=environ.get("GITHUB_SERVER_URL") or GITHUB_URL,
        on_exchange=on_exchange,
    )
    return google, api_url


def _credentials(
    environ: Mapping[str, str],
    on_token: Callable[[str], None],
    on_exchange: Callable[[str], None] | None,
) -> Callable[[], str]:
    # Only without a token, so that a start with one does not pay for google-auth.
    from dataform_action.auth.token_source import ApplicationDefaultCredentials

    return ApplicationDefaultCredentials(environ, on_token=on_token, on_exchange=on_exchange)
