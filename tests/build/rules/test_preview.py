"""The sentences about a build: what it would do to a folder, and pictures that differ."""

from datafetch.build.rules.preview import FolderPlan, differing_note, plan_note


def test_each_kind_of_change_is_counted_and_named():
    """Whoever plans a build reads which files it would touch, and where."""
    plan = FolderPlan(["a.json", "b.json"], ["c.json"], ["d.png"])
    assert plan_note(plan, 3, "site/generated") == (
        "would write 2 files (a.json, b.json), change 1 file (c.json) and remove 1 file (d.png) "
        "in site/generated"
    )
    assert plan_note(FolderPlan([], ["c.json"], []), 3, "g") == "would change 1 file (c.json) in g"


def test_of_many_files_three_are_named():
    """A thousand logos are a number, not a page of names."""
    plan = FolderPlan([f"{number}.png" for number in range(1000)], [], [])
    assert (
        plan_note(plan, 1000, "g")
        == "would write 1000 files (0.png, 1.png, 2.png and 997 more) in g"
    )


def test_a_folder_that_is_as_it_should_be_is_told_so():
    """Nothing to do is said, so that silence is not taken for it."""
    assert plan_note(FolderPlan([], [], []), 4, "g") == (
        "would write nothing: g has all 4 files as they are stored"
    )


def test_pictures_that_differ_lead_to_the_command():
    """The command that ends what was begun stands beside the number."""
    assert differing_note(1, "the logo manifest", "datafetch logos").startswith(
        "1 stored picture is"
    )
    said = differing_note(2, "the logo manifest", "datafetch logos")
    assert said.startswith("2 stored pictures are")
    assert "`datafetch logos`" in said
