"""What to type next when an S3 server refuses a call, by the server's code.

A hint names a cause only where the code, or the words of a server that has one code for all,
tells it apart from the others. Codes: Amazon S3 API reference, "Error responses". Garage says
`AccessDenied` to an unknown key and to a wrong signature, too, and MinIO's console to every call.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from datafetch.store.s3_place import BucketAddress

ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
}
"""Every call of the store, and the action that a policy has to allow for it.

Amazon S3 user guide, "Required permissions for Amazon S3 API operations".
"""

ACL_ACTION = "s3:PutObjectAcl"
"""What a `PutObject` with an ACL needs besides."""

LIST_ACTION = "s3:ListBucket"

_READS = frozenset({"GetObject", "HeadObject"})
_ON_THE_BUCKET = frozenset({"ListObjectsV2", "HeadBucket"})
_POLICY = 'The README has a whole policy under "The bucket\'s policy".'
_CONSOLE = re.compile(r"\bAPI port\b", re.IGNORECASE)
_NO_SUCH_KEY = re.compile(r"no such key|access key id .{0,100}not exist", re.IGNORECASE)
_SIGNATURE = re.compile(r"\bsignature\b", re.IGNORECASE)
_ABOUT_REGION = re.compile(r"\bregion\b|\bscope\b", re.IGNORECASE)
_REGION = re.compile(r"[A-Za-z0-9-]{1,40}")
_TIME = re.compile(r"[0-9TZ:. +-]{10,40}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,255}")

_FULL = "The server has no room: make some there, or raise the bucket's quota."
_FULL_STATUS = 507  # RFC 4918, 11.5


@dataclass(frozen=True, slots=True)
class Refusal:
    """A server's refusal of a call.

    Attributes:
        operation: the call, by botocore's name.
        status: of HTTP.
        code: of S3; empty when there was none.
        fields: the texts of the error document, by name, and `Region` from its header.
        key: the object's key, or the prefix that was listed.
        acl: whether the call named an ACL.
    """

    operation: str
    status: int
    code: str
    fields: Mapping[str, str]
    key: str = ""
    acl: bool = False

    @property
    def message(self) -> str:
        """What the server said."""
        return self.fields.get("Message", "")

    @property
    def action(self) -> str:
        """The action that the call needs; empty for a call that is none of the store's."""
        return ACTIONS.get(self.operation, "")

    @property
    def is_about_rights(self) -> bool:
        """Whether code and words say no more than that the action is not allowed."""
        return self.code in ("AccessDenied", "Forbidden", "AllAccessDisabled") and not (
            _CONSOLE.search(self.message)
            or _NO_SUCH_KEY.search(self.message)
            or _SIGNATURE.search(self.message)
        )

    def target(self, at: BucketAddress) -> str:
        """What the action was to be done to, as a policy names it."""
        return at.resource("" if self.operation in _ON_THE_BUCKET else self.key)

    def whole_target(self, at: BucketAddress) -> str:
        """What to allow the action on: what is refused for one object is so for the next, too."""
        return at.resource("" if self.operation in _ON_THE_BUCKET else "*")


def hint_for(refusal: Refusal, at: BucketAddress) -> str | None:
    """What to do next; None when the refusal does not tell the cause."""
    hint = _by_words(refusal, at) or _by_code(refusal, at)
    if hint is None and refusal.is_about_rights:
        hint = _rights_hint(refusal, at)
    return hint


def region_hint(at: BucketAddress, region: str = "") -> str:
    """What to do when requests are signed for the wrong region; the server may name the right one."""
    if _REGION.fullmatch(region) and region != at.region:
        return f"Set S3_REGION={region}."
    return (
        f"S3_REGION is not the region of this server: it is {at.region} now. Garage has its own in"
        " garage.toml (s3_region)."
    )


def moved_hint(at: BucketAddress, region: str = "", host: str = "") -> str:
    """What to do when the bucket is at another server; this one may name its region, or its host."""
    if _REGION.fullmatch(region) and region != at.region:
        hint = f"Set S3_REGION={region}"
    elif _HOST.fullmatch(host):
        hint = f"The bucket is at {host}: set S3_REGION to that region"
    else:
        hint = f"Set S3_REGION to the bucket's region; {at.region} is not it"
    return f"{hint}, and S3_SERVER_URL to the server there." if at.from_settings else f"{hint}."


def no_bucket_hint(at: BucketAddress) -> str:
    """What to do when there is no such bucket."""
    hint = (
        f"Check the bucket's name in S3_BUCKET or DATAFETCH_STORE, and {at.setting}; datafetch does"
        " not create buckets."
    )
    return _with(hint, at.doubt() or _addressing_doubt(at))


