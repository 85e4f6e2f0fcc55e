"""Says in one line, for people, why a connection of Dask's failed."""

import re

from datafetch.certificates import tls_fault
from datafetch.models.text import one_line
from datafetch.redaction import redact

_MOST_CHARACTERS = 200
_OBJECT = re.compile(r"\bin <[^<>]{1,300}>: ")
"""The words with which Dask names a failed connection by its address in memory; they are removed.

Source: `distributed/comm/tcp.py`.
"""

_ALERT = re.compile(r"\[SSL: ([A-Z0-9_]{1,60})_ALERT_([A-Z_]{1,60})\]")
"""Why the other side has refused this side's TLS, in the text of an `ssl` error.

Only the text can be read: Dask passes on no other part of that error.
"""


def why(error: BaseException) -> str:
    """An error in one line, with its cause where the error itself says little."""
    fault = tls_fault(error)
    if fault is not None:
        return fault.said
    cause = error.__cause__
    text = str(error) or type(error).__name__
    if cause is not None and str(cause) and str(cause) not in text:
        text = f"{text} ({cause})"
    alert = _ALERT.search(text)
    if alert is not None and ("CERTIFICATE" in alert[2] or alert[2] == "UNKNOWN_CA"):
        return f"it does not accept the certificate that it was shown ({alert[2]})"
    return one_line(redact(_OBJECT.sub("", text)), _MOST_CHARACTERS)
