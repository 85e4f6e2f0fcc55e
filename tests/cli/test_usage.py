"""Wrong usage: exit 2, what is wrong, and what to type instead."""

import pytest

from tests.processes import datafetch

SAID = [
    (["bookmark"], "no command 'bookmark': did you mean bookmarks?", "datafetch --help"),
    (["Prefetch_Build"], "did you mean prefetch-build or prefetch-dev?", "datafetch --help"),
    (["opengraph"], "did you mean refresh-opengraph?", "datafetch --help"),
    (["github-activity"], "did you mean github?", "datafetch --help"),
    (["prefetch"], "did you mean prefetch-build or prefetch-dev?", "datafetch --help"),
    (["version"], "did you mean --version?", "datafetch --help"),
    (["migrate"], "did you mean guide migrate?", "datafetch --help"),
    (["guides"], "did you mean guide?", "datafetch --help"),
    (["guide", "migrat"], "no guide 'migrat': did you mean migrate?", "datafetch guide --help"),
    (["guide", "crontab"], "no guide 'crontab': did you mean cron?", "datafetch guide --help"),
    (
        ["guide", "zzz"],
        "'zzz': guides are cloud, cron, locks, migrate, monitoring, scale, serve, stores\n",
        "datafetch guide --help",
    ),
    (["guide", "../README"], "no guide '../README': guides are", "datafetch guide --help"),
    (["guide", "cron", "b"], "guide takes no more than one argument", "datafetch guide --help"),
    (["logos", "--testLimit=5"], "did you mean --limit?", "datafetch logos --help"),
    (["frobnicate"], "there is no command 'frobnicate'\n", "datafetch --help"),
    (["-v"], "no command is named", "datafetch --help"),
    (["update", "githb"], "no job 'githb': did you mean github?", "datafetch update --help"),
    (["bookmarks", "--dryrun"], "did you mean --dry-run?", "datafetch bookmarks --help"),
    (["bookmarks", "--dry_run"], "did you mean --dry-run?", "datafetch bookmarks --help"),
    (["bookmarks", "-n"], "'-n': did you mean --dry-run?", "datafetch bookmarks --help"),
    (["logos", "--zzz"], "there is no option '--zzz'\n", "datafetch logos --help"),
    (["logos", "--wait", "soon"], "'soon' is not a time to wait: write", "datafetch logos --help"),
    (["logos", "--wait=-1"], "'-1' is not a time to wait", "datafetch logos --help"),
    (["logos", "--wait=604801"], "(0 to 604800)", "datafetch logos --help"),
    (["logos", "--timeout=0"], "'0' is not a time limit: write seconds", "datafetch logos --help"),
    (["logos", "--timeout", "1h"], "'1h' is not a time limit", "datafetch logos --help"),
    (
        ["prefetch-build", "--wait", "3"],
        "prefetch-build has no option --wait: it belongs to bookmarks, github, logos, others\n",
        "datafetch prefetch-build --help",
    ),
    (
        ["prefetch-build", "--timeout=3"],
        "has no option --timeout: it belongs to bookmarks, github, logos, others\n",
        "datafetch prefetch-build --help",
    ),
    (["--nope"], "there is no option '--nope'\n", "datafetch --help"),
    (["logos", "--lim", "3"], "did you mean --limit?", "datafetch logos --help"),
    (["--zzz"], "there is no option '--zzz'\n", "datafetch --help"),
    (["--dryrun", "bookmarks"], "did you mean --dry-run after the command?", "datafetch --help"),
    (
        ["--dry-run", "bookmarks"],
        "--dry-run stands after the command: datafetch bookmarks --dry-run",
        "datafetch --help",
    ),
    (["--domain", "a.example"], "command: datafetch logos --domain", "datafetch --help"),
    (
        ["github", "--domain", "a.example"],
        "github has no option --domain: it belongs to logos",
        "datafetch github --help",
    ),
    (
        ["prefetch-build", "--force"],
        "it belongs to bookmarks, github, logos, others",
        "datafetch prefetch-build --help",
    ),
    (["logos", "a.example"], "write --domain a.example\n", "datafetch logos --help"),
    (["github", "me/site"], "write --repo me/site\n", "datafetch github --help"),
    (["prefetch-dev", "out"], "write --output out\n", "datafetch prefetch-dev --help"),
    (["bookmarks", "3"], "bookmarks takes options only, not '3'\n", "datafetch bookmarks --help"),
    (["help", "a", "b"], "help takes no more than one argument, not 'b'", "datafetch help --help"),
    (["logos", "--domain"], "--domain needs a value", "datafetch logos --help"),
    (["logos", "--force=3"], "--force takes no value", "datafetch logos --help"),
    (["--log-format"], "--log-format needs a value", "datafetch --help"),
    (
        ["logos", "--older-than", "3"],
        "--older-than: '3' is not an age: write 45s, 90m, 12h, 30d or 2w",
        "datafetch logos --help",
    ),
    (["prefetch-build", "--max-age", "old"], "--max-age: 'old' is not an age", "--help"),
    (["bookmarks", "--limit", "0"], "--limit: '0' is not a number", "datafetch bookmarks --help"),
    (["bookmarks", "--restore", "x"], "--restore: 'x' is not the number of a backup", "--help"),
    (["github", "--repo", "me/site", "--repo", "x"], "--repo: 'x' is not a repository", "--help"),
    (["logos", "--domain", "a.b", "--domain", "b"], "--domain: 'b' is not a domain", "--help"),
    (["refresh-opengraph", "--url", "a.example"], "--url: 'a.example' is not a web", "--help"),
    (["--log-format", "xml", "github"], "--log-format: 'xml' is not a format", "--help"),
    (["--env-file", "no.env", "github"], "--env-file: there is no file 'no.env' in ", "--help"),
    (["github", "--env-file", "."], "--env-file: '.' is a folder: name the file in it", "--help"),
    (["prefetch-build", "-o", "file"], "--output: 'file' is a file, not a folder", "--help"),
    (["prefetch-build", "--mirror", "file"], "--mirror: 'file' is a file, not", "--help"),
    (["prefetch-build", "--mirror", "a", "-o", "b"], "--mirror takes the place of", "--help"),
]


