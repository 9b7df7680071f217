"""The secrets behind a token: each is masked once, and hidden in all that is said."""

from __future__ import annotations

import pytest

from tests.support.google_stand_ins import IMPERSONATION, RUNTIME_TOKEN, Given
from tests.unit.auth.support import Setting, Stop, refusal


def test_all_tokens_are_masked_in_the_order_of_their_making(setting: Setting) -> None:
    """The caller gets the tokens of the steps between as well, each once."""
    source = setting.federation()
    source()
    source()
    assert setting.masked == ["identity-token-1", "federated-token-2", "impersonated-token-3"]


def test_secrets_are_hidden_in_what_a_service_says(setting: Setting) -> None:
    """A service that echoes tokens, as they are or as in a form, does not betray them."""
    echo = (
        f"identity-token-1 federated-token-2 {RUNTIME_TOKEN} impersonated tokens "
        f"{setting.google.url}"
    )
    setting.google.fail(IMPERSONATION, Given(403, {"error": {"message": echo}}))
    error = refusal(setting.federation())
    assert error.message.endswith(f"HTTP 403: *** *** *** impersonated tokens {setting.google.url}")


def test_a_signal_while_masking(setting: Setting) -> None:
    """What was not masked yet is masked by the next call, before it returns."""

    def interrupt(count: int) -> None:
        if count == 2:
            raise Stop

    setting.on_mask = interrupt
    source = setting.federation()
    with pytest.raises(Stop):
        source()
    assert source() == "impersonated-token-3"
    assert setting.masked == [
        *("identity-token-1", "federated-token-2"),
        *("federated-token-2", "impersonated-token-3"),
    ]
