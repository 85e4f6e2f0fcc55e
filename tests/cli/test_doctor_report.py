"""The report of `doctor`, as people see it: snapshots at 80 and 160 columns, and in a pipe."""

import io

import pytest

from datafetch.cli.doctor_report import Look, report
from datafetch.cli.streams import can_show
from datafetch.doctor.findings import Finding, Form, Group, Status, fail, ok, skipped, warn

FINDINGS = [
    (Group.SETTINGS, ok("settings file", "/opt/site/.env, 9 values")),
    (Group.SETTINGS, ok("S3_BUCKET", "site (in .env, line 3)")),
    (Group.SETTINGS, ok("GITHUB_ACCESS_TOKEN_COMMIT_GRAPH", "*** (in the environment)")),
    (Group.SETTINGS, Finding("LOGO_BATCH_SIZE", Status.OK, "10 (default)", form=Form.DEFAULT)),
    (Group.SETTINGS, Finding("DRY_RUN", Status.OK, "false (default)", form=Form.DEFAULT)),
    (Group.SETTINGS, Finding("S3_TEST_LIMIT", Status.OK, "not set", form=Form.UNSET)),
    (Group.STORE, ok("store read", "s3://site: json/bookmarks/index.json, 245 bytes")),
    (
        Group.STORE,
        fail(
            "store write",
            "cannot write: AccessDenied (HTTP 403) for s3:PutObject on site/json/datafetch/probe/x",
            'Allow s3:PutObject on site/*. The README has a whole policy under "The bucket\'s policy".',
        ),
    ),
    (Group.UPSTREAMS, skipped("GitHub", "a setting of it is invalid")),
    (
        Group.SCHEDULE,
        warn("run-due", "no line starts it", "`datafetch schedule --crontab` prints the lines."),
    ),
]

AT_80 = """\
Settings
  ✓ ok    settings file  /opt/site/.env, 9 values
  ✓ ok    S3_BUCKET      site (in .env, line 3)
  ✓ ok    GITHUB_ACCESS_TOKEN_COMMIT_GRAPH  *** (in the environment)
  by default: LOGO_BATCH_SIZE=10, DRY_RUN=false
  not set: S3_TEST_LIMIT

Store
  ✓ ok    store read   s3://site: json/bookmarks/index.json, 245 bytes
  ✗ fail  store write  cannot write: AccessDenied (HTTP 403) for s3:PutObject on
                       site/json/datafetch/probe/x
                       → Allow s3:PutObject on site/*. The README has a whole
                         policy under "The bucket's policy".

Upstreams
  - skip  GitHub  not looked at: a setting of it is invalid

Schedule
  ! warn  run-due  no line starts it
                   → `datafetch schedule --crontab` prints the lines.

1 problem, 1 warning"""

AT_160 = """\
Settings
  ✓ ok    settings file  /opt/site/.env, 9 values
  ✓ ok    S3_BUCKET      site (in .env, line 3)
  ✓ ok    GITHUB_ACCESS_TOKEN_COMMIT_GRAPH  *** (in the environment)
  by default: LOGO_BATCH_SIZE=10, DRY_RUN=false
  not set: S3_TEST_LIMIT

Store
  ✓ ok    store read   s3://site: json/bookmarks/index.json, 245 bytes
  ✗ fail  store write  cannot write: AccessDenied (HTTP 403) for s3:PutObject on site/json/datafetch/probe/x
                       → Allow s3:PutObject on site/*. The README has a whole policy under "The bucket's policy".

Upstreams
  - skip  GitHub  not looked at: a setting of it is invalid

Schedule
  ! warn  run-due  no line starts it
                   → `datafetch schedule --crontab` prints the lines.

1 problem, 1 warning"""


@pytest.mark.parametrize(("width", "text"), [(80, AT_80), (160, AT_160), (None, AT_160)])
def test_the_report_at_each_width(width, text):
    """Groups, aligned lines, a hint below what is wrong, and a sum; a pipe is not wrapped."""
    assert "\n".join(report(FINDINGS, Look(width))) == text


def test_one_hint_of_several_in_a_row_is_shown_once():
    """Three settings of one kind need no sentence three times; programs are given each."""
    rows = [(Group.SETTINGS, fail(name, "is missing", "Set it.")) for name in ("A", "B", "C")]
    lines = report([*rows, (Group.SETTINGS, fail("D", "is wrong", "Correct it."))], Look(None))
    assert [line.strip() for line in lines[1:7]] == [
        "✗ fail  A  is missing",
        "✗ fail  B  is missing",
        "✗ fail  C  is missing",
        "→ Set it.",
        "✗ fail  D  is wrong",
        "→ Correct it.",
    ]


def test_ascii_says_the_same_in_other_marks():
    """Where the terminal knows no other letters, words and marks still tell all."""
    text = "\n".join(report(FINDINGS, Look(80, signs=False)))
    assert text == AT_80.replace("✓", "+").replace("✗", "x").replace("→ ", "-> ").replace(
        "                         policy", "                          policy"
    )
    assert text.isascii()


def test_colours_change_nothing_but_colours():
    """Without them the words are the same."""
    import re

    coloured = "\n".join(report(FINDINGS, Look(80, colour=True)))
    assert "\x1b[31m✗ fail\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == AT_80


@pytest.mark.parametrize("width", [20, 40, 80, 160])
def test_no_line_is_longer_than_the_terminal(width):
    """Long words are broken, down to terminals of which nothing can be hoped."""
    long = [(Group.STORE, fail("a" * 60, "b" * 300, "c" * 300))]
    lines = report([*FINDINGS, *long], Look(width))
    assert max(map(len, lines)) <= max(width, 80)


def test_foreign_text_steers_no_terminal():
    """What servers say is one line without control characters."""
    shown = report([(Group.STORE, fail("a", "x\x1b[2J\ny", "z\u202e"))], Look(None))
    assert all(line.isprintable() for line in shown)


@pytest.mark.parametrize(
    ("encoding", "can"), [("utf-8", True), ("ascii", False), ("latin-1", False)]
)
def test_marks_are_shown_where_they_can_be(encoding, can):
    """A terminal of another encoding would show question marks."""
    assert can_show("✓✗→", io.TextIOWrapper(io.BytesIO(), encoding)) is can
    assert not can_show("✓", io.StringIO())  # which names no encoding
