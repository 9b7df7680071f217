"""The secrets of token requests: each is masked once, and hidden in all messages."""

from __future__ import annotations

import json

import pytest

from tests.support.google_stand_ins import EXCHANGE, IDENTITY, IMPERSONATION, RUNTIME_TOKEN, Reply
from tests.unit.auth.support import Setting, Stop, refusal


def test_all_tokens_are_masked(setting: Setting) -> None:
    """The caller receives each token once, including those of intermediate steps."""
    source = setting.federation()
    source()
    source()
    assert setting.masked == ["identity-token-1", "federated-token-2", "impersonated-token-3"]


def test_secrets_in_the_message_of_a_service(setting: Setting) -> None:
    """Tokens that a service repeats in its message are hidden."""
    echo = (
        f"identity-token-1 federated-token-2 {RUNTIME_TOKEN} impersonated tokens "
        f"{setting.google.url}"
    )
    setting.google.fail(IMPERSONATION, Reply(403, {"error": {"message": echo}}))
    error = refusal(setting.federation())
    assert error.message.endswith(f"HTTP 403: *** *** *** impersonated tokens {setting.google.url}")


def test_secrets_of_the_file_in_the_message_of_a_service(setting: Setting) -> None:
    """Values of the file are hidden whatever their names, if they may be secrets."""
    info = setting.google.external_account()
    info["credential_source"]["headers"] |= {"X-Api-Key": "k3y-of-the-file", "Accept": "text/xml"}
    info["more"] = [{"pass-phrase": "op3n-s3same"}]
    echo = f"bad k3y-of-the-file op3n-s3same text/xml {info['audience']}"
    setting.google.fail(IDENTITY, Reply(403, {"error": {"message": echo}}))
    error = refusal(setting.source(info))
    assert error.message.endswith(f"HTTP 403: bad *** *** text/xml {info['audience']}")


def test_secrets_of_amazon_in_the_message_of_a_service(setting: Setting) -> None:
    """Credentials of AWS are hidden: from variables, from headers and from its metadata server."""
    google = setting.google
    info = google.external_account(impersonation=False) | {
        "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
        "credential_source": {
            "environment_id": "aws1",
            "url": f"{google.url}/latest/meta-data/iam/security-credentials",
            "region_url": f"{google.url}/latest/meta-data/placement/availability-zone",
            "imdsv2_session_token_url": f"{google.url}/latest/api/token",
            "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?x=y",
        },
    }
    path = setting.folder / "credentials.json"
    path.write_text(json.dumps(info))
    environ = {
        "GOOGLE_APPLICATION_CREDENTIALS": str(path),
        "AWS_SESSION_TOKEN": "s3ssion-of-aws",
        "AWS_SECRET_ACCESS_KEY": "s3cret-of-aws",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "c0ntainer-of-aws",
        "AWS_REGION": "eu-west-1",
    }
    # One for the region, and one for the credentials.
    google.fail("/latest/api/token", *[Reply(body=b"imds-s3ssion-token")] * 2)
    google.fail("/latest/meta-data/placement/availability-zone", Reply(body=b"eu-west-1b"))
    google.fail("/latest/meta-data/iam/security-credentials", Reply(body=b"role"))
    keys = {"AccessKeyId": "id", "SecretAccessKey": "k3y-of-imds", "Token": "t0ken-of-imds"}
    google.fail("/latest/meta-data/iam/security-credentials/role", Reply(body=keys))
    secrets = "imds-s3ssion-token k3y-of-imds t0ken-of-imds s3ssion-of-aws s3cret-of-aws"
    echo = f"{secrets} c0ntainer-of-aws eu-west-1"
    google.fail(EXCHANGE, Reply(403, {"error": {"message": echo}}))
    error = refusal(setting.source_of(environ))
    assert error.message.endswith("HTTP 403: *** *** *** *** *** *** eu-west-1")


def test_signal_during_masking(setting: Setting) -> None:
    """If a signal interrupts the masking, the next call masks the rest before it returns."""

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
