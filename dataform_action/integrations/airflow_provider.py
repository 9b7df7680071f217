"""What Airflow shows of this package: a connection type with its form, and a link.

Airflow finds the function by the entry point ``apache_airflow_provider``, and calls it at each
start. So this module imports neither Airflow nor other modules of the package.
"""

from __future__ import annotations

from typing import Any

_PACKAGE = "dataform_action.integrations.airflow"
_INTEGRATION = "Dataform"
_TEXT = {"type": ["string", "null"]}
#: The form hides the standard fields that the hook does not use.
_CONNECTION_TYPE = {
    "connection-type": "dataform",
    "hook-class-name": f"{_PACKAGE}.hooks.DataformHook",
    "hook-name": _INTEGRATION,
    "conn-fields": {
        "credentials_file": {
            "label": "Credentials file",
            "description": "Its path on all workers and the triggerer, if there is "
            "no token and GOOGLE_APPLICATION_CREDENTIALS does not name it",
            "schema": _TEXT,
        },
        "api_url": {
            "label": "API URL",
            "description": "The address of your API for Dataform Web, or another "
            "address of Google's API",
            "schema": _TEXT,
        },
    },
    "ui-field-behaviour": {
        "hidden-fields": ["host", "schema", "login", "port", "extra"],
        "relabeling": {"password": "Token"},
        "placeholders": {"password": "Optional on Google Cloud"},
    },
}


def get_provider_info() -> dict[str, Any]:
    """Return the metadata of the provider, in the form of Airflow's provider_info.schema.json."""
    return {
        "package-name": "dataform-action",
        "name": _INTEGRATION,
        "description": "Dataform runs on Google Cloud Dataform and Dataform Web.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://cloud.google.com/dataform",
            }
        ],
        "operators": _modules("operators"),
        "hooks": _modules("hooks"),
        "triggers": _modules("triggers"),
        "connection-types": [_CONNECTION_TYPE],
        "extra-links": [f"{_PACKAGE}.links.DataformRunLink"],
    }


def _modules(name: str) -> list[dict[str, Any]]:
    return [{"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.{name}"]}]
