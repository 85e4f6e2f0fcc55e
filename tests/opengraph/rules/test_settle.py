"""Which record of a page stays when a share brings its own into the dataset."""

from dataclasses import replace

from datafetch.models.own_result import OwnResult
from datafetch.opengraph.model import PageRecord
from datafetch.opengraph.rules.settle import settled_pages

READ = PageRecord(fetched_at=5, digest="d", etag='"e"', last_modified="Sat")


def test_a_record_made_of_metadata_gives_way_to_the_one_of_the_answer() -> None:
    """Else a page whose share ended after another one, at a store without state, is read in full again.

    The other share found the page's metadata, and no state: the record that it made of that has no
    validators.
    """
    recalled = replace(READ, etag=None, last_modified=None)
    own = {"page": OwnResult(None, READ)}
    assert settled_pages(own, {"page": recalled}) == {"page": READ}
    assert settled_pages({"page": OwnResult(None, recalled)}, {"page": READ}) == {"page": READ}


def test_the_record_of_the_later_answer_stays() -> None:
    """Also when it has no validators."""
    later = PageRecord(fetched_at=6)
    assert settled_pages({"page": OwnResult(None, READ)}, {"page": later}) == {"page": later}
    assert settled_pages({"page": OwnResult(None, later)}, {"page": READ}) == {"page": later}
