"""The guides: how they are listed and shown, and that what they name is there."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from datafetch.cli.app import app, with_bare_values
from datafetch.env_file import EnvFile
from datafetch.environment import STANDARD_VARIABLES
from datafetch.old_settings import INSTEAD
from datafetch.setting_names import unknown_settings
from datafetch.settings import ENV_NAMES, FILE_NAMES
from datafetch.sources import Sources
from tests.processes import ROOT, datafetch
from tests.terminals import in_a_terminal

FOLDER = ROOT / "datafetch" / "guides"
TEXTS = {file.stem: file.read_text(encoding="utf-8") for file in sorted(FOLDER.iterdir())}
README = (ROOT / "README.md").read_text(encoding="utf-8")

RENAMED = {"S3_BUCKET_NAME", "BOOKMARK_REFRESH_SECRET"}
"""Names of the old system of which the guide says, and the warning too, which they are now."""

OF_OTHERS = {
    *("CRON_TZ", "XDG_RUNTIME_DIR", "ENABLE_BACKGROUND_SERVICES", "PAY_PER_REQUEST"),
    *("CLOUD_RUN_TIMEOUT_SECONDS", "CRAWLER_ALLOWED_INTERNAL_HOSTNAMES", "AF_INET", "AF_INET6"),
    *("AF_UNIX", "AF_NETLINK", "JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX"),
}
"""Words of cron, of the session, of the old system's container, of Amazon, Google, Karakeep, systemd and Kubernetes."""


def code(text: str) -> list[str]:
    """What a guide shows as code: each block, and each piece of a line."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return [*blocks, *re.findall(r"`([^`\n]+)`", prose)]


def commands(text: str) -> list[str]:
    """The command lines in a guide's code, with a value in the place of each placeholder."""
    joined = [piece.replace("\\\n", " ") for piece in code(text)]
    found = [line for piece in joined for line in re.findall(r"datafetch [^`'\"|;&>)\n]*", piece)]
    return [re.sub(r"\bN\b", "3", line).strip() for line in found]


def shown_text(topic: str) -> str:
    """A guide without the lines by which tests find what they try."""
    lines = TEXTS[topic].splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("<!-- "))


def settings(text: str) -> set[str]:
    """The variables that a guide's code names."""
    return {
        name for piece in code(text) for name in re.findall(r"\b[A-Z0-9]+(?:_[A-Z0-9]+)+\b", piece)
    }


