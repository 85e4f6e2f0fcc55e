"""What a job tells of how far it is; the base class shows it to nobody."""


class Progress:
    """Is told how far a job is; this base class does nothing with it."""

    def total(self, count: int) -> None:
        """Take note of how many items will be worked on."""

    def advance(self, count: int = 1) -> None:
        """Take note that `count` more items are done."""

    def waiting(self, note: str) -> None:
        """Take note of what the job waits for, until the next item is done."""
