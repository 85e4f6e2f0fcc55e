"""Makes a server's answer safe for botocore to read, or says that it is no answer of S3.

Servers, and the proxies before them, leave out and garble anything. botocore takes for granted
what the API reference promises, and raises whatever Python raises where that is not so.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import TYPE_CHECKING, TypedDict

from botocore.awsrequest import HeadersDict
from botocore.exceptions import BotoCoreError
from botocore.parsers import ResponseParserError
from botocore.response import StreamingBody
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from botocore.model import OperationModel

UNREADABLE = (
    ResponseParserError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
)
"""What botocore raises over a body that it cannot read, like a cut-off listing."""

NO_DOCUMENT = "NoDocument"
"""Our code for an error that does not come from S3."""

_NO_SUCCESS = 300
_REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
_READS = frozenset({"GetObject", "HeadObject"})
_KEPT_HEADERS = frozenset(
    {
        "content-length",
        "content-type",
        "date",
        "etag",
        "last-modified",
        "location",
        "x-amz-bucket-region",
        "x-amz-id-2",
        "x-amz-request-id",
    }
)
"""The headers that we or botocore's redirects use; botocore would read numbers from others."""

_LISTING = re.compile(rb"<(?:\w+:)?ListBucketResult[\s>]")
_IS_COMPLETE = re.compile(rb"<(?:\w+:)?IsTruncated>(?:true|false)</")
_HEAD_OF_BODY = 2048
_PAGE = "a web page"
_WANTS_TLS = re.compile(rb"(?i)http request[^<>]{0,20}https|plain http[^<>]{0,40}(?:https|ssl)")
"""How nginx, Apache and servers in Go (MinIO, Caddy) answer a request without TLS at their port."""
_ETAG = re.compile(r'\s*(?:W/)?"?([^\s"]+)"?\s*')


PLAIN_HTTP = "plain http to a port of https"
"""What is wrong with an answer to a request without TLS that wants one with it."""


class NotS3(Exception):
    """A server answered, but not as S3 answers; its text says what is wrong.

    Attributes:
        status: of HTTP; 0 when it is not known.
        content_type: of the answer, as the server wrote it; empty when it is not known.
    """

    def __init__(self, why: str, *, status: int = 0, content_type: str = "") -> None:
        self.status = status
        self.content_type = content_type
        super().__init__(why)

    @property
    def is_page(self) -> bool:
        """Whether the answer is a web page, by what it says of itself or by its first bytes."""
        return str(self) == _PAGE or self.content_type.lower().startswith("text/html")


class SentElsewhere(Exception):
    """A server answered that the request is to be sent to another address, and gave no region.

    Attributes:
        location: the other address; empty when the server did not say.
    """

    def __init__(self, location: str) -> None:
        self.location = location
        super().__init__()


class Answer(TypedDict):
    """An answer as botocore passes it to handlers of `before-parse`."""

    status_code: int
    headers: MutableMapping[str, str]
    body: bytes | StreamingBody


def tame(*, response_dict: Answer, operation_model: "OperationModel", **_: object) -> None:
    """Leave in an answer only what botocore can read; a handler of botocore's `before-parse`.

    An error document is written anew with those of its fields that hold text. The ETag has its
    canonical form afterwards, or is gone.

    Raises:
        NotS3: the answer says success, and is not what S3 answers to this request.
        SentElsewhere: the answer is a redirection. botocore would ask for the bucket's region,
            be sent elsewhere again, and so on without end.
    """
    body, headers = response_dict["body"], response_dict["headers"]
    kept = {name.lower(): headers[name] for name in headers if name.lower() in _KEPT_HEADERS}
    if not _is_number(kept.get("content-length", "")) and operation_model.name != "GetObject":
        kept.pop("content-length", None)
    if response_dict["status_code"] >= _NO_SUCCESS:
        content = body if isinstance(body, bytes) else b""
        fields = _error_fields(content)
        if _is_redirection(response_dict["status_code"], fields, kept):
            raise SentElsewhere(kept.get("location", ""))
        response_dict["body"] = _error_document(fields, content)
    elif problem := _problem(operation_model.name, response_dict):
        if isinstance(body, StreamingBody):
            _let_go(body)
        content_type = kept.get("content-type", "")
        raise NotS3(problem, status=response_dict["status_code"], content_type=content_type)
    if etag := canonical_etag(kept.pop("etag", None)):
        kept["etag"] = etag
    response_dict["headers"] = HeadersDict(kept)


