"""Completion: what shells are offered, by their own protocols and by a real bash."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, Finished, clean_environment, command_line
from tests.programs import program


def ask(cwd: Path, **variables: str) -> Finished:
    """Start the command as a shell does that completes a line."""
    done = subprocess.run(
        command_line(),
        cwd=cwd,
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def bash(cwd: Path, *words: str) -> list[str]:
    """What bash is offered for the last of the words."""
    done = ask(
        cwd,
        _DATAFETCH_COMPLETE="complete_bash",
        COMP_WORDS="\n".join(["datafetch", *words]),
        COMP_CWORD=str(len(words)),
    )
    assert (done.code, done.err) == (0, "")
    return done.out.split()


def store(folder: Path) -> None:
    """Write what a development run would have stored in a folder."""
    mapping = folder / "json" / "bookmarks" / "slug-mapping-dev.json"
    mapping.parent.mkdir(parents=True)
    urls = ("https://example.com/a", "https://example.com/b", "http://other.example/")
    slugs = {str(number): {"url": url} for number, url in enumerate(urls)}
    mapping.write_text(json.dumps({"slugs": slugs}))
    statistics = folder / "json" / "github-activity" / "repo_raw_weekly_stats-dev"
    statistics.mkdir(parents=True)
    for name in ("me_site", "me_my_tool", "you_x"):
        (statistics / f"{name}.csv").touch()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["bo"], ["bookmarks"]),
        (["-v", "up"], ["update"]),
        (["prefetch-"], ["prefetch-build", "prefetch-dev"]),
        (["logos", "--dr"], ["--dry-run"]),
        (["update", ""], ["bookmarks", "opengraph", "github", "logos"]),
        (["update", "bookmarks", ""], ["opengraph", "github", "logos"]),
        (["update", "bookmarks", "g"], ["github"]),
        (["help", "log"], ["logos"]),
        (
            ["guide", ""],
            ["cloud", "cron", "locks", "migrate", "monitoring", "scale", "serve", "stores"],
        ),
        (["guide", "m"], ["migrate", "monitoring"]),
        (["--log-format", ""], ["console", "json"]),
        (["logos", "--log-format", "j"], ["json"]),
        (["--log-format", "=", "j"], ["json"]),
        (["logos", "--older-than", ""], ["12h", "1d", "7d", "30d"]),
        (["logos", "--older-than", "="], ["12h", "1d", "7d", "30d"]),
        (["prefetch-build", "--max-age", "7"], ["7d"]),
        (["bookmarks", "--restore", ""], ["1", "2", "3", "4", "5"]),
        (["logos", "--limit", "1"], ["10", "100"]),
        (["--env-file", ""], []),
        (["prefetch-build", "--output", ""], []),
    ],
)
def test_values_are_offered(tmp_path, words, offered):
    """Commands, options, jobs and usual values; where nothing is offered, bash offers files."""
    assert bash(tmp_path, *words) == offered


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["logos", "--domain", ""], ["example.com", "other.example"]),
        (["logos", "--domain", "ex"], ["example.com"]),
        (["github", "--repo", "me/"], ["me/my_tool", "me/site"]),
        (
            ["refresh-opengraph", "--url", "https"],
            ["https://example.com/a", "https://example.com/b"],
        ),
        (["refresh-opengraph", "--url", "https", ":"], ["//example.com/a", "//example.com/b"]),
        (["refresh-opengraph", "--url", "http", ":", "//o"], ["//other.example/"]),
        (["refresh-opengraph", "--url", "=", "http", ":", "//o"], ["//other.example/"]),
    ],
)
def test_what_a_folder_holds_is_offered(tmp_path, words, offered):
    """Domains, pages and repositories come from a folder store; bash takes words apart at `:`."""
    store(tmp_path / ".datafetch")
    assert bash(tmp_path, *words) == offered


def test_the_settings_file_on_the_line_says_which_folder(tmp_path):
    """`--env-file` counts while a line is typed, before the command and after it."""
    store(tmp_path / "elsewhere")
    (tmp_path / "my.env").write_text("DATAFETCH_STORE=file:./elsewhere\n")
    offered = ["example.com", "other.example"]
    assert bash(tmp_path, "--env-file", "my.env", "logos", "--domain", "") == offered
    assert bash(tmp_path, "logos", "--env-file", "my.env", "--domain", "") == offered
    assert bash(tmp_path, "logos", "--domain", "") == []


@pytest.mark.parametrize("option", [("logos", "--domain"), ("github", "--repo")])
@pytest.mark.parametrize(
    "settings",
    [
        "DATAFETCH_CONCURRENCY=many",
        "this line cannot be read",
        "DATAFETCH_STORE=nonsense",
        "S3_BUCKET=site\nDATAFETCH_ENV=production\nS3_SERVER_URL=http://127.0.0.1:1",
        "DATAFETCH_STORE=https://127.0.0.1:1\nDATAFETCH_ENV=production",
        "BOOKMARKS_BEARER_TOKEN=misspelt",
    ],
)
def test_nothing_is_said_while_a_line_is_typed(tmp_path, option, settings):
    """Wrong settings and stores elsewhere offer nothing: no message in the line, no request."""
    (tmp_path / ".env").write_text(settings + "\n")
    assert bash(tmp_path, *option, "") == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"slugs": [1]}', '{"slugs": {"a": {}}}', "\x00"])
def test_what_cannot_be_read_offers_nothing(tmp_path, text):
    """A broken object is for `datafetch bookmarks` to repair, not for a shell to tell."""
    store(tmp_path / ".datafetch")
    (tmp_path / ".datafetch/json/bookmarks/slug-mapping-dev.json").write_text(text)
    assert bash(tmp_path, "logos", "--domain", "") == []


def test_a_shell_that_asks_wrongly_gets_nothing(tmp_path):
    """Whatever goes wrong inside, the line that is being typed gets no traceback."""
    done = ask(
        tmp_path, _DATAFETCH_COMPLETE="complete_bash", COMP_WORDS="datafetch", COMP_CWORD="x"
    )
    assert done.out == ""
    assert done.err == ""


def test_zsh_is_offered_values_with_their_meaning(tmp_path):
    """The option that zsh replaces with its value comes back with it."""
    for typed, offered in (
        ("datafetch upd", '"update":"Run several of these jobs, or all"'),
        ("datafetch update gi", '"github"'),
        ("datafetch --log-format=j", '"--log-format=json":"one JSON object a line"'),
    ):
        done = ask(tmp_path, _DATAFETCH_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=typed)
        assert (done.code, done.err) == (0, "")
        assert done.out == f"_arguments '*: :(({offered}))'\n"
    files = ask(
        tmp_path, _DATAFETCH_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="datafetch --env-file "
    )
    assert files.out == "_files\n"


def test_fish_is_offered_values_or_files(tmp_path):
    """Exit code 1 tells fish that there is nothing to offer, so that it offers files."""

    def fish(typed: str, action: str) -> Finished:
        return ask(
            tmp_path,
            _DATAFETCH_COMPLETE="complete_fish",
            _TYPER_COMPLETE_FISH_ACTION=action,
            _TYPER_COMPLETE_ARGS=typed,
        )

    assert fish("datafetch update gi", "get-args").out == "github\n"
    assert fish("datafetch --log-format=c", "get-args").out == (
        "--log-format=console\tlines for people\n"
    )
    assert fish("datafetch update ", "is-args").code == 0
    assert fish("datafetch --env-file ", "is-args").code == 1


@pytest.fixture
def installed(tmp_path):
    """A folder with a program `datafetch`, as installers make it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "datafetch"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nfrom datafetch.__main__ import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    return folder


