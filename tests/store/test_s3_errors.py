"""What the errors of an S3 client mean, by type, status and code."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    ReadTimeoutError,
)
from urllib3.exceptions import IncompleteRead

from datafetch.errors import (
    NotSupported,
    ObjectNotFound,
    PreconditionFailed,
    StoreConflict,
    StoreDenied,
    StoreError,
    StoreUnavailable,
)
from datafetch.redaction import register_secrets
from datafetch.store.s3_answers import NotS3, SentElsewhere
from datafetch.store.s3_errors import NOTHING_SPECIAL, Sent, answer_of, error_of
from datafetch.store.s3_place import BucketAddress

KEY = "json/bookmarks/index.json"
FOR = f"for s3:GetObject on bucket/{KEY}"
ENDPOINT = "https://user:password@s3.example.net/base?token=secret"
AT = BucketAddress(
    label="s3://bucket",
    bucket="bucket",
    prefix="",
    endpoint=ENDPOINT,
    addressing="path",
    region="us-east-1",
    from_settings=True,
    own_keys=True,
)


def refusal(status: int, code: str, message: str = "why", **fields: str) -> ClientError:
    """The client's error for an error answer."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": message, **fields},  # type: ignore[typeddict-item]
            "ResponseMetadata": {  # type: ignore[typeddict-item]
                "HTTPStatusCode": status,
            },
        },
        "GetObject",
    )


def translated(error: Exception, key: str = KEY, sent: Sent = NOTHING_SPECIAL) -> StoreError:
    """The error of the store for an error of the client."""
    return error_of(error, at=AT, key=key, sent=sent)


def test_what_a_server_says_holds_no_part_of_a_secret_and_steers_no_terminal() -> None:
    """A secret that stood where the text was cut was no longer known for one."""
    secret = "c2VjcmV0LW9mLXRoZS1rZXk"
    register_secrets([secret])
    for before in ("x " * 95, " " * 1590):
        said = str(translated(refusal(400, "Odd\x1b[2J", f"{before}{secret} \x1b[2J")))
        assert secret[:4] not in said
        assert "\x1b" not in said


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchKey", ObjectNotFound),
        (404, "404", ObjectNotFound),
        (404, "NoSuchBucket", StoreUnavailable),
        (404, "", StoreUnavailable),
        (400, "NoSuchKey", StoreUnavailable),
        (412, "PreconditionFailed", PreconditionFailed),
        (409, "ConditionalRequestConflict", StoreConflict),
        (409, "OperationAborted", StoreConflict),
        (401, "Unauthorized", StoreDenied),
        (403, "AccessDenied", StoreDenied),
        (400, "ExpiredToken", StoreDenied),
        (400, "InvalidToken", StoreDenied),
        (400, "TokenRefreshRequired", StoreDenied),
        (400, "AuthorizationHeaderMalformed", StoreDenied),
        (400, "BadRequest", StoreUnavailable),
        (500, "InternalError", StoreUnavailable),
        (503, "SlowDown", StoreUnavailable),
        (501, "NotImplemented", NotSupported),
        (501, "", NotSupported),
        (400, "NotImplemented", NotSupported),
        (400, "AccessControlListNotSupported", StoreUnavailable),
        (301, "PermanentRedirect", StoreUnavailable),
    ],
)
def test_an_error_answer_has_one_meaning(status: int, code: str, kind: type[StoreError]) -> None:
    """Only a 404 for the object itself says that it is missing."""
    error = translated(refusal(status, code))
    assert type(error) is kind
    assert error.key == KEY


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (400, "AuthorizationHeaderMalformed", "S3_REGION"),
        (404, "NoSuchBucket", "S3_BUCKET"),
        (301, "PermanentRedirect", "S3_REGION"),
        (307, "TemporaryRedirect", "S3_REGION"),
        (301, "301", "S3_REGION"),
        (400, "AccessControlListNotSupported", "S3_OBJECT_ACL"),
        (403, "RequestTimeTooSkewed", "clock"),
    ],
)
def test_a_hint_says_what_to_look_at(status: int, code: str, hint: str) -> None:
    """Where the code tells the cause, so does the hint."""
    assert hint in translated(refusal(status, code)).hint


