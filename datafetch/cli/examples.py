"""What a help page shows below the options: examples to copy, exit codes, and where to read on."""

from collections.abc import Mapping, Sequence

from datafetch.cli.help import Row, epilog

README = "https://github.com/datafetch/datafetch#readme"

_JOB_CODES: tuple[Row, ...] = (
    ("0", "done, or nothing had changed"),
    ("1", "failed: what is stored stays, and the result says why"),
    ("2", "wrong usage; nothing ran"),
    ("75", "another run of the job is under way; try again later"),
    ("78", "settings are missing or invalid; nothing ran"),
    ("129, 130, 143", "SIGHUP, SIGINT (Ctrl-C) or SIGTERM came; work so far is kept"),
)
_BUILD_CODES: tuple[Row, ...] = (
    ("0", "the files are there and belong together"),
    ("1", "something is missing, too old or at odds; the old files stay"),
    *(row for row in _JOB_CODES if row[0] in ("2", "78")),
    ("129, 130, 143", "SIGHUP, SIGINT (Ctrl-C) or SIGTERM came"),
)
_PROGRAM_CODES: tuple[Row, ...] = (
    ("0", "done"),
    *(row for row in _JOB_CODES if row[0] != "0"),
)
_HELP_CODES: tuple[Row, ...] = (("0", "done"), ("2", "there is no such command"))
_SCHEDULE_CODES: tuple[Row, ...] = (
    ("0", "done"),
    ("1", "the store did not answer"),
    ("2", "wrong usage"),
    ("78", "settings are missing or invalid, such as a schedule that is none"),
)
_SERVE_CODES: tuple[Row, ...] = (
    ("1", "it cannot listen where it was told to, or it failed"),
    ("2", "wrong usage"),
    ("78", "settings are missing or invalid, or the extra serve is not installed"),
    ("129, 130, 143", "SIGHUP, SIGINT (Ctrl-C) or SIGTERM came; runs were stopped cleanly"),
)
_WORKER_CODES: tuple[Row, ...] = (
    ("0", "the scheduler has sent it away"),
    ("2", "wrong usage"),
    ("78", "settings or TLS files are missing or invalid, or the extra distributed is"),
    ("129, 130, 143", "SIGHUP, SIGINT (Ctrl-C) or SIGTERM came; the batch under way could end"),
)
_GUIDE_CODES: tuple[Row, ...] = (("0", "done"), ("2", "there is no such guide"))

_WITHOUT_CREDENTIALS = """\
DATAFETCH_STORE=https://cdn.example.com DATAFETCH_ENV=production \\
  datafetch prefetch-build"""