def test_the_list_has_each_guide_with_one_line(tmp_path):
    """Whoever does not know the topics sees them, and what each is about, on a narrow terminal too."""
    done = datafetch("guide", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    rows = re.findall(r"^  ([a-z]+) +(\S.*)$", done.out, re.MULTILINE)
    assert rows == [(topic, text.split("\n")[0][2:]) for topic, text in TEXTS.items()]
    assert {"cloud", "cron", "locks", "migrate", "scale", "serve", "stores"} <= set(TEXTS)
    assert [line for line in done.out.splitlines() if len(line) > 80] == []
    assert "datafetch guide TOPIC" in done.out


@pytest.mark.parametrize("topic", TEXTS)
def test_in_a_pipe_a_guide_is_its_text(tmp_path, topic):
    """What is kept in a file, or read by a program, has no drawing in it."""
    done = datafetch("guide", topic, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out == shown_text(topic)
    assert "<!--" not in done.out


@pytest.mark.parametrize("topic", TEXTS)
def test_on_a_terminal_a_guide_is_laid_out(tmp_path, topic):
    """Headings, tables and code are drawn, and prose is broken at words."""
    shown = in_a_terminal("guide", topic, cwd=tmp_path, environment={}, columns=72)
    assert shown.code == 0
    assert "\x1b[" in shown.raw
    screen = "\n".join(shown.lines)
    assert "##" not in screen
    assert "```" not in screen
    assert "<!--" not in screen
    assert "|---" not in screen
    assert "─" in screen or "━" in screen


@pytest.mark.parametrize("topic", TEXTS)
def test_code_can_be_copied_from_a_terminal(tmp_path, topic):
    """A line of cron that was broken to fit the terminal would be two lines in the crontab."""
    shown = in_a_terminal("guide", topic, cwd=tmp_path, environment={"NO_COLOR": "1"}, columns=40)
    lines = {line.rstrip() for line in shown.raw.replace("\r", "").split("\n")}
    blocks = re.findall(r"^```\w*\n(.*?)^```$", TEXTS[topic], re.DOTALL | re.MULTILINE)
    assert [line for block in blocks for line in block.splitlines() if line not in lines] == []


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("topic", TEXTS)
def test_nothing_of_a_table_is_cut_on_a_terminal(tmp_path, topic, columns):
    """`json/image-data/logos/manifest{S}.js…` was all that 80 columns showed of a key."""
    shown = in_a_terminal("guide", topic, cwd=tmp_path, environment={}, columns=columns)
    assert "\n".join(shown.lines).count("…") == TEXTS[topic].count("…")


def test_who_wants_no_colours_gets_none(tmp_path):
    """With `NO_COLOR` a guide is laid out all the same."""
    shown = in_a_terminal("guide", "stores", cwd=tmp_path, environment={"NO_COLOR": "1"})
    assert "\x1b" not in shown.raw
    assert "##" not in shown.raw


def test_a_dumb_terminal_gets_the_text(tmp_path):
    """An editor's terminal that cannot draw shows the guide's own text."""
    shown = in_a_terminal("guide", "stores", cwd=tmp_path, environment={"TERM": "dumb"})
    assert shown.raw.replace("\r", "") == shown_text("stores")


def test_colours_that_are_asked_for_reach_a_pager(tmp_path):
    """`FORCE_COLOR=1 datafetch guide cron | less -R` shows what a terminal shows."""
    done = datafetch("guide", "cron", cwd=tmp_path, FORCE_COLOR="1")
    assert "\x1b[" in done.out
    assert "##" not in done.out


def test_the_library_that_draws_is_loaded_for_drawing_only(tmp_path):
    """Lists and pipes do not wait for it."""
    for arguments in (["guide"], ["guide", "cron"], ["--help"]):
        done = datafetch(*arguments, cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1")
        assert not re.search(r"\| +(rich|markdown_it|pygments)\b", done.err), arguments


@pytest.mark.parametrize(
    ("topic", "line"),
    [(topic, line) for topic, text in TEXTS.items() for line in dict.fromkeys(commands(text))],
)
def test_a_command_of_a_guide_is_taken(topic, line):
    """Copied from a guide, a line is never wrong usage."""
    words = shlex.split(line)
    if words[1:2] in (["COMMAND"], ["guide"]):
        assert words[2:] in ([], ["--verbose"], *([name] for name in TEXTS)), line
        return
    arguments = with_bare_values(words[1:])
    program = typer.main.get_command(app)
    with program.make_context("datafetch", arguments) as context:
        _, command, rest = program.resolve_command(context, arguments)  # type: ignore[attr-defined]
        command.make_context(command.name, rest, parent=context).close()


def test_the_commands_are_found():
    """Without them the test above has nothing to look at."""
    assert len(commands(TEXTS["migrate"])) > 20
    assert "datafetch resume bookmarks" in commands(TEXTS["cron"])


@pytest.mark.parametrize("topic", TEXTS)
def test_options_of_a_guide_are_there(topic):
    """An option that stands by itself in a guide is one of some command."""
    program = typer.main.get_command(app)
    known = {
        option
        for command in program.commands.values()  # type: ignore[attr-defined]
        for param in command.params
        for option in param.opts
    }
    before = {"--bookmarks", "--github", "--logos", "--metadata-only", "--search-indexes"}
    named = {
        option
        for piece in code(TEXTS[topic])
        if not re.search(
            r"\b(aws|bun|curl|dask|docker|env -i|crontab|gcloud|kubectl|systemctl|uv)[ ,]", piece
        )
        or "datafetch " in piece
        for option in re.findall(r"(?<!\S)--[a-z][\w-]*", piece.split("curl")[0])
    }
    assert {name for name in named if name not in known} <= before | {"--testLimit"}


@pytest.mark.parametrize("topic", TEXTS)
def test_settings_of_a_guide_are_read(topic):
    """A guide names only what this version reads, and what is gone."""
    read = {name for names in ENV_NAMES.values() for name in names}
    files = {f"{name}_FILE" for name in FILE_NAMES}
    known = {*read, *files, *STANDARD_VARIABLES, *INSTEAD, *RENAMED, *OF_OTHERS}
    # Those of Dask's configuration: tests/acceptance/test_guide_scale.py.
    named = {name for name in settings(TEXTS[topic]) if not name.startswith("DASK_")}
    assert named - known == set()


@pytest.mark.parametrize("name", sorted(RENAMED))
def test_a_name_that_is_another_now_is_told_as_the_guide_tells_it(name):
    """The guide's line and the warning lead to the same setting."""
    (found,) = unknown_settings(Sources({name: "x"}, EnvFile()))
    assert f"\n| `{name}` | `{found.suggestion}`" in TEXTS["migrate"]


def test_the_guide_has_every_variable_that_is_gone():
    """Whoever is warned of a variable finds it in the guide that the warning names."""
    table = TEXTS["migrate"].split("<!-- old settings -->")[1].split("\n\n")[0]
    rows = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`([A-Z0-9_]+)`", " ".join(rows))) == sorted(INSTEAD)


def test_the_lines_for_cron_are_those_of_the_example():
    """Two places that say the same say it alike; what is off in the example is on in the guide."""
    example = (ROOT / "crontab.example").read_text(encoding="utf-8").replace("# 30 3", "30 3")
    block = TEXTS["cron"].split("<!-- crontab -->\n```crontab\n")[1].split("```")[0]
    plain = {re.sub(" +", " ", line) for line in example.splitlines()}
    assert [line for line in block.splitlines() if re.sub(" +", " ", line) not in plain] == []


@pytest.mark.parametrize("topic", TEXTS)
def test_places_in_the_repository_are_there(topic):
    """A guide leads to files and headings that there are."""
    for path in re.findall(r"datafetch/datafetch/blob/main/([\w./-]+)", TEXTS[topic]):
        assert (ROOT / path).is_file(), path
    titles = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    named = re.findall(r"github\.com/datafetch/datafetch#([\w-]+)", TEXTS[topic])
    assert [anchor for anchor in named if anchor not in anchors] == []


def test_the_readme_leads_to_each_guide():
    """Who reads the README on the web finds the guides there, too."""
    linked = re.findall(r"\]\(datafetch/guides/(\w+)\.md\)", README)
    assert set(linked) == set(TEXTS)


def test_every_file_is_a_guide():
    """What stands in the folder is shown: Markdown that begins with its title."""
    files = list(Path(FOLDER).iterdir())
    assert {file.suffix for file in files} == {".md"}
    assert [topic for topic, text in TEXTS.items() if not re.match(r"# \S[^\n]+\n\n\w", text)] == []
