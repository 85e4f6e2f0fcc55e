"""What a build asks for."""

from pathlib import Path

from datafetch.build.request import PrefetchRequest


def test_pictures_are_asked_for_by_full_builds_only() -> None:
    """Without `--full` a build gets the bookmarks and the activity; with it, the pictures too."""
    plain = PrefetchRequest(Path("out"))
    assert plain.operations == ("bookmarks-prefetch", "github-activity-prefetch")
    full = PrefetchRequest(Path("out"), full=True)
    assert full.operations == (*plain.operations, "logos-prefetch", "opengraph-prefetch")