def _by_words(refusal: Refusal, at: BucketAddress) -> str | None:
    """By the words of servers that give several causes the same code."""
    if refusal.code != "AccessDenied":
        return None
    if _CONSOLE.search(refusal.message):
        return _with(f"Set {at.setting} to the port of S3, not of the console.", at.port_doubt())
    if _NO_SUCH_KEY.search(refusal.message):
        return _key_hint(refusal, at)
    if _SIGNATURE.search(refusal.message):
        return _signature_hint(refusal, at)
    return None


def _by_code(refusal: Refusal, at: BucketAddress) -> str | None:
    if refusal.status == _FULL_STATUS:
        return _FULL
    hint = next((hint for codes, hint in _HINTS if refusal.code in codes), None)
    return hint(refusal, at) if callable(hint) else hint


def _key_hint(_refusal: Refusal, at: BucketAddress) -> str:
    return (
        f"Check {at.key_id}: {at.server} does not know this key. It may be deleted, or of another"
        " server."
    )


def _signature_hint(_refusal: Refusal, at: BucketAddress) -> str:
    hint = (
        f"Check {at.secret}: it does not belong to the key, or is not whole. If it is right, check"
        f" S3_ADDRESSING (now {at.addressing}), and whether a proxy changes host or path."
    )
    return _with(hint, at.doubt())


def _ended_hint(_refusal: Refusal, at: BucketAddress) -> str:
    return f"The temporary key has ended: set a new one, with its session token ({at.token})."


def _token_hint(_refusal: Refusal, at: BucketAddress) -> str:
    return (
        f"The session token and the key do not belong together: set both anew ({at.token}), or"
        " leave the token empty for a key that lasts."
    )


def _clock_hint(refusal: Refusal, _at: BucketAddress) -> str:
    server_time = refusal.fields.get("ServerTime", "")
    says = f"; the server has {server_time}" if _TIME.fullmatch(server_time) else ""
    return f"Check this machine's clock (date -u){says}."


def _header_hint(refusal: Refusal, at: BucketAddress) -> str:
    region = refusal.fields.get("Region", "")
    if region or _ABOUT_REGION.search(refusal.message):
        return region_hint(at, region)
    return f"Check {at.key_id}, which must be the key's name alone, and S3_REGION."


def _moved_hint(refusal: Refusal, at: BucketAddress) -> str:
    return moved_hint(at, refusal.fields.get("Region", ""), refusal.fields.get("Endpoint", ""))


def _bucket_hint(_refusal: Refusal, at: BucketAddress) -> str:
    return no_bucket_hint(at)


def _rights_hint(refusal: Refusal, at: BucketAddress) -> str | None:
    action = refusal.action
    if not action:
        return None
    needed = f"{action} and {ACL_ACTION}" if refusal.acl else action
    hint = f"Allow {needed} on {refusal.whole_target(at)}."
    if refusal.acl:
        hint += " Some buckets refuse public ACLs: leave S3_OBJECT_ACL empty for them."
    if refusal.operation in _READS:
        hint += (
            f" Without {LIST_ACTION} on {at.bucket} S3 says the same of an object that is not"
            " there: allow that, too."
        )
    if refusal.operation in _ON_THE_BUCKET:
        hint += " A bucket of somebody else answers so, too."
    return _with(f"{hint} {_POLICY}", at.doubt())


def _addressing_doubt(at: BucketAddress) -> str:
    if not at.from_settings:
        return ""
    other = "virtual" if at.addressing == "path" else "path"
    return f"Some servers need S3_ADDRESSING={other}."


def _with(hint: str, more: str) -> str:
    return f"{hint} {more}" if more else hint


_HINTS: tuple[tuple[frozenset[str], str | Callable[[Refusal, BucketAddress], str]], ...] = (
    (frozenset({"InvalidAccessKeyId", "InvalidSecurity"}), _key_hint),
    (frozenset({"SignatureDoesNotMatch"}), _signature_hint),
    (frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}), _ended_hint),
    (frozenset({"InvalidToken"}), _token_hint),
    (frozenset({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"}), _clock_hint),
    (frozenset({"AuthorizationHeaderMalformed"}), _header_hint),
    (
        frozenset(
            {
                "IllegalLocationConstraintException",
                "InvalidRegion",
                "PermanentRedirect",
                "TemporaryRedirect",
            }
        ),
        _moved_hint,
    ),
    # How Alibaba and Tencent say that they take the bucket in the host only.
    (
        frozenset({"SecondLevelDomainForbidden", "PathStyleDomainForbidden"}),
        "Set S3_ADDRESSING=virtual.",
    ),
    (frozenset({"InvalidBucketName"}), _bucket_hint),
    (
        frozenset({"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded"}),
        _FULL,
    ),
    (
        frozenset({"SlowDown", "TooManyRequests", "Throttling", "RequestLimitExceeded"}),
        "The server asks for fewer calls at once: lower DATAFETCH_CONCURRENCY.",
    ),
)
"""What to do by code: a sentence, or what makes it."""