@pytest.mark.parametrize(("arguments", "said", "page"), SAID, ids=lambda value: str(value)[:40])
def test_wrong_usage_says_what_to_type(tmp_path, arguments, said, page):
    """One line says what is wrong and what was meant, the next where to read on; exit code 2."""
    (tmp_path / "file").touch()
    done = datafetch(*arguments, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("datafetch: ")
    assert said in done.err
    assert f"Try '{page}'." in done.err or (page == "--help" and "--help'." in done.err)
    assert len(done.err.splitlines()) == 2
    assert "Invalid value" not in done.err
    assert "Value error" not in done.err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["update", "--bookmarks", "--github"], "datafetch update bookmarks github"),
        (["--bookmarks"], "datafetch update bookmarks"),
        (["update", "--github-activity", "--logos"], "datafetch update github logos"),
        (["update", "--logos", "--logos", "--force"], "datafetch update logos"),
    ],
)
def test_who_types_the_old_updaters_flags_is_told_the_new_line(tmp_path, arguments, line):
    """The old system named jobs with dashes."""
    done = datafetch(*arguments, cwd=tmp_path)
    assert done.code == 2
    assert f"Try '{line}'." in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["bookmark"],
        ["update", "githb"],
        ["update", "--bookmarks"],
        ["logos", "a.example"],
        ["logos", "--older-than", "3"],
        ["bookmarks", "-q", "-v"],
        ["logos", "--domain"],
    ],
)
def test_json_is_an_empty_array_after_wrong_usage(tmp_path, arguments):
    """A program that reads the array gets one; people get the message on the other stream."""
    done = datafetch(*arguments, "--json", cwd=tmp_path)
    assert done.code == 2
    assert done.results == []
    assert done.err.startswith("datafetch: ")


def test_both_more_and_less_is_wrong_usage(tmp_path):
    """As rclone and restic have it: which of the two was meant is not guessed."""
    done = datafetch("-q", "bookmarks", "-v", cwd=tmp_path)
    assert done.code == 2
    assert "--verbose and --quiet exclude each other" in done.err