def test_a_bucket_at_another_server_is_told_by_its_host() -> None:
    """Where the server names no region, it names the host to which it sends."""
    host = "site.s3.eu-central-1.amazonaws.com"
    hint = translated(refusal(301, "PermanentRedirect", Endpoint=host)).hint
    assert host in hint
    assert "S3_REGION" in hint
    assert "a b" not in translated(refusal(301, "PermanentRedirect", Endpoint="a b")).hint


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (ConnectTimeoutError(endpoint_url=ENDPOINT), "no connection"),
        (ReadTimeoutError(endpoint_url=ENDPOINT), "no answer"),
        (IncompleteRead(3, 4), "no whole answer"),
        (ConnectionResetError(), "no whole answer"),
    ],
)
def test_a_call_without_an_answer_is_unavailable(error: Exception, what: str) -> None:
    """The error names the server and what happened, without the URL and its secrets."""
    said = translated(error)
    assert type(said) is StoreUnavailable
    assert "https://s3.example.net/base" in str(said)
    assert what in str(said)
    assert "password" not in str(said)
    assert "secret" not in str(said)


def test_missing_credentials_are_denied() -> None:
    """Trying again would not help: there is nothing to sign requests with."""
    said = translated(NoCredentialsError())
    assert type(said) is StoreDenied
    assert "no credentials" in str(said)
    assert "S3_ACCESS_KEY_ID" in said.hint


@pytest.mark.parametrize("error", [refusal(500, "InternalError"), ConnectionResetError()])
def test_an_error_names_its_object_or_else_its_store(error: Exception) -> None:
    """A listing of everything has no key."""
    assert str(translated(error)).startswith(f"{KEY}:")
    assert str(translated(error, key="")).startswith("s3://bucket:")


def test_the_servers_text_is_short_and_has_no_secrets() -> None:
    """A server may repeat the request in its answer."""
    said = str(translated(refusal(500, "X", "Authorization: Bearer abc.def.ghi " + "x" * 1000)))
    assert "abc.def.ghi" not in said
    assert len(said) < 400


def test_an_answer_that_says_nothing_is_read_all_the_same() -> None:
    """Status and code may both be missing."""
    assert answer_of(ClientError({}, "GetObject")) == (0, "")
    assert type(translated(ClientError({}, "GetObject"))) is StoreUnavailable


@pytest.mark.parametrize(
    "error",
    [
        {"Code": None, "Message": None},
        {"Code": {}, "Message": {}},
        {"Code": "", "Message": ""},
        {},
    ],
)
def test_an_error_without_a_text_is_an_error_all_the_same(error: object) -> None:
    """An error document with an empty `<Message>` was a TypeError in every command."""
    answer: Any = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 403}}
    said = translated(ClientError(answer, "GetObject"))
    assert type(said) is StoreDenied
    assert str(said) == f"{KEY}: HTTP 403 for s3:GetObject on bucket/{KEY}"


@pytest.mark.parametrize(
    ("code", "message", "said"),
    [
        ("AccessDenied", "why", f"{KEY}: AccessDenied (HTTP 403) {FOR}: why"),
        ("AccessDenied", "", f"{KEY}: AccessDenied (HTTP 403) {FOR}"),
        ("403", "Forbidden", f"{KEY}: HTTP 403 {FOR}: Forbidden"),
        ("Odd", "two\nlines", f"{KEY}: Odd (HTTP 403): two lines"),
    ],
)
def test_an_error_says_what_the_server_said(code: str, message: str, said: str) -> None:
    """What a server leaves out leaves no hole in the sentence."""
    assert str(translated(refusal(403, code, message))) == said


