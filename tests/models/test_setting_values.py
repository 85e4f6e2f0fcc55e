"""What the value of a setting may be: each check takes what can be used, and says what is wrong with the rest."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from datafetch.models import setting_values as values

GOOD: list[tuple[Callable[[Any], Any], object, object]] = [
    (values.web_address, "https://k.example.com/api/", "https://k.example.com/api"),
    (values.repositories, "acme/tool, other/*", "acme/tool, other/*"),
    (values.host_names, "nas.local, 10.0.0.7 [::1]", "nas.local, 10.0.0.7 [::1]"),
    (values.request_text, "eu-west-1", "eu-west-1"),
    (values.header_value, "my bot/1.0 (+https://example.com)", "my bot/1.0 (+https://example.com)"),
    (values.known_lock, "file", "file"),
    (values.environment_name, "PROD", "production"),
    (values.known_addressing, "Virtual", "virtual"),
    (values.known_client, "boto3", "boto3"),
    (values.bookmark_server, "https://k.example.com/karakeep/", "https://k.example.com/karakeep"),
    (values.bookmark_server, "https://k.example.com/api/v1/", "https://k.example.com/api/v1"),
    (values.bookmark_server, "https://k.example.com/api/kk", "https://k.example.com/api/kk"),
    (values.github_api, "https://ghe.example.com/api/v3/", "https://ghe.example.com/api/v3"),
    (values.region_name, "us-east-1", "us-east-1"),
    (values.acl_name, "public-read", "public-read"),
    (values.flag_of_ci, "GitHub", True),
    (values.flag_of_ci, "No", False),
    (values.listed, "A,b\n c", ["a", "b", "c"]),
    (values.listed, None, []),
]

BAD: list[tuple[Callable[[Any], Any], object, str]] = [
    (values.web_address, "ftp://k.example.com", "starts with http"),
    (values.web_address, "https://k.example.com:0", "starts with http"),
    (values.web_address, "https://me:secret@k.example.com", "without a user"),
    (values.web_address, "k.example.com", "write https://k.example.com"),
    (values.web_address, "k.example.com/dashboard?x", "write https://k.example.com"),
    (values.web_address, "localhost:3000", "write http://localhost:3000"),
    (values.web_address, "10.0.0.7", "write http://10.0.0.7"),
    (values.web_address, "x.secret" * 20, "such as https://"),
    (values.web_address, "ghp_secretsecret", "such as https://"),
    (values.web_address, "eyJhbGciOi.secret.x", "such as https://"),
    (values.web_address, "https://k example.com", "has white space inside"),
    (values.web_address, "https://k.example.com/?secret=1", "ends before ? and #"),
    (values.web_address, "https://k.example.com/#x", "ends before ? and #"),
    (
        values.bookmark_server,
        "https://k.example.com/dashboard/lists/a",
        "write https://k.example.com",
    ),
    (values.bookmark_server, "http://k.example:3000/kk/signin", "write http://k.example:3000/kk"),
    (
        values.bookmark_server,
        "https://k.example.com/api/v1/lists/a",
        "https://k.example.com/api/v1",
    ),
    (values.github_api, "https://github.com/", "write https://api.github.com"),
    (values.github_api, "https://www.GitHub.com/acme", "write https://api.github.com"),
    (values.environment_name, "staging", "production, development or test"),
    (values.known_addressing, "host", "path or virtual"),
    (values.known_client, "obstore", "not yet obstore"),
    (values.known_client, "curl", "should be boto3"),
    (values.region_name, "us-east-1a", "write its region, us-east-1"),
    (values.region_name, "EU (Ireland)", "write it like eu-west-1"),
    (values.acl_name, "public read", "write it like public-read"),
    (values.repositories, "acme", "which 'acme' is not"),
    (values.repositories, "x" * 9000, "which '" + "x" * 60 + "' is not"),
    (values.host_names, "http:///", "host names"),
    (values.host_names, "x" * 64, "host names"),
    (values.request_text, "eu west", "white space inside"),
    (values.request_text, SecretStr("kéy"), "beyond printable ASCII"),
    (values.bearer_token, SecretStr("two words"), "no spaces"),
    (values.bearer_tokens, SecretStr("new,,old"), "has a comma with no token"),
    (values.bearer_tokens, SecretStr("new, o l d"), "no spaces"),
    (values.secret_address, SecretStr("https://a@b@h.example/"), "should be a URL"),
    (values.secret_address, SecretStr("ftp://u:p@h.example/"), "should be a URL"),
    (values.bearer_token, SecretStr("Bearer secret"), "give the key alone, without `Bearer`"),
    (values.bearer_token, SecretStr("bearer  secret"), "give the key alone, without `Bearer`"),
    (values.bearer_token, SecretStr("token secret"), "give the key alone, without `Token`"),
    (
        values.bearer_token,
        SecretStr("Authorization: Bearer secret"),
        "give the key alone, without `Bearer`",
    ),
    (
        values.bearer_token,
        SecretStr("authorization:secret"),
        "give the key alone, without `Authorization`",
    ),
    (values.header_value, "a\nb", "line ends"),
    (values.known_lock, "redis://:secret@h/x", "the number of a database"),
    (values.known_lock, "flock", "store, file, dynamodb"),
]


@pytest.mark.parametrize(("check", "value", "used"), GOOD)
def test_what_can_be_used_is_taken(
    check: Callable[[Any], Any], value: object, used: object
) -> None:
    """A check returns the value as it is used."""
    assert check(value) == used


@pytest.mark.parametrize(("check", "value", "said"), BAD)
def test_what_cannot_be_used_is_said(check: Callable[[Any], Any], value: object, said: str) -> None:
    """The sentence says what the value should be, and shows no more than its beginning."""
    with pytest.raises(ValueError, match=r".") as caught:
        check(value)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_field_without_a_value_is_not_checked() -> None:
    """None stays None; a value is checked."""
    adapter: TypeAdapter[str | None] = TypeAdapter(
        Annotated[str | None, values.unless_none(values.web_address)]
    )
    assert adapter.validate_python(None) is None
    with pytest.raises(ValidationError, match="starts with http"):
        adapter.validate_python("nonsense")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *(('"secret"', "quotation mark"), ("'secret'", "quotation mark"), ('""', "quotation mark")),
        *(("\u201csecret\u201d", "quotation mark"), ("NAME=secret", "write the value alone")),
        *(("it's", None), ('"', None), ('5" x 3"', None), ("NAMES=secret", None), ("'a\"", None)),
    ],
)
def test_what_came_along_in_copying_is_told(text: str, said: str | None) -> None:
    """Docker's `--env-file` kept the quotes of a token, and the server refused it without a reason."""
    found = values.copied_wrong("NAME", text)
    assert (found is None) == (said is None)
    assert (said or "") in (found or "")
    assert "secret" not in (found or "")


@pytest.mark.parametrize(
    ("type_", "least", "most"),
    [(values.Millis, 0, 604_800_000), (values.LeaseMillis, 100, 604_800_000)],
)
def test_times_are_bounded_by_a_week(type_: Any, least: int, most: int) -> None:
    """Longer ones end in errors of sockets (24 days) and dates (year 9999)."""
    adapter: TypeAdapter[int] = TypeAdapter(type_)
    assert [adapter.validate_python(edge) for edge in (least, most)] == [least, most]
    for beyond in (least - 1, most + 1):
        with pytest.raises(ValidationError):
            adapter.validate_python(beyond)
