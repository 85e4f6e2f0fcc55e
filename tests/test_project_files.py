"""Files around the package: workflows and image call what is there and try every Python that is promised."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from datafetch import __version__

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
# GitHub runs files of both endings.
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.y*ml"))
READS = {"contents": "read"}
# The only job that may do more: it proves who publishes.
PUBLISHES = ("release.yml", "publish")
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "datafetch/README.md")),
    *sorted(GITHUB.glob("*.md")),
]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))


def jobs(workflow: Path) -> dict[str, Any]:
    """The jobs of a workflow by name."""
    return dict(yaml.safe_load(workflow.read_text())["jobs"])


def steps(workflow: Path) -> list[dict[str, Any]]:
    """The steps of all jobs of a workflow."""
    return [step for job in jobs(workflow).values() for step in job["steps"]]


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of that name in the Dockerfile, in its order."""
    text = (GITHUB / "Dockerfile").read_text().replace("\\\n", " ")
    return re.findall(rf"^{name} (.+)$", text, re.MULTILINE)


def test_the_python_versions_of_the_metadata_agree() -> None:
    """The lowest classifier is what requires-python says, and none is left out between."""
    minors = [int(version.partition(".")[2]) for version in PYTHONS]
    assert minors == list(range(minors[0], minors[-1] + 1))
    assert PROJECT["requires-python"] == f">=3.{minors[0]}"


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_only_call_scripts(workflow: Path) -> None:
    """Each step that runs something starts one script of the project: nothing is done that nobody can type."""
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    assert commands
    for command in commands:
        called = re.fullmatch(r'\./(scripts/[\w-]+)( "\$\w+")?', command)
        assert called, command
        assert (ROOT / called[1]).stat().st_mode & 0o111, command


def test_every_supported_python_is_tried() -> None:
    """The matrix on Linux has the Pythons of the classifiers, each passed to the scripts; macOS has one of them."""
    (job,) = jobs(GITHUB / "workflows" / "ci.yml").values()
    matrix = job["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS
    assert [(one["os"], one["python"] in PYTHONS) for one in matrix["include"]] == [
        ("macos-latest", True)
    ]
    assert job["env"]["PYTHON"] == "python${{ matrix.python }}"


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_whoever_runs_the_tests_has_what_they_start(workflow: Path) -> None:
    """`test-programs` comes first, and sets NEEDS_PROGRAMS: without it tests are skipped, and the workflow is green."""
    called = [
        [step.get("run", "").partition(" ")[0] for step in job["steps"]]
        for job in jobs(workflow).values()
        if "./scripts/check" in [step.get("run") for step in job["steps"]]
    ]
    assert called
    for scripts in called:
        assert scripts.index("./scripts/test-programs") < scripts.index("./scripts/check")


def test_a_release_is_tried_before_it_is_published() -> None:
    """The package is compared with the tag, and only the job that publishes may prove who it is."""
    package, publish = jobs(GITHUB / "workflows" / "release.yml").values()
    assert './scripts/package "$GITHUB_REF_NAME"' in [step.get("run") for step in package["steps"]]
    assert package["env"]["PYTHON"].removeprefix("python") in PYTHONS
    assert "permissions" not in package
    assert publish["needs"] == "package"
    assert publish["environment"] == "pypi"
    assert publish["permissions"] == {"id-token": "write"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_may_only_read(workflow: Path) -> None:
    """Each token reads the repository at most, save the publisher's, and is not left on the disk."""
    assert yaml.safe_load(workflow.read_text())["permissions"] == READS
    for name, job in jobs(workflow).items():
        allowed = {"id-token": "write"} if (workflow.name, name) == PUBLISHES else READS
        assert job.get("permissions", {}).items() <= allowed.items(), name
    checkouts = [
        step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout")
    ]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(checkouts)


def test_actions_are_pinned_to_one_commit() -> None:
    """Each action is named by a commit, which nobody can move, and by the same one everywhere."""
    used = {step["uses"] for workflow in WORKFLOWS for step in steps(workflow) if "uses" in step}
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in used)
    names = [action.partition("@")[0] for action in used]
    assert len(names) == len(set(names))


def test_the_image_is_made_of_what_is_there() -> None:
    """The Dockerfile copies files that exist, into a supported Python, from libraries checked by their hashes."""
    for sources in instructions("COPY"):
        assert all((ROOT / source).exists() for source in sources.split()[:-1]), sources
    bases = {base.partition(" AS ")[0] for base in instructions("FROM")}
    assert len(bases) == 1
    assert bases <= {f"python:{version}-slim" for version in PYTHONS}
    assert "--require-hashes --no-deps" in instructions("RUN")[0]


def test_every_extra_is_tried_and_is_in_the_image() -> None:
    """A module whose library is not there is never imported before a user does it."""
    extras = f"[{','.join(sorted(PROJECT['optional-dependencies']))}]"
    assert f'"datafetch{extras}"' in instructions("RUN")[-1]
    assert f'"${{wheel[0]}}{extras}"' in (ROOT / "scripts" / "package").read_text()


def test_the_image_runs_the_command_and_not_as_root() -> None:
    """The container's process is datafetch, under a number that clusters can tell from root's."""
    assert instructions("ENTRYPOINT") == ['["datafetch"]']
    (user,) = instructions("USER")
    assert int(user) > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_name_scripts_that_exist(page: Path) -> None:
    """Whoever types what a page says finds the script."""
    for script in re.findall(r"\bscripts/[\w.-]*\w", page.read_text()):
        assert (ROOT / script).exists(), script


def test_the_changelog_stands_newest_first() -> None:
    """Versions fall from top to bottom, what is not released yet stands above them, and this one is there."""
    sections = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    versions = [tuple(map(int, name.split("."))) for name in sections if name != "Unreleased"]
    assert "Unreleased" not in sections[1:]
    assert versions == sorted(set(versions), reverse=True)
    assert __version__ in sections
