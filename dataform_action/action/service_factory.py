"""The services of the action, and how to make each of them from the settings.

A service is imported only if it is selected, and google-auth only without a token. This keeps the
start fast.
"""

from collections.abc import Callable, Mapping

from dataform_action.action.settings import Settings, parse_settings
from dataform_action.services.base import Service
from dataform_action.services.specs import DATAFORM_WEB, GOOGLE_CLOUD, ServiceSpec


class ServiceContext:
    """What a service needs besides the settings.

    ``environ`` has the credentials, if no token is set, and the address of the GitHub server.
    ``on_token`` is called with each new token before it is used. ``on_exchange`` is called with a
    line on each request.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        on_token: Callable[[str], object],
        on_exchange: Callable[[str], object] | None = None,
    ) -> None:
        self.environ = environ
        self.on_token = on_token
        self.on_exchange = on_exchange
        self._credentials: Callable[[], str] | None = None

    def credentials(self) -> Callable[[], str]:
        """Return the source of access tokens, which all APIs of a step share."""
        if self._credentials is None:
            from dataform_action.auth.token_source import ApplicationDefaultCredentials

            self._credentials = ApplicationDefaultCredentials(
                self.environ, on_token=self.on_token, on_exchange=self.on_exchange
            )
        return self._credentials


Connect = Callable[[Settings, ServiceContext], Service]
Services = tuple[tuple[ServiceSpec, Connect], ...]


def choose_settings(
    given: Mapping[str, str],
    services: Services,
    remedies: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings for the service that the inputs select.

    Raises:
        InputError: as ``parse_settings``.
    """
    return parse_settings(given, [spec for spec, _ in services], remedies=remedies)


def connect(settings: Settings, context: ServiceContext, services: Services) -> Service:
    """Return the service that the settings select. Nothing is sent."""
    make = next(make for spec, make in services if spec is settings.service)
    return make(settings, context)


def _connect_dataform_web(settings: Settings, context: ServiceContext) -> Service:
    from dataform_action.services.dataform_web import DataformWeb

    return DataformWeb(
        project_id=settings.project_id,
        token=settings.token,
        api_url=settings.api_url,
        on_exchange=context.on_exchange,
    )


def _connect_google_cloud(settings: Settings, context: ServiceContext) -> Service:
    from dataform_action.services.google.enrich import GITHUB_URL
    from dataform_action.services.google.service import GoogleDataform

    return GoogleDataform(
        project_id=settings.project_id,
        location=settings.location,
        repository=settings.repository,
        token=settings.token or context.credentials(),
        api_url=settings.api_url,
        github_url=context.environ.get("GITHUB_SERVER_URL") or GITHUB_URL,
        on_exchange=context.on_exchange,
    )


#: All services. Register a new service here. The first one that the inputs select is used. The last
#: one is the fallback, so a new one comes before it.
SERVICES: Services = (
    (GOOGLE_CLOUD, _connect_google_cloud),
    (DATAFORM_WEB, _connect_dataform_web),
)