REFUSES_ACL = [
    refusal(501, "NotImplemented", "Header 'x-amz-acl' with value 'public-read' not implemented"),
    refusal(400, "NotImplemented", "ACL is not supported"),
    refusal(501, "NotImplemented", "", Header="x-amz-acl"),
    refusal(400, "InvalidArgument", "", ArgumentName="x-amz-acl"),
    refusal(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"),
]


@pytest.mark.parametrize("error", REFUSES_ACL)
@pytest.mark.parametrize("sent", [Sent(acl=True), Sent(acl=True, condition=True)])
def test_an_acl_that_a_server_refuses_is_called_so(error: ClientError, sent: Sent) -> None:
    """An ACL that a store does not know was called "no conditional writes"."""
    said = translated(error, sent=sent)
    assert type(said) is StoreUnavailable
    assert "leave s3_object_acl empty" in said.hint.lower()
    assert "conditional" not in said.hint


def test_a_request_without_an_acl_is_not_refused_for_one() -> None:
    """A bucket's name in the server's words led to a setting that was empty, and not to the lock."""
    words = "If-Match is not implemented for acl-site"
    said = translated(refusal(501, "NotImplemented", words), sent=Sent(condition=True))
    assert type(said) is NotSupported
    assert "conditional writes" in said.hint
    assert "S3_OBJECT_ACL" not in said.hint


@pytest.mark.parametrize("code", ["NotImplemented", ""])
@pytest.mark.parametrize("status", [400, 501])
def test_only_a_write_on_a_condition_fails_for_its_condition(status: int, code: str) -> None:
    """A server that does not know the newer listing was said not to know conditional writes."""
    if (status, code) == (400, ""):
        return
    error = refusal(status, code)
    assert "conditional writes" in translated(error, sent=Sent(condition=True)).hint
    for sent in (NOTHING_SPECIAL, Sent(acl=True)):
        assert "conditional" not in translated(error, sent=sent).hint


def test_a_refused_write_with_an_acl_names_both_causes() -> None:
    """A bucket that blocks public ACLs answers as to wrong credentials."""
    assert "S3_OBJECT_ACL" in translated(refusal(403, "AccessDenied"), sent=Sent(acl=True)).hint
    assert "S3_OBJECT_ACL" not in translated(refusal(403, "AccessDenied")).hint


@pytest.mark.parametrize("text", ["miracle", "oracles", "The Tentacle"])
def test_a_word_that_holds_the_letters_is_not_about_the_acl(text: str) -> None:
    """Only the word itself names the cause."""
    assert "S3_OBJECT_ACL" not in translated(refusal(400, "Bad", text)).hint


@pytest.mark.parametrize("address", ["https://login.example.com", "http://s3.example.com"])
def test_a_redirection_says_where_to(address: str) -> None:
    """Plain http before https, or a log-in page: the other address is named, without its query."""
    said = translated(SentElsewhere(f"{address}:8443/start?token=secret"))
    assert type(said) is StoreUnavailable
    assert str(said) == f"{KEY}: https://s3.example.net/base sends the request on to {address}:8443"
    assert "S3_SERVER_URL" in said.hint
    assert "secret" not in f"{said} {said.hint}"


@pytest.mark.parametrize("location", ["", "http://[", "nonsense"])
def test_a_redirection_to_nowhere_is_about_the_region(location: str) -> None:
    """S3 answers so to a request for a bucket of another region, without a body to a HEAD."""
    said = translated(SentElsewhere(location))
    assert type(said) is StoreUnavailable
    assert "S3_REGION" in said.hint


def test_a_redirection_to_its_own_pages_is_a_web_site() -> None:
    """Web applications lead strangers to their log-in so; S3 never does, and its region is not in doubt."""
    said = translated(SentElsewhere("/login?next=secret"))
    assert type(said) is StoreUnavailable
    assert "another of its own pages" in str(said)
    assert "the address of S3 itself" in said.hint
    assert "S3_REGION" not in said.hint
    assert "secret" not in f"{said} {said.hint}"


@pytest.mark.parametrize(
    ("endpoint", "right"),
    [
        ("https://s3.example.net/bucket", "set https://s3.example.net."),
        ("https://bucket.s3.example.net", "set https://s3.example.net."),
        ("https://s3.example.net", "Check S3_SERVER_URL"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "json/bookmarks/by-id/"])
def test_a_listing_taken_for_an_object_names_the_bucket_in_the_address(
    endpoint: str, right: str, prefix: str
) -> None:
    """Providers show addresses with the bucket in them; writes then pass, and the first list says "no key"."""
    at = replace(AT, endpoint=endpoint)
    said = error_of(refusal(404, "NoSuchKey"), at=at, key=prefix)
    assert type(said) is StoreUnavailable
    assert "does not list the bucket bucket" in str(said)
    assert right in said.hint


@pytest.mark.parametrize(("key", "what"), [(KEY, KEY), ("", "s3://bucket")])
@pytest.mark.parametrize(
    ("error", "why"), [(NotS3("no ETag"), "no ETag"), (KeyError("x"), "KeyError in its answer")]
)
def test_what_is_no_answer_of_s3_is_said_so(
    error: Exception, why: str, key: str, what: str
) -> None:
    """The sentence names object, host and reason, and no secret of the address."""
    said = translated(error, key)
    assert type(said) is StoreUnavailable
    assert str(said) == f"{what}: https://s3.example.net/base does not answer as S3 ({why})"
    assert "S3_SERVER_URL" in said.hint
    assert said.key == key


def test_a_redirection_to_https_at_the_same_port_says_so() -> None:
    """The port was left out of the comparison, and the hint spoke of a proxy."""
    at = replace(AT, endpoint="http://s3.example.net:9000")
    error = error_of(SentElsewhere("https://s3.example.net:9000/bucket?x=secret"), at=at, key=KEY)
    assert "https://s3.example.net:9000" in str(error)
    assert error.hint == "Write https:// in S3_SERVER_URL."
