"""What an owner reads when a server refuses: what happened, to what, and what to set next."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from datafetch.errors import StoreDenied, StoreError, StoreUnavailable
from datafetch.store.s3 import S3Store
from tests.fakes.base import App, FakeServer, Request, Response

KEY = "json/bookmarks/index.json"
XML = {"Content-Type": "application/xml"}


class Refusing(App):
    """Answers every request in one way; a HEAD without a body."""

    def __init__(self) -> None:
        super().__init__()
        self.response = Response(200)

    def refuse(self, status: int, body: str, **headers: str) -> None:
        """Answer this from now on."""
        self.log.clear()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.response = Response(status, {**XML, **given}, body.encode())

    def answer(self, request: Request) -> Response:
        if request.method == "HEAD":
            return Response(self.response.status, self.response.headers)
        return self.response


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    """One server for all tests."""
    with Refusing().served() as opened:
        yield opened


@pytest.fixture
def refusing(server: FakeServer) -> Refusing:
    """Its application."""
    assert isinstance(server.app, Refusing)
    return server.app


def opened(server: FakeServer, **options: Any) -> S3Store:
    """A store at the server, with as many repetitions as in production."""
    given: dict[str, Any] = {
        "bucket": "site",
        "prefix": "web",
        "endpoint": server.url,
        "access_key": "a",
        "secret_key": "b",
        **options,
    }
    return S3Store(**given)


def document(code: str, message: str = "why", **fields: str) -> str:
    """An error document of S3."""
    inner = "".join(f"<{name}>{text}</{name}>" for name, text in fields.items())
    return f"<Error><Code>{code}</Code><Message>{message}</Message>{inner}</Error>"


def refused(store: S3Store, call: Callable[[S3Store], object] | None = None) -> StoreError:
    """The error of a call, reading one object when no other is given."""
    with closing(store), pytest.raises(StoreError) as caught:
        (call or (lambda store: store.get(KEY)))(store)
    return caught.value


CALLS: dict[str, tuple[Callable[[S3Store], object], str, str]] = {
    "get": (lambda store: store.get(KEY), "s3:GetObject", f"site/web/{KEY}"),
    "head": (lambda store: store.head(KEY), "s3:GetObject", f"site/web/{KEY}"),
    "put": (lambda store: store.put(KEY, b"1"), "s3:PutObject", f"site/web/{KEY}"),
    "delete": (lambda store: store.delete(KEY), "s3:DeleteObject", f"site/web/{KEY}"),
    "list": (lambda store: [*store.list("json/")], "s3:ListBucket", "site"),
}


@pytest.mark.parametrize(("call", "action", "target"), CALLS.values(), ids=CALLS)
def test_a_refused_call_names_the_action_and_what_it_was_for(
    refusing: Refusing,
    server: FakeServer,
    call: Callable[[S3Store], object],
    action: str,
    target: str,
) -> None:
    """The error names the object; the hint has what the policy needs, for all objects at once."""
    refusing.refuse(403, document("AccessDenied", "Access Denied"))
    error = refused(opened(server), call)
    assert type(error) is StoreDenied
    assert f"{action} on {target}: Access Denied" in str(error)
    everything = "site" if target == "site" else "site/web/*"
    assert f"Allow {action} on {everything}." in error.hint
    assert "The bucket's policy" in error.hint
    assert "S3_SECRET_ACCESS_KEY" not in error.hint


@pytest.mark.parametrize("name", ["get", "head"])
def test_a_refused_read_says_that_the_object_may_be_missing(
    refusing: Refusing, server: FakeServer, name: str
) -> None:
    """Without the right to list, S3 answers so on the first run, when there is no object yet."""
    refusing.refuse(403, document("AccessDenied"))
    assert "Without s3:ListBucket on site " in refused(opened(server), CALLS[name][0]).hint


@pytest.mark.parametrize("name", ["put", "delete", "list"])
def test_only_a_read_may_be_refused_for_a_missing_object(
    refusing: Refusing, server: FakeServer, name: str
) -> None:
    """A write needs no right to list."""
    refusing.refuse(403, document("AccessDenied"))
    assert "Without s3:ListBucket" not in refused(opened(server), CALLS[name][0]).hint


def test_a_refused_write_with_an_acl_names_its_action_too(
    refusing: Refusing, server: FakeServer
) -> None:
    """Keys that may write often may not make public; buckets that block ACLs answer the same."""
    refusing.refuse(403, document("AccessDenied"))
    store = opened(server, acl="public-read")
    hint = refused(store, lambda store: store.put(KEY, b"1")).hint
    assert "s3:PutObject and s3:PutObjectAcl on site/web/*" in hint
    assert "leave S3_OBJECT_ACL empty" in hint


def test_a_private_object_needs_no_right_to_an_acl(refusing: Refusing, server: FakeServer) -> None:
    """State is written without an ACL, whatever is set."""
    refusing.refuse(403, document("AccessDenied"))
    store = opened(server, acl="public-read")
    hint = refused(store, lambda store: store.put("json/datafetch/jobs/logos.json", b"1")).hint
    assert "Acl" not in hint
    assert "ACL" not in hint


CASES: dict[str, tuple[int, str, list[str], list[str]]] = {
    "wrong key": (
        403,
        document("InvalidAccessKeyId"),
        ["S3_ACCESS_KEY_ID"],
        ["S3_SECRET_ACCESS_KEY", "policy"],
    ),
    "wrong key at Garage": (
        403,
        document("AccessDenied", "Forbidden: No such key: GK31"),
        ["S3_ACCESS_KEY_ID"],
        ["s3:GetObject"],
    ),
    "wrong secret": (
        403,
        document("SignatureDoesNotMatch"),
        ["S3_SECRET_ACCESS_KEY", "S3_ADDRESSING (now path)"],
        ["S3_ACCESS_KEY_ID", "clock"],
    ),
    "wrong secret at Garage": (
        403,
        document("AccessDenied", "Forbidden: Invalid signature"),
        ["S3_SECRET_ACCESS_KEY"],
        ["s3:GetObject"],
    ),
    "a temporary key that ended": (
        400,
        document("ExpiredToken"),
        ["S3_SESSION_TOKEN", "ended"],
        ["policy"],
    ),
    "a token of another key": (400, document("InvalidToken"), ["S3_SESSION_TOKEN"], ["ended"]),
    "a wrong clock": (
        403,
        document("RequestTimeTooSkewed", ServerTime="2026-11-27T08:00:00Z"),
        ["this machine's clock", "2026-11-27T08:00:00Z"],
        ["S3_SECRET_ACCESS_KEY"],
    ),
    "no bucket": (
        404,
        document("NoSuchBucket"),
        ["S3_BUCKET", "DATAFETCH_STORE", "S3_SERVER_URL", "S3_ADDRESSING=virtual"],
        ["policy"],
    ),
    "a region that the server names": (
        400,
        document("AuthorizationHeaderMalformed", "expecting eu-central-1", Region="eu-central-1"),
        ["Set S3_REGION=eu-central-1."],
        ["S3_ACCESS_KEY_ID"],
    ),
    "a region that the server does not name": (
        400,
        document("AuthorizationHeaderMalformed", "unexpected scope: 20261127/us-east-1/s3"),
        ["S3_REGION", "us-east-1 now", "garage.toml"],
        ["S3_ACCESS_KEY_ID", "S3_SERVER_URL"],
    ),
    "a key with a slash": (
        400,
        document("AuthorizationHeaderMalformed", "the Credential is mal-formed"),
        ["S3_ACCESS_KEY_ID"],
        ["Set S3_REGION"],
    ),
    "virtual hosts only": (
        403,
        document("SecondLevelDomainForbidden"),
        ["S3_ADDRESSING=virtual"],
        ["policy"],
    ),
    "a full disk": (507, document("XMinioStorageFull"), ["no room"], ["S3_SERVER_URL"]),
    "MinIO's console": (
        403,
        document("AccessDenied", "S3 API Requests must be made to API port."),
        ["S3_SERVER_URL", "not of the console"],
        ["s3:GetObject"],
    ),
    "a proxy's page": (403, "<html><body>Forbidden</body></html>", ["proxy"], ["policy", "KEY"]),
    "plain http at nginx": (
        400,
        "<html><h1>The plain HTTP request was sent to HTTPS port</h1></html>",
        ["https:// in S3_SERVER_URL"],
        ["console"],
    ),
    "plain http at MinIO": (
        400,
        "Client sent an HTTP request to an HTTPS server.\n",
        ["https:// in S3_SERVER_URL"],
        ["console"],
    ),
}


@pytest.mark.parametrize(("status", "body", "names", "others"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("name", ["get", "head"])
def test_each_refusal_has_its_way_out_and_no_other(
    refusing: Refusing,
    server: FakeServer,
    status: int,
    body: str,
    names: list[str],
    others: list[str],
    name: str,
) -> None:
    """A hint that names the wrong cause costs an evening; HEAD, which never says why, is no excuse."""
    refusing.refuse(status, body)
    error = refused(opened(server), CALLS[name][0])
    said = f"{error} {error.hint}"
    assert [word for word in names if word not in said] == []
    assert [word for word in others if word in error.hint] == []


@pytest.mark.parametrize("case", ["wrong key", "wrong secret", "a wrong clock", "no bucket"])
def test_what_cannot_pass_is_asked_for_once(
    refusing: Refusing, server: FakeServer, case: str
) -> None:
    """Repeating it would only make the owner wait for the sentence."""
    status, body, _, _ = CASES[case]
    refusing.refuse(status, body)
    refused(opened(server))
    assert refusing.log.count() == 1


def test_a_region_in_the_header_is_named(refusing: Refusing, server: FakeServer) -> None:
    """Amazon names the bucket's region in a header, also where the document does not."""
    refusing.refuse(301, document("PermanentRedirect"), x_amz_bucket_region="eu-west-1")
    hint = refused(opened(server)).hint
    assert "S3_REGION=eu-west-1" in hint
    assert "S3_SERVER_URL" in hint