EXAMPLES: Mapping[str, Sequence[Row]] = {
    "": (
        ("begin: fetch everything into ./.datafetch, write ./generated", "datafetch prefetch-dev"),
        ("see what a job would do, and write nothing", "datafetch bookmarks --dry-run"),
        ("two jobs, for cron: quiet unless one fails", "datafetch update bookmarks github --quiet"),
        ("what a build needs, from the store alone", "datafetch prefetch-build"),
    ),
    "bookmarks": (
        ("sync now, and see each request", "datafetch bookmarks --verbose"),
        ("see what would change, and write nothing", "datafetch bookmarks --dry-run"),
        ("you deleted half of the list, and mean it", "datafetch bookmarks --allow-shrink"),
        ("go back to the list as it was before the last change", "datafetch bookmarks --restore"),
    ),
    "github": (
        ("what has changed since the last run", "datafetch github"),
        (
            "the statistics of two repositories, again",
            "datafetch github --repo octocat/hello-world --repo octocat/spoon-knife",
        ),
        ("all of it again, whatever its age", "datafetch github --force"),
    ),
    "logos": (
        ("what is missing or due", "datafetch logos"),
        ("this one again, also when it had none", "datafetch logos --domain example.com"),
        ("what is older than a week", "datafetch logos --older-than 7d"),
        ("try it with a few", "datafetch logos --missing --limit 20"),
    ),
    "refresh-opengraph": (
        ("what is due", "datafetch refresh-opengraph"),
        (
            "one page again",
            "datafetch refresh-opengraph --url https://example.com/article",
        ),
        ("pages without a preview", "datafetch refresh-opengraph --missing"),
        ("what is older than a month", "datafetch refresh-opengraph --older-than 30d"),
    ),
    "update": (
        ("all jobs", "datafetch update"),
        ("two of them, in this order", "datafetch update bookmarks github"),
        ("for a program that reads the results", "datafetch update --json"),
        (
            "wait ten minutes for other runs, and stop after an hour in all",
            "datafetch update --wait 600 --timeout 3600",
        ),
    ),
    "prefetch-build": (
        ("the files of a build, into ./generated", "datafetch prefetch-build"),
        (
            "elsewhere, with pictures, and fail when data is older than three days",
            "datafetch prefetch-build --output src/data --full --max-age 3d",
        ),
        ("from the public address of the bucket, without credentials", _WITHOUT_CREDENTIALS),
        ("a copy of the bucket's objects", "datafetch prefetch-build --mirror public/data"),
    ),
    "prefetch-dev": (
        ("everything, into ./.datafetch and ./generated", "datafetch prefetch-dev"),
        ("quickly: a few items of each kind", "datafetch prefetch-dev --limit 20"),
        (
            "with the pictures, elsewhere",
            "datafetch prefetch-dev --output src/data --full",
        ),
    ),
    "schedule": (
        ("when each job ran, and when it will", "datafetch schedule"),
        (
            "a crontab for a site on this machine, or on another",
            "datafetch schedule --crontab --prefix /opt/site",
        ),
        (
            "timers that know the zone, for every machine with systemd",
            "datafetch schedule --systemd",
        ),
        ("jobs of a cluster", "datafetch schedule --kubernetes"),
    ),
    "run-due": (
        ("what a cron starts every quarter of an hour", "datafetch run-due --quiet"),
        ("what is due, and what would be done; write nothing", "datafetch run-due --dry-run"),
        (
            "for a program that reads the results, an hour at most",
            "datafetch run-due --json --timeout 3600",
        ),
    ),
    "pause": (
        ("no scheduled runs of the logo job for three days", "datafetch pause logos --for 3d"),
        (
            "until a time, and say why",
            'datafetch pause bookmarks --until 2026-12-24T18:00 --reason "the server moves"',
        ),
        ("two jobs, until they are resumed", "datafetch pause github opengraph"),
    ),
    "resume": (
        ("let the schedule go on", "datafetch resume logos"),
        ("of several jobs", "datafetch resume github opengraph"),
    ),
    "status": (
        ("is anything wrong, and since when", "datafetch status"),
        ("on a screen that is drawn anew each 10 seconds", "datafetch status --watch 10"),
        ("for a cron that mails when something is wrong", "datafetch status --quiet"),
        ("for a program", "datafetch status --json"),
    ),
    "history": (
        ("the newest runs of all jobs", "datafetch history"),
        ("what failed in the last week", "datafetch history --status failed --since 7d"),
        ("many runs of one job", "datafetch history bookmarks --limit 100"),
        (
            "all that is known of a run",
            "datafetch history 20261124T080000Z-1a2b3c4d",
        ),
    ),
    "dead-letters": (
        ("what failed and waits, by host and error", "datafetch dead-letters"),
        ("one of them, whole", "datafetch dead-letters show 3f2a91c0"),
        ("try those of a job again now", "datafetch dead-letters retry opengraph"),
        (
            "forget what has failed for three months",
            "datafetch dead-letters drop --older-than 90d",
        ),
        ("for a program", "datafetch dead-letters list --json"),
    ),
    "doctor": (
        ("look at everything", "datafetch doctor"),
        ("without asking the store or any server", "datafetch doctor --offline"),
        ("for a program that reads what was found", "datafetch doctor --json"),
    ),
    "serve": (
        ("on this machine, at http://127.0.0.1:8080", "datafetch serve"),
        ("at another port, behind a proxy", "datafetch serve --port 9000"),
        ("for all of this network, with DATAFETCH_METRICS_TOKEN set", "datafetch serve --host ::"),
    ),
    "worker": (
        (
            "a worker of the cluster, as in a container",
            "DATAFETCH_CLUSTER=tls://scheduler:8786 datafetch worker",
        ),
    ),
    "guide": (
        ("the list of guides", "datafetch guide"),
        ("coming from the old system", "datafetch guide migrate"),
        ("what to know of cron, and lines to copy", "datafetch guide cron"),
    ),
    "help": (
        ("this program's page", "datafetch help"),
        ("a command's page", "datafetch help bookmarks"),
    ),
}
"""For each command, by its name, what an example is for and its line; those of the program by ``""``."""

