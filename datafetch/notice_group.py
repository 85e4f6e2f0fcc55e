"""Hands those who tell others of runs their group of the settings."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from datafetch.models.ping_url import read_ping_url, without_login
from datafetch.ops.changes import ChangeSettings
from datafetch.ops.notices import NoticeSettings
from datafetch.settings import Settings

if TYPE_CHECKING:
    from datafetch.ops.messages import Messenger


def notice_group(settings: Settings, messenger: "Messenger | None" = None) -> NoticeSettings:
    """The settings that say who is told of runs."""
    ping, push, file = settings.ping_url, settings.pushgateway, settings.metrics_file
    return NoticeSettings(
        ping=None if ping is None else read_ping_url(ping.get_secret_value()),
        changes=ChangeSettings(
            site=settings.site_url,
            bookmarks_secret=settings.bookmark_refresh_secret,
            github_secret=settings.github_refresh_secret,
            url=settings.change_url,
            secret=settings.change_secret,
        ),
        messenger=messenger,
        messages_after=settings.notify_after,
        metrics_file=None if file is None else Path(file).expanduser(),
        pushgateway="" if push is None else push.get_secret_value(),
    )


def notice_addresses(settings: Settings) -> Iterator[str]:
    """The origins that are told of runs. They are the user's own servers: private ones are allowed."""
    if settings.ping_url is not None:
        scheme, host, port = read_ping_url(settings.ping_url.get_secret_value()).origin
        yield f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    for secret in (settings.change_url, settings.pushgateway):
        if secret is not None:
            yield without_login(secret.get_secret_value())[0]
    if settings.site_url is not None:
        yield settings.site_url
