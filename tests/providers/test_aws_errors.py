"""Every way in which AWS or its SDK fails has one class, and none copies its text."""

from __future__ import annotations

import inspect

import botocore.exceptions
import botocore.session
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from providers.aws.calls import CallError, Calls, LoginError, one_by_one
from providers.aws.error_codes import CODES, SDK_CLASSES, UNKNOWN_OPERATION_CODES
from providers.aws.errors import fault_of_code, fault_of_exception
from providers.base import (
    AccessDenied,
    AuthFailed,
    InvalidRef,
    KeyUnusable,
    ProviderError,
    RateLimited,
    SecretNotFound,
    Unavailable,
)

_TEXT = "text-of-the-service-that-is-not-ours"


def sdk_error_classes():
    found = inspect.getmembers(botocore.exceptions, inspect.isclass)
    # These two are roots; ClientError is looked up by code, warnings are not raised.
    return [
        kind
        for _, kind in found
        if issubclass(kind, Exception)
        and not issubclass(kind, Warning)
        and kind not in (BotoCoreError, ClientError)
        and kind.__module__ == "botocore.exceptions"
    ]


def client_error(code: str, *, status: int = 400, headers: dict | None = None) -> ClientError:
    meta = {"HTTPStatusCode": status, "HTTPHeaders": headers or {}, "RequestId": "a-b-c"}
    error = {"Code": code, "Message": _TEXT}
    return ClientError({"Error": error, "ResponseMetadata": meta}, "GetSecretValue")


@pytest.mark.parametrize("kind", sdk_error_classes(), ids=lambda kind: kind.__name__)
def test_every_sdk_exception_is_in_the_table(kind):
    listed = [base for base in kind.__mro__ if base.__name__ in SDK_CLASSES]
    assert listed, f"{kind.__name__} is new in the SDK: decide what the caller must do"
    assert listed[0].__module__ == "botocore.exceptions"


def test_the_sdk_table_names_only_what_exists():
    assert {name for name in SDK_CLASSES if not hasattr(botocore.exceptions, name)} == set()


#: Of services of which a part is used: the operations of that part.
_PARTS = {
    "ssm": """GetParameter GetParameters GetParametersByPath DescribeParameters PutParameter
    DeleteParameter ListTagsForResource AddTagsToResource""",
    "ecr": "GetAuthorizationToken",
    "ecr-public": "GetAuthorizationToken",
}


@pytest.mark.parametrize("service", ["secretsmanager", "sts", *_PARTS])
def test_every_modelled_error_code_is_in_the_table(service):
    model = botocore.session.Session().get_service_model(service)
    operations = _PARTS.get(service, " ".join(model.operation_names)).split()
    codes = {
        shape.metadata.get("error", {}).get("code", shape.name)
        for operation in operations
        for shape in model.operation_model(operation).error_shapes
    }
    assert codes - CODES.keys() == set()


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("GetParametersByPath", "ssm:GetParametersByPath"),
        ("ListTagsForResource", "ssm:ListTagsForResource"),
        ("AddTagsToResource", "ssm:AddTagsToResource"),
        ("TagResource", "secretsmanager:TagResource"),
        ("GetAuthorizationToken", "ecr:GetAuthorizationToken"),
        ("AssumeRole", "sts:AssumeRole"),
    ],
)
def test_denied_operation_names_the_permission_it_needs(operation, action):
    error = fault_of_code("AccessDeniedException").error(operation)
    assert error.remedy == f"allow {action} for this identity"


