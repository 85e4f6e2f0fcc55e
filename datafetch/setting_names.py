"""Which names are settings, and which setting was meant by a name that is none."""

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from datafetch.models.setting_problems import Missing, UnknownSetting
from datafetch.old_settings import INSTEAD
from datafetch.settings import ENV_NAMES, FILE_NAMES
from datafetch.sources import FILE_SUFFIX, Sources

_LATER = frozenset(
    {
        *("DATAFETCH_CLUSTER", "DATAFETCH_CLUSTER_INSECURE"),
    }
)
"""Settings that have their names already, and that no part of this version reads."""

NAMES = frozenset(name for names in ENV_NAMES.values() for name in names) | _LATER
"""The names of all settings."""

_KNOWN = NAMES | {f"{name}{FILE_SUFFIX}" for name in FILE_NAMES | _LATER}

_OURS = re.compile(r"(?:DATAFETCH|BOOKMARKS?|S3|LOGO|OG)_", re.IGNORECASE)
"""How our names begin. In a `.env` file each such name is meant for us."""

_SHARED = re.compile(r"(?:S3|LOGO|OG)_", re.IGNORECASE)
"""How other programs' names in the environment may begin, too."""

_OF_A_SERVICE = re.compile(
    r".+_(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)",
    re.DOTALL,
)
_OF_A_LINK = re.compile(r"(.+?)_(?:PORT|NAME|ENV_.+)", re.DOTALL)
_ADDRESS = re.compile(r"(?:tcp|udp|sctp)://")
"""What `NAME_PORT` holds of a service or a linked container; a user would set a number."""

_OF_OTHERS = frozenset(
    {"CI", "GITHUB_ACTIONS", "JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX"}
)
"""Names that build services and clusters set. They are never offered for a mistyped name."""

_BY_FIRST_WORD = {
    word: [name for name in NAMES - _OF_OTHERS if name.startswith(f"{word}_")]
    for word in {name.partition("_")[0] for name in NAMES} - {"AWS", "NEXT", "NODE"}
}
"""For names that do not begin like ours; those of AWS, Next and Node have other readers."""

_OTHER_WORDS = {
    other: name
    for name, others in {
        # GH_TOKEN is the name for GitHub's command line; Karakeep was Hoarder before.
        "GITHUB_TOKEN": ("GH_TOKEN", "GITHUB_PAT"),
        "BOOKMARKS_API_URL": ("KARAKEEP_SERVER_ADDR", "HOARDER_SERVER_ADDR"),
        "BOOKMARK_BEARER_TOKEN": (
            *("KARAKEEP_API_KEY", "HOARDER_API_KEY"),
            *("BOOKMARKS_API_KEY", "BOOKMARK_API_KEY", "BOOKMARKS_API_TOKEN"),
        ),
        "S3_SERVER_URL": ("S3_ENDPOINT", "S3_ENDPOINT_URL"),
        "DATAFETCH_ENV": ("DATAFETCH_ENVIRONMENT",),
    }.items()
    for other in others
}
"""Names for the same thing that others use, by which setting they mean."""

_NEAR = 0.85
_VERY_NEAR = 0.9
"""Of 1 for names that are equal, by `difflib`; above the first no other setting is meant."""


_MOST_COMPARED = 100
_MOST_FOR_ONE = 1000
"""Names that are compared with all of ours, which takes a millisecond for each, and with one."""