def _let_go(body: StreamingBody) -> None:
    """Close a body that nobody wants; the connection of an empty one is only given back by reading."""
    with suppress(BotoCoreError, HTTPError, OSError):
        body.read(1)
    body.close()


def canonical_etag(etag: str | None) -> str | None:
    """An ETag in quotes, or None when there is none.

    Servers leave the quotes out, in listings or everywhere; proxies that pack bodies make an ETag
    weak (`W/"…"`). The opaque part is the same (RFC 9110, 8.8.3).
    """
    found = _ETAG.fullmatch(etag or "")
    return f'"{found[1]}"' if found else None


def _problem(operation: str, answer: Answer) -> str | None:
    """Why an answer that says success is not one of S3; None when it is."""
    if operation in _READS:
        problem = _object_problem(answer["status_code"], answer["headers"])
        if problem or operation == "HeadObject":
            return problem
        return _length_problem(answer["headers"])
    body = answer["body"]
    content = body if isinstance(body, bytes) else b""
    if _is_html(content):
        return _PAGE
    return _listing_problem(content) if operation == "ListObjectsV2" else None


def _object_problem(status: int, headers: Mapping[str, str]) -> str | None:
    """Why the answer to a request for an object cannot be one, as far as its headers tell."""
    if status != 200:  # noqa: PLR2004 - HTTP's own number
        return f"HTTP {status}"
    if _is_page(headers):
        return _PAGE
    # Without ETag no later write of the object would be safe.
    return None if canonical_etag(headers.get("etag")) else "no ETag"


def _is_page(headers: Mapping[str, str]) -> bool:
    """Whether an answer comes from a proxy, by its headers: a web page without a sign of S3.

    An object may be a web page too. S3 and its kin then say at least the number of the request.
    """
    is_html = headers.get("content-type", "").lower().startswith("text/html")
    return is_html and not any(name.lower().startswith("x-amz-") for name in headers)


def _listing_problem(body: bytes) -> str | None:
    if not _LISTING.search(body[:_HEAD_OF_BODY]):
        return "no listing"
    if not _IS_COMPLETE.search(body):
        return "a listing that does not say whether it is complete"
    return None


def _is_html(body: bytes) -> bool:
    head = body[:_HEAD_OF_BODY].lower()
    return b"<html" in head or b"<!doctype html" in head


def _length_problem(headers: Mapping[str, str]) -> str | None:
    """Why the end of an object's bytes could not be told from a connection that was cut off."""
    length = headers.get("content-length")
    if length is None:
        is_chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        return None if is_chunked else "no Content-Length"
    return None if _is_number(length) else "a Content-Length that is no number"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_redirection(status: int, fields: Mapping[str, str] | None, kept: Mapping[str, str]) -> bool:
    """Whether the answer leads elsewhere, and is not one by which S3 names a bucket's region.

    Those have an error document with fields, or the header `x-amz-bucket-region`.
    """
    return status in _REDIRECTIONS and not fields and "x-amz-bucket-region" not in kept


def _error_document(fields: Mapping[str, str] | None, body: bytes) -> bytes:
    """An error document that botocore reads, with the fields of the server's that hold text.

    An empty body stays so: botocore then makes the status the code. What is no error document
    becomes one with the code `NO_DOCUMENT`, so that a proxy's 404 never means a missing object.
    """
    if not body.strip():
        return b""
    if fields is None:
        why = _PAGE if _is_html(body) else "neither an answer nor an error of S3"
        if _WANTS_TLS.search(body[:_HEAD_OF_BODY]):
            why = PLAIN_HTTP
        fields = {"Code": NO_DOCUMENT, "Message": why}
    error = ET.Element("Error")
    for name, text in fields.items():
        ET.SubElement(error, name).text = text
    return ET.tostring(error)


def _error_fields(body: bytes) -> dict[str, str] | None:
    """The fields of an error document that hold text, the first of each name; None if it is none."""
    # S3 sends no document type; without one there are no entities that could grow.
    if b"<!DOCTYPE" in body or b"<!doctype" in body:
        return None
    try:
        root = ET.fromstring(body.strip())  # noqa: S314 - see above
    except (ET.ParseError, ValueError, LookupError):
        return None
    error = next((node for node in root.iter() if _local(node) == "Error"), None)
    if error is None:
        return None
    fields: dict[str, str] = {}
    for node in error:
        text = (node.text or "").strip()
        if text and len(node) == 0:
            fields.setdefault(_local(node), text)
    return fields


def _local(node: ET.Element) -> str:
    """An element's name without its namespace."""
    return node.tag.rpartition("}")[2]