def test_unknown_operations_are_invalid_refs():
    assert {CODES[code] for code in UNKNOWN_OPERATION_CODES} == {InvalidRef}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        pytest.param("ThrottlingException", RateLimited, id="throttling"),
        pytest.param("RequestLimitExceeded", RateLimited, id="request-limit"),
        pytest.param("AccessDeniedException", AccessDenied, id="denied"),
        pytest.param("ExpiredTokenException", AuthFailed, id="expired-token"),
        pytest.param("UnrecognizedClientException", AuthFailed, id="unknown-key"),
        pytest.param("RequestTimeTooSkewed", AuthFailed, id="clock"),
        pytest.param("ResourceNotFoundException", SecretNotFound, id="missing"),
        pytest.param("InvalidRequestException", InvalidRef, id="invalid-request"),
        pytest.param("DecryptionFailure", KeyUnusable, id="kms-decrypt"),
        pytest.param("EncryptionFailure", KeyUnusable, id="kms-encrypt"),
        pytest.param("InvalidKeyId", KeyUnusable, id="kms-of-a-parameter"),
        pytest.param("InternalServiceError", Unavailable, id="internal"),
        pytest.param("BrandNewException", Unavailable, id="a-code-nobody-knows"),
    ],
)
def test_error_code_gives_its_class_and_none_of_its_text(code, kind):
    error = fault_of_exception(client_error(code)).error("GetSecretValue", "app/db")
    assert type(error) is kind
    assert code in error.message
    assert "app/db" in error.message
    assert _TEXT not in error.message + error.remedy
    assert "a-b-c" not in error.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param(403, Unavailable, id="a-proxy-forbids"),
        pytest.param(429, RateLimited, id="a-proxy-throttles"),
        pytest.param(502, Unavailable, id="bad-gateway"),
    ],
)
def test_reply_without_error_code_is_judged_by_its_status(status, kind):
    fault = fault_of_exception(client_error(str(status), status=status))
    assert fault.kind is kind
    assert fault.code == f"HTTP {status}"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"retry-after": "7"}, 7.0, id="seconds"),
        pytest.param({}, None, id="absent"),
        pytest.param({"retry-after": "soon"}, None, id="garbage"),
        pytest.param(
            {
                "retry-after": "Mon, 06 Jul 2026 10:00:30 GMT",
                "date": "Mon, 06 Jul 2026 10:00:00 GMT",
            },
            30.0,
            id="date",
        ),
        pytest.param({"retry-after": "Mon, 06 Jul 2026 10:00:30 GMT"}, None, id="date-alone"),
    ],
)
def test_retry_after_is_read_without_a_clock(headers, expected):
    error = fault_of_exception(client_error("Throttling", headers=headers)).error("ListSecrets")
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == expected


@pytest.mark.parametrize(
    ("text", "definite"),
    [
        pytest.param("Secrets Manager can't find the specified secret.", True, id="no-secret"),
        pytest.param(
            "Secrets Manager can't find the specified secret value for staging label: X",
            False,
            id="no-value",
        ),
    ],
)
def test_absence_is_definite_only_for_the_secret_itself(text, definite):
    error = fault_of_code("ResourceNotFoundException", text).error("GetSecretValue", "a")
    assert error.definite is definite


def test_denial_by_kms_says_so():
    fault = fault_of_code("AccessDeniedException", "Access to KMS is not allowed")
    assert "kms:Decrypt" in fault.error("GetSecretValue", "a").remedy


def test_denial_names_the_action_to_allow():
    error = fault_of_code("AccessDeniedException").error("GetSecretValue", "a")
    assert error.remedy == "allow secretsmanager:GetSecretValue for this identity"


@pytest.mark.parametrize(
    "raised",
    [
        pytest.param(UnicodeDecodeError("utf-8", b"the-value", 0, 1, "bad"), id="carries-the-body"),
        pytest.param(AttributeError("'list' object has no attribute 'get'"), id="json-of-a-list"),
        pytest.param(client_error("500", status=500), id="body-that-is-no-json"),
    ],
)
def test_unreadable_reply_leaves_no_cause_behind(raised):
    seen = []
    with pytest.raises(CallError) as caught:
        Calls(lambda *call: seen.append(call)).run("GetSecretValue", _raiser(raised))
    error = caught.value.error("app/db")
    assert isinstance(error, Unavailable)
    assert error.__cause__ is None
    assert caught.value.__context__ is None
    assert seen == [("GetSecretValue", "error")]


def test_error_of_the_service_is_kept_as_the_cause():
    denied = client_error("AccessDeniedException")
    with pytest.raises(CallError) as caught:
        Calls(lambda *_: None).run("GetSecretValue", _raiser(denied))
    assert caught.value.error("app/db").__cause__ is denied


def test_error_of_the_login_passes_unchanged_and_uncounted():
    seen, login = [], AuthFailed("the token has expired")
    with pytest.raises(CallError) as caught:
        Calls(lambda *call: seen.append(call)).run("GetSecretValue", _raiser(login))
    assert caught.value.error("app/db") is login
    assert seen == []


def test_login_that_fails_answers_for_every_name_as_it_is_and_is_tried_once():
    asked, login = [], AuthFailed("the token has expired")

    def ask(name):
        asked.append(name)
        raise LoginError(login, "GetParameter")

    answers = one_by_one(["a", "b", "c"], ask)
    assert list(answers.values()) == [login] * 3
    assert asked == ["a"]


def test_every_class_of_the_contract_has_codes_or_sdk_errors():
    leaves = {SecretNotFound, AccessDenied, AuthFailed, InvalidRef, KeyUnusable}
    leaves |= {Unavailable, RateLimited}
    assert set(CODES.values()) | set(SDK_CLASSES.values()) == leaves
    assert all(issubclass(kind, ProviderError) for kind in leaves)


def _raiser(exc: Exception):
    def call(**_):
        raise exc

    return call