@pytest.mark.parametrize(
    ("region", "given"), [("us-east-1", "us-east-1"), ("x" * 100, "x" * 100), ("a b", "a b")]
)
def test_a_region_that_helps_nobody_is_not_told_to_be_set(
    refusing: Refusing, server: FakeServer, region: str, given: str
) -> None:
    """The one that is set already, and what is none, are no advice."""
    refusing.refuse(400, document("AuthorizationHeaderMalformed", Region=region))
    assert f"S3_REGION={given}" not in refused(opened(server)).hint


def test_keys_of_the_aws_chain_are_called_by_their_names(
    refusing: Refusing, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever set no S3_ACCESS_KEY_ID would look for it in vain."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    chain = {"access_key": None, "secret_key": None}
    for code, name in [
        ("InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
        ("SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
        ("ExpiredToken", "AWS_SESSION_TOKEN"),
    ]:
        refusing.refuse(403, document(code))
        hint = refused(opened(server, **chain)).hint
        assert name in hint
        assert "S3_ACCESS_KEY_ID" not in hint
        assert "S3_SE" not in hint


def test_a_server_that_fails_is_not_the_settings_fault(
    refusing: Refusing, server: FakeServer
) -> None:
    """An error of the server's own sends nobody to look at S3_SERVER_URL."""
    refusing.refuse(500, document("InternalError"))
    error = refused(opened(server, max_retries=0))
    assert type(error) is StoreUnavailable
    assert "server failed" in error.hint
    assert "S3_SERVER_URL" not in error.hint