_DUE_CODES: tuple[Row, ...] = (
    ("0", "nothing was due, or what was due is done"),
    ("1", "a job failed, or the store did not say what is due; what is stored stays"),
    ("2", "wrong usage; nothing ran"),
    ("75", "another run of a job is under way, and no job failed"),
    ("78", "settings are missing or invalid; nothing ran"),
    (
        "129, 130, 143",
        "SIGHUP, SIGINT (Ctrl-C) or SIGTERM came and was passed on; work so far is kept",
    ),
)
_PAUSE_CODES: tuple[Row, ...] = (
    ("0", "done, or there was nothing to do"),
    ("1", "the store did not answer; nothing has changed"),
    *(row for row in _JOB_CODES if row[0] in ("2", "78")),
    ("129, 130, 143", "SIGHUP, SIGINT (Ctrl-C) or SIGTERM came"),
)

_STATUS_CODES: tuple[Row, ...] = (
    ("0", "nothing is stale or failing"),
    ("1", "a job is stale or failing, or the store did not answer"),
    *(row for row in _SCHEDULE_CODES if row[0] in ("2", "78")),
    ("129, 130, 143", "SIGHUP, SIGINT (Ctrl-C) or SIGTERM came"),
)
_HISTORY_CODES: tuple[Row, ...] = (
    ("0", "done, also when no run fits"),
    ("1", "there is no such run, or the store did not answer"),
    *(row for row in _SCHEDULE_CODES if row[0] in ("2", "78")),
    ("129, 130, 143", "SIGHUP, SIGINT (Ctrl-C) or SIGTERM came"),
)
_DOCTOR_CODES: tuple[Row, ...] = (
    ("0", "nothing fails; there may be warnings"),
    ("1", "something fails; its line says what to do"),
    ("2", "wrong usage"),
    ("129, 130, 143", "SIGHUP, SIGINT (Ctrl-C) or SIGTERM came"),
)

_LETTER_CODES: tuple[Row, ...] = (
    ("0", "done, also when there is none that fits"),
    ("1", "there is no such dead letter, the store did not answer, or a job failed"),
    *(row for row in _JOB_CODES if row[0] not in ("0", "1")),
)

_CODES: Mapping[str, Sequence[Row]] = {
    "": _PROGRAM_CODES,
    "run-due": _DUE_CODES,
    "pause": _PAUSE_CODES,
    "resume": _PAUSE_CODES,
    "prefetch-build": _BUILD_CODES,
    "schedule": _SCHEDULE_CODES,
    "status": _STATUS_CODES,
    "history": _HISTORY_CODES,
    "dead-letters": _LETTER_CODES,
    "doctor": _DOCTOR_CODES,
    "serve": _SERVE_CODES,
    "worker": _WORKER_CODES,
    "guide": _GUIDE_CODES,
    "help": _HELP_CODES,
}
_OF_THE_PROGRAM = (
    "datafetch COMMAND --help has the options and examples of a command.",
    "datafetch guide lists the guides.",
    f"Settings (.env), objects: {README}",
)
_OF_A_COMMAND = (
    "datafetch --help has the other commands.",
    f"Settings (.env), objects: {README}",
)


def epilog_of(command: str) -> str:
    """What stands below the options on a command's page; `command` is empty for the program's."""
    return epilog(
        EXAMPLES[command],
        _CODES.get(command, _JOB_CODES),
        _OF_A_COMMAND if command else _OF_THE_PROGRAM,
    )
