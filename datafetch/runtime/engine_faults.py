"""What happened to a connection of Dask's, in one line for people."""

import re

from datafetch.certificates import tls_fault
from datafetch.models.text import one_line
from datafetch.redaction import redact

_MOST_CHARACTERS = 200
_OBJECT = re.compile(r"\bin <[^<>]{1,300}>: ")
"""How Dask names the connection that failed (`distributed/comm/tcp.py`), by an address in memory."""

_ALERT = re.compile(r"\[SSL: ([A-Z0-9_]{1,60})_ALERT_([A-Z_]{1,60})\]")
"""What the other side of TLS has against this one, as `ssl` names it; Dask hands on its text only."""


def why(error: BaseException) -> str:
    """What happened, in one line, with the cause where the error itself tells little."""
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
