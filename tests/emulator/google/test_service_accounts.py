"""Which service accounts the caller may use for invocations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dataform_action.emulator import Emulator, make_warehouse
from tests.emulator.google.support import DENIED, HOME, INVALID, RUNNER, Warehouse, serve


def serve_sample(**changes: Any) -> Emulator:  # noqa: ANN401
    """Make an emulator of the sample with other rules for service accounts."""
    return serve(replace(make_warehouse(), **changes))


def test_strict_act_as_needs_a_service_account() -> None:
    """With strict checks, an invocation needs credentials from one of three places."""
    with serve_sample(service_account="") as emulator:
        client = Warehouse(emulator.url)
        order: dict[str, object] = {"compilationResult": client.compile()}
        message = "Service account must be set when strict act as checks are enabled"
        for body in (order, {"workflowConfig": f"{HOME}/workflowConfigs/nightly"}):
            assert client.error("POST", "/workflowInvocations", body) == (INVALID, message)
        configs: tuple[object, ...] = (
            {"serviceAccount": RUNNER},
            {"endUserAuthConfig": {"oauthConfig": {}}},
        )
        for config in configs:
            body = order | {"invocationConfig": config}
            assert client.data("POST", "/workflowInvocations", body)["state"] == "RUNNING"
        client.close()


def test_refused_service_accounts() -> None:
    """A refused service account blocks invocations, and releases that its workflows would run."""
    with serve_sample(refused_service_accounts=(RUNNER,)) as emulator:
        client = Warehouse(emulator.url)
        message = f"The caller does not have permission to act as service account: {RUNNER}"
        order: dict[str, object] = {"compilationResult": client.compile()}
        assert client.error("POST", "/workflowInvocations", order) == (DENIED, message)
        order["invocationConfig"] = {"serviceAccount": "other@example.com"}
        assert client.request("POST", "/workflowInvocations", order).status == 200
        patch = "/releaseConfigs/production?updateMask=disabled"
        assert client.error("PATCH", patch, {"disabled": True}) == (DENIED, message)
        patch = "/releaseConfigs/staging?updateMask=disabled"
        assert client.request("PATCH", patch, {"disabled": True}).status == 200
        client.close()


def test_without_strict_checks_no_account_is_needed() -> None:
    """Without strict checks, an invocation needs no account."""
    with serve_sample(service_account="", strict_act_as=False) as emulator:
        client = Warehouse(emulator.url)
        assert client.finish(client.invoke("nightly")) == "SUCCEEDED"
        client.close()
