"""The dead letters of the page: read seldom, and never older than the overview beside them."""

from datafetch.models.run import JobName
from datafetch.web.page.letter_shelf import LetterShelf
from tests.ops.overviews import all_fine
from tests.stores import FaultyStore
from tests.support import FakeClock
from tests.web.page.scenes import KEYS, Scene, some_letters


def shelf_of(scene: Scene, clock: FakeClock, store: FaultyStore) -> LetterShelf:
    """A shelf before this store, which has the scene's letters."""
    scene.put_letters(some_letters())
    return LetterShelf(store, KEYS, clock)


def test_many_who_look_cost_one_read():
    """For two seconds, as long as the overview says the same."""
    scene, clock = Scene(all_fine()), FakeClock()
    store = FaultyStore(scene.store)
    shelf = shelf_of(scene, clock, store)
    first = shelf.read(1)
    assert {job: sum(len(one.letters) for one in them) for job, them in first.groups.items()} == {
        JobName.OPENGRAPH: 8,
        JobName.LOGOS: 1,
    }
    assert all(shelf.read(1) is first for _ in range(5))
    assert store.count() == 4
    clock.advance(2)
    assert shelf.read(1) is first
    assert store.count() == 8


def test_letters_are_as_new_as_the_overview():
    """A run that has mended an item takes its letter from the page at once."""
    scene, clock = Scene(all_fine()), FakeClock()
    shelf = shelf_of(scene, clock, FaultyStore(scene.store))
    assert JobName.LOGOS in shelf.read(1).groups
    scene.put_letters([one for one in some_letters() if one.job != "logos"])
    assert JobName.LOGOS in shelf.read(1).groups
    assert JobName.LOGOS not in shelf.read(2).groups


def test_a_store_that_does_not_answer_leaves_what_was_known():
    """With a sentence that says so; then they are read again."""
    scene, clock = Scene(all_fine()), FakeClock()
    store = FaultyStore(scene.store)
    shelf = shelf_of(scene, clock, store)
    known = shelf.read(1).groups
    store.fault = lambda _call, _number: "fail"
    found = shelf.read(2)
    assert found.groups == known
    assert "cannot be read" in found.problems[0]
    store.fault = None
    clock.advance(2)
    assert shelf.read(2).problems == ()