def test_bash_completes_with_the_script_that_is_shown(tmp_path, installed):
    """What `--show-completion` prints can be sourced, and completes a line in a real bash."""
    home = tmp_path / "home"
    home.mkdir()
    script = """
        datafetch --show-completion >shown || exit 3
        datafetch --install-completion >/dev/null || exit 4
        [ "$(cat shown)" = "$(cat "$HOME/.bash_completions/datafetch.sh")" ] || exit 5
        source shown
        COMP_WORDS=(datafetch update gi) COMP_CWORD=2
        _datafetch_completion datafetch
        echo "${COMPREPLY[@]}"
        complete -p datafetch
    """
    done = subprocess.run(
        [program("bash"), "--norc", "-c", script],
        cwd=tmp_path,
        env={
            **clean_environment(HOME=str(home)),
            "PATH": f"{installed}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "github",
        "complete -o default -F _datafetch_completion datafetch",
    ]


def test_nothing_is_offered_that_a_shell_would_not_take_as_it_is(tmp_path: Path) -> None:
    """Names from the store reach command lines: a line end made two values of one, a quote a command."""
    folder = tmp_path / ".datafetch"
    store(folder)
    evil = (
        "\n--force",
        "\u202e",
        "\x9b2J",
        "\u2028x",
        "\x1b[2J",
        " x",
        "'",
        '"',
        "`id`",
        "$(id)",
        "\\",
    )
    mapping = folder / "json" / "bookmarks" / "slug-mapping-dev.json"
    urls = ["https://example.com/a", *(f"https://example.com/{text}" for text in evil)]
    mapping.write_text(json.dumps({"slugs": {str(n): {"url": url} for n, url in enumerate(urls)}}))
    statistics = folder / "json" / "github-activity" / "repo_raw_weekly_stats-dev"
    for text in evil:
        (statistics / f"me_{text}.csv").touch()
    page = bash(tmp_path, "refresh-opengraph", "--url", "https", ":", "//ex")
    assert page == ["//example.com/a"]
    assert bash(tmp_path, "github", "--repo", "me") == ["me/my_tool", "me/site"]


@pytest.mark.parametrize("path", ["?a&id", ";id", "|id", "(id)", ">x", "<x", "!id"])
def test_bash_is_offered_no_address_that_it_would_run(tmp_path: Path, path: str) -> None:
    """It puts an address into the line without quotes, as zsh and fish do not."""
    folder = tmp_path / ".datafetch"
    store(folder)
    mapping = folder / "json" / "bookmarks" / "slug-mapping-dev.json"
    url = f"https://example.com/{path}"
    mapping.write_text(json.dumps({"slugs": {"1": {"url": url}}}))
    assert bash(tmp_path, "refresh-opengraph", "--url", "https", ":", "//ex") == []
    done = ask(
        tmp_path,
        _DATAFETCH_COMPLETE="complete_fish",
        _TYPER_COMPLETE_ARGS="datafetch refresh-opengraph --url https://ex",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    assert done.out.split() == [url]
