"""The dialects of S3 servers other than Amazon's, laid over moto: what they understand and how they answer.

Seen on: Ceph RGW 16, DigitalOcean Spaces and Hetzner (`unquoted`); rclone's and s3rver's servers and Google's
S3 interface (`ignoring`); Backblaze B2 (`unsupported`); Aliyun and OpenStack Swift (`unsupported-400`). `thin` leaves
out, all at once, what one or another server or proxy was seen to leave out.
"""

import re
from dataclasses import replace
from typing import Literal

from tests.fakes.message import Request, Response

Dialect = Literal["quoted", "unquoted", "ignoring", "unsupported", "unsupported-400", "thin"]

_CONDITIONS = ("if-match", "if-none-match")
_XML = {"Content-Type": "application/xml"}
_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>{}</Message></Error>'


def refusal(dialect: Dialect, request: Request) -> Response | None:
    """What the server answers instead of looking at a conditional PUT; None when it takes the request."""
    if request.method != "PUT" or not any(name in request.headers for name in _CONDITIONS):
        return None
    match dialect:
        case "unsupported":
            return _error(
                501,
                "NotImplemented",
                "A header you provided implies functionality that is not implemented.",
            )
        case "unsupported-400":
            return _error(400, "NotImplemented", "")
        case "unquoted" if request.headers.get("if-match", "").startswith('"'):
            return _error(412, "PreconditionFailed", "")
    return None


def understood(dialect: Dialect, request: Request) -> Request:
    """The request as moto has to see it, so that it acts as the server would."""
    if request.method != "PUT":
        return request
    headers = dict(request.headers)
    if dialect == "ignoring":
        for name in _CONDITIONS:
            headers.pop(name, None)
    elif dialect == "unquoted" and re.fullmatch(r"[^\"]+", headers.get("if-match", "")):
        headers["if-match"] = f'"{headers["if-match"]}"'
    return replace(request, headers=headers)


def told(dialect: Dialect, request: Request, response: Response) -> Response:
    """The answer as the server of the dialect sends it."""
    if dialect != "thin":
        return response
    dropped = {"etag"} if request.method == "PUT" else {"last-modified"}
    kept = {name: value for name, value in response.headers.items() if name.lower() not in dropped}
    body = response.body
    if response.status >= 400:
        body = re.sub(rb"<Message>.*?</Message>", b"<Message></Message>", body)
    elif b"<ListBucketResult" in body[:1000]:
        body = re.sub(rb"<ETag>(?:&quot;|\")(.*?)(?:&quot;|\")</ETag>", rb"<ETag>\1</ETag>", body)
    return response.changed(headers=kept, body=body)


def _error(status: int, code: str, message: str) -> Response:
    return Response(status, dict(_XML), _ERROR.format(code, message).encode())
