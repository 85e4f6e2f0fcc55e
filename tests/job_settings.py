"""The settings of each job as `Settings` hands them out, with its defaults and the fakes' names."""

from pydantic import SecretStr

from datafetch.job_groups import bookmarks_group, github_group, logo_group, opengraph_group
from datafetch.models.job_settings import (
    BookmarksSettings,
    GitHubSettings,
    LogoSettings,
    OpenGraphSettings,
    TagPages,
)
from datafetch.settings import Settings
from tests.fakes import github, github_data, karakeep

ALL_TAGS = TagPages(enabled=True, maximum=None)


def settings(**values: object) -> Settings:
    """The defaults and these values, by the names of the environment; nothing is read from it."""
    return Settings.model_construct(None, **values)


def bookmarks_settings(server: str = "http://bookmarks.test") -> BookmarksSettings:
    """For the list of the fake bookmark server at this URL."""
    return bookmarks_group(
        settings(
            BOOKMARKS_API_URL=server,
            BOOKMARKS_LIST_ID=karakeep.LIST_ID,
            BOOKMARK_BEARER_TOKEN=SecretStr(karakeep.TOKEN),
        )
    )


def github_settings(
    api_url: str, token: str = github.TOKEN, exclude: str | None = None
) -> GitHubSettings:
    """For the activity of the fake GitHub at this URL."""
    return github_group(
        settings(
            GITHUB_API_URL=api_url,
            GITHUB_TOKEN=SecretStr(token),
            GITHUB_REPO_OWNER=github_data.LOGIN,
            GITHUB_EXCLUDE=exclude,
        )
    )


def logo_settings() -> LogoSettings:
    """All as it is when nothing is set."""
    return logo_group(settings())


def opengraph_settings() -> OpenGraphSettings:
    """All as it is when nothing is set, so without a bookmark server."""
    return opengraph_group(settings())
