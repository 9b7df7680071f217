"""The services that the action knows, and how each is made of the settings.

A service is imported when it is chosen, and google-auth when no token was given: a start pays
for what it uses.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from dataform_action.action.settings import Settings, parse_settings
from dataform_action.services.base import Service
from dataform_action.services.specs import DATAFORM_WEB, GOOGLE_CLOUD, ServiceSpec


class Surroundings(NamedTuple):
    """What a service is given beside the settings.

    ``environ`` is where credentials are looked for when no token is given, and where a runner
    names its GitHub server. ``on_token`` is called with each token that is minted, before it is
    used, and ``on_exchange`` with a line on each request.
    """

    environ: Mapping[str, str]
    on_token: Callable[[str], object]
    on_exchange: Callable[[str], object] | None = None


Connect = Callable[[Settings, Surroundings], Service]
Services = tuple[tuple[ServiceSpec, Connect], ...]


def choose_settings(
    given: Mapping[str, str],
    services: Services,
    remedies: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings that the inputs given mean to the service that they choose.

    Raises:
        InputError: as ``parse_settings``.
    """
    return parse_settings(given, [spec for spec, _ in services], remedies=remedies)


def connect(settings: Settings, surroundings: Surroundings, services: Services) -> Service:
    """Return the service that the settings choose. Nothing is sent."""
    make = next(make for spec, make in services if spec is settings.service)
    return make(settings, surroundings)


def _connect_dataform_web(settings: Settings, surroundings: Surroundings) -> Service:
    from dataform_action.services.dataform_web import DataformWeb

    return DataformWeb(
        project_id=settings.project_id,
        token=settings.token,
        api_url=settings.api_url,
        on_exchange=surroundings.on_exchange,
    )


def _connect_google_cloud(settings: Settings, surroundings: Surroundings) -> Service:
    from dataform_action.services.google.service import GoogleDataform
    from dataform_action.services.google.source_links import GITHUB_URL

    return GoogleDataform(
        project_id=settings.project_id,
        location=settings.location,
        repository=settings.repository,
        token=settings.token or _credentials(surroundings),
        api_url=settings.api_url,
        github_url=surroundings.environ.get("GITHUB_SERVER_URL") or GITHUB_URL,
        on_exchange=surroundings.on_exchange,
    )


def _credentials(surroundings: Surroundings) -> Callable[[], str]:
    from dataform_action.auth.token_source import ApplicationDefaultCredentials

    return ApplicationDefaultCredentials(
        surroundings.environ,
        on_token=surroundings.on_token,
        on_exchange=surroundings.on_exchange,
    )


#: Every service: the one place to register another. The first that the inputs choose is used; the
#: last one is for inputs that choose no other, so a new one comes before it.
SERVICES: Services = (
    (GOOGLE_CLOUD, _connect_google_cloud),
    (DATAFORM_WEB, _connect_dataform_web),
)
