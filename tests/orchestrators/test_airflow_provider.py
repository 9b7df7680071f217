"""What Airflow finds by the metadata of the package: the hook, the connection type, the link."""

from __future__ import annotations

import importlib
import json
import logging
from typing import Any

import pytest

from dataform_action import DataformWeb, GoogleDataform, __version__
from dataform_action.emulator import Emulator

_PACKAGE = "dataform_action.integrations.airflow"


@pytest.fixture
def manager(airflow_home: object) -> Any:
    from airflow.providers_manager import ProvidersManager

    return ProvidersManager()


def test_the_provider_is_found(manager: Any) -> None:
    """Airflow accepts the metadata, and all modules that it names exist."""
    provider = manager.providers["dataform-action"]
    assert provider.version == __version__
    kinds = [kind for name in ("operators", "hooks", "triggers") for kind in provider.data[name]]
    modules = [module for kind in kinds for module in kind["python-modules"]]
    assert len(modules) == 3
    for module in modules:
        importlib.import_module(module)


def test_the_connection_type(manager: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Airflow registers the connection type, its form and its hook without a warning."""
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    with caplog.at_level(logging.WARNING):
        hook = ProvidersManagerTaskRuntime().hooks["dataform"]
        fields = {name for name in manager.connection_form_widgets if "__dataform__" in name}
    assert caplog.messages == []
    assert (hook.hook_name, hook.hook_class_name) == ("Dataform", f"{_PACKAGE}.hooks.DataformHook")
    assert hook.connection_id_attribute_name == "conn_id"
    assert fields == {"extra__dataform__api_url", "extra__dataform__credentials_file"}
    assert manager.field_behaviours["dataform"]["relabeling"] == {"password": "Token"}


def test_the_link(manager: Any) -> None:
    """Airflow lists the link, and can import its class."""
    assert f"{_PACKAGE}.links.DataformRunLink" in manager.extra_links_class_names


def test_the_hook_of_a_connection(emulator: Emulator, connections: None) -> None:
    """Airflow makes the hook of a connection, and the hook makes the service."""
    from airflow.sdk import BaseHook

    hook = BaseHook.get_hook("dataform_web", {"project_id": "1234"})
    service = hook.get_conn()
    assert isinstance(service, DataformWeb)
    assert service.describe("77").log_url == f"{emulator.url}/#/1234/run/77"


def test_blank_fields_of_the_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """The form stores blank fields, which count as absent."""
    from dataform_action.integrations.airflow import DataformHook

    extra = {"api_url": "", "credentials_file": None}
    connection = {"conn_type": "dataform", "password": "t0ken", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_DATAFORM_DEFAULT", json.dumps(connection))
    hook = DataformHook(project_id="my-project", location="europe-west1", repository="warehouse")
    assert isinstance(hook.get_conn(), GoogleDataform)
