"""The hook: a service of the library with the credentials of an Airflow connection."""

from __future__ import annotations

import json
import os

from airflow.sdk import BaseHook, Connection

from dataform_action import (
    ApplicationDefaultCredentials,
    DataformWeb,
    GoogleDataform,
    Service,
)


class DataformHook(BaseHook):
    """Make the service of a project.

    With ``location`` and ``repository``, the service is Google Cloud Dataform; without them,
    Dataform Web. The password of the connection is the token. Without a token or a connection,
    Google Cloud Dataform uses Application Default Credentials, which the extra ``credentials_file``
    can name. The extra ``api_url`` is another address of the API.
    """

    conn_name_attr = "conn_id"
    default_conn_name = "dataform_default"
    conn_type = "dataform"
    hook_name = "Dataform"

    def __init__(
        self,
        conn_id: str | None = default_conn_name,
        *,
        project_id: str,
        location: str = "",
        repository: str = "",
    ) -> None:
        super().__init__()
        self.conn_id = conn_id
        self.project_id = project_id
        self.location = location
        self.repository = repository

    def get_conn(self) -> Service:
        """Return the service, for the functions of the library.

        Raises:
            InputError: the project, the token or the address is not valid.
        """
        return self._make_service(
            None if self.conn_id is None else self.get_connection(self.conn_id)
        )

    async def aget_conn(self) -> Service:
        """Return the same as ``get_conn``, for code that runs in an event loop."""
        return self._make_service(
            None if self.conn_id is None else await self.aget_connection(self.conn_id)
        )

    def _make_service(self, connection: Connection | None) -> Service:
        extra = json.loads((connection and connection.extra) or "{}")
        token = (connection and connection.password) or ""
        # A form stores a blank field too.
        address = {"api_url": extra["api_url"]} if extra.get("api_url") else {}
        if not self.repository:
            return DataformWeb(project_id=self.project_id, token=token, **address)
        environ = dict(os.environ)
        if extra.get("credentials_file"):
            environ["GOOGLE_APPLICATION_CREDENTIALS"] = extra["credentials_file"]
        return GoogleDataform(
            project_id=self.project_id,
            location=self.location,
            repository=self.repository,
            token=token or ApplicationDefaultCredentials(environ),
            **address,
        )
