"""A dry run of prefetch: everything is checked, nothing is written."""

from datafetch.build.write import Staging


def test_a_dry_run_counts_and_writes_nothing(tmp_path):
    """`--dry-run` writes nothing: not even the folder is made."""
    folder = tmp_path / "generated"
    with Staging(folder, dry_run=True) as staging:
        assert staging.add("a/b.json", b"[]")
        assert staging.commit() == 1
    assert not folder.exists()
