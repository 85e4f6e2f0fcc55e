"""What the readers' own settings say, and what they were left by older systems."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """The readers of one environment.

    Attributes:
        suffix: of that environment: empty in production, `-dev`, `-test`.
        cdn: the address under which visitors load pictures.
        left_alone: keys of objects that nobody here wrote, such as pictures of other parts of
            the site.
        earlier_pictures: keys of pictures as systems before this one named them; such a picture
            is kept under its key.
        earlier_slugs: slugs that bookmarks already had; a slug that was given never changes,
            also where today's rules would make another.
    """

    suffix: str = ""
    cdn: str = "https://cdn.example.org"
    left_alone: frozenset[str] = frozenset()
    earlier_pictures: frozenset[str] = frozenset()
    earlier_slugs: frozenset[str] = frozenset()
