"""What the page says after a form was sent: by a name in its address, so that no link can make up a text."""

from collections.abc import Mapping
from urllib.parse import urlencode

from datafetch.models.run import JobName
from datafetch.ops.letter_words import counted
from datafetch.web.page.drawing import Notice

_TEXTS = {
    "started": ("good", "{items} of {job} {are} tried again now. The page shows how the run ends."),
    "joined": ("good", "{items} of {job} {are} tried again in the run that is about to begin."),
    "next": ("good", "{items} of {job} {are} tried again as soon as the run under way has ended."),
    "gone": ("warn", "There is no such dead letter of {job} any more: it was tried again, or dropped."),
    "unsettled": ("bad", "Nothing was started: settings that {job} needs are missing. Type `datafetch doctor`."),
    "unread": ("bad", "Nothing was started: the store could not be read. Try it again in a while."),
    "stopping": ("warn", "Nothing was started: the server is being stopped."),
    "failed": ("bad", "Nothing was started: the server's log says why."),
}  # fmt: skip
_MOST_DIGITS = 4


def address_after(name: str, job: JobName, count: int = 0, *, only_failing: bool = False) -> str:
    """Where a browser is sent after a form: the page, with this notice."""
    fields = {"notice": name, "job": job.value, "count": str(count)}
    if only_failing:
        fields["show"] = "failing"
    return f"/?{urlencode(fields)}#notice"


def text_of(name: str, job: JobName, count: int) -> str:
    """The sentence of a notice."""
    items = counted(count, "item")
    return _TEXTS[name][1].format(items=items, job=job.value, are="is" if count == 1 else "are")


def notice_of(fields: Mapping[str, str]) -> Notice | None:
    """The notice that an address asks for; None when it asks for none that there is."""
    name, count = fields.get("notice", ""), fields.get("count", "")
    job = next((one for one in JobName if one.value == fields.get("job")), None)
    is_number = count.isascii() and count.isdecimal() and len(count) <= _MOST_DIGITS
    if name not in _TEXTS or job is None or not is_number:
        return None
    return Notice(_TEXTS[name][0], text_of(name, job, int(count)))