def unknown_settings(sources: Sources) -> tuple[UnknownSetting, ...]:
    """The names that are set and look like settings, but are none; each once.

    Those that the system before datafetch read say what to do instead, wherever they stand. Other
    programs' names are left out. Such is a name that does not begin like ours (`GITHUB_…`,
    `NODE_…`), unless it is very near to one of ours. In the environment, but not in `.env`, two
    more kinds are left out: names that begin with a word that others use as well (`S3_…`) and are
    near to none of ours, and the variables in which Kubernetes and Docker tell of containers.
    """
    found = []
    compared = 0
    for name in _set_names(sources):
        in_file = name in sources.file.values
        if name in INSTEAD:
            found.append(UnknownSetting(name, _where(sources, name), instead=INSTEAD[name]))
            continue
        if name in _KNOWN or (not in_file and _is_of_a_service(name, sources.variables)):
            continue
        if _OURS.match(name):
            compared += 1
            suggestion = _meant_by(name, NAMES) if compared <= _MOST_COMPARED else None
            if suggestion is None and not in_file and _SHARED.match(name):
                continue
        else:
            # Build services set dozens of names: they are compared with few of ours.
            suggestion = _meant_by(name, _BY_FIRST_WORD.get(_first_word(name), ()))
            if suggestion is None or _likeness(name, suggestion) < _VERY_NEAR:
                continue
        found.append(UnknownSetting(_shown(name), _where(sources, name), suggestion))
    return tuple(found)


def written_for(problem: Missing, sources: Sources) -> UnknownSetting | None:
    """The name that the user has probably set for a missing setting; None when there is none."""
    best, most = None, 0.0
    unknown = (name for name in _set_names(sources) if not (name in _KNOWN or name in INSTEAD))
    for name in islice(unknown, _MOST_FOR_ONE):
        for wanted in problem.names:
            likeness = _likeness(name, wanted)
            if likeness > most:
                best, most = UnknownSetting(_shown(name), _where(sources, name), wanted), likeness
    return best


def _is_of_a_service(name: str, variables: Mapping[str, str]) -> bool:
    """Whether a variable tells of another container.

    Kubernetes sets them for each service (https://kubernetes.io/docs/concepts/services-networking/
    service/#environment-variables), Docker for each link (https://docs.docker.com/engine/network/
    links/#environment-variables).
    """
    if _OF_A_SERVICE.fullmatch(name):
        return True
    link = _OF_A_LINK.fullmatch(name)
    return link is not None and bool(_ADDRESS.match(variables.get(f"{link[1]}_PORT", "")))


def _set_names(sources: Sources) -> list[str]:
    """The names with a value: those of the file first, then those of the environment alone."""
    file = sources.file.values
    shell = [name for name, value in sources.variables.items() if value.strip()]
    return [*file, *(name for name in shell if name not in file)]


def _where(sources: Sources, name: str) -> str:
    return sources.file.where(name) if name in sources.file.values else "in the environment"


def _shown(name: str) -> str:
    return ascii(name[:60])[1:-1]


def _first_word(name: str) -> str:
    return name.partition("_")[0].upper()


def _meant_by(name: str, settings: Iterable[str]) -> str | None:
    """The one of these settings that a name is nearest to; None when none or two are so near."""
    scores = sorted(((_likeness(name, known), known) for known in settings), reverse=True)
    (most, nearest), (next_most, _) = [*scores, (0.0, ""), (0.0, "")][:2]
    return nearest if most > next_most else None


def _likeness(name: str, known: str) -> float:
    """How near a name is to that of a setting: 1 for equal names, 0 for what is not near."""
    written = name.upper()
    if _OTHER_WORDS.get(written) == known or written in (known, f"DATAFETCH_{known}"):
        return 1.0
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(None, written, known, autojunk=False)
    near = matcher.real_quick_ratio() >= _NEAR and matcher.quick_ratio() >= _NEAR
    ratio = matcher.ratio() if near else 0.0
    if ratio >= _NEAR:
        return ratio
    words, wanted = _words(written), _words(known)
    # All words, or all but one that is not the first: `S3_BUCKET_NAME`, `BOOKMARKS_TOKEN`.
    lacks = len(wanted - words)
    alike = words <= wanted and lacks <= 1 and _first_word(written)[:2] == known[:2]
    return _NEAR - lacks / 100 if alike and len(words) > 1 else 0.0


def _words(name: str) -> frozenset[str]:
    """The words of a name, without what says nothing: the S of a plural, and the word `NAME`."""
    return frozenset(
        word.removesuffix("S") if len(word) > 2 else word  # noqa: PLR2004 - not of S3 and OS
        for word in name.split("_")
        if word not in ("", "NAME")
    )
