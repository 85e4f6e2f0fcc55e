"""Decides in which order the pages of a list are written, so that no item is on no page meanwhile.

Pages are written one by one, so between two writes readers see new pages beside old ones. An item
that moves from one page to another must be on its new page before it goes from its old one: the
page that receives it is written first.

Items that are inserted or deleted shift all others in one direction at each boundary between two
pages, so such an order exists, and each page is written once. Where an item has passed others,
pages may wait for each other in a circle: page 2 gives to page 1, and page 1 to page 2. One page of
each circle is then written twice: first with the items that it will have and those that it still
has, and with its own alone when all others are written.
"""

from collections.abc import Collection, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from datafetch.bookmarks.rules.list import longest_in_order

Ids = tuple[str, ...]
"""The ids of the items on a page, in order."""

_Pages = dict[int, set[int]]
"""Other pages, by page."""


class PageWrite(NamedTuple):
    """One write of a page.

    Attributes:
        page: its number, from 1.
        ids: the items that it then has.
        interim: whether the page is written once more, later in its group.
    """

    page: int
    ids: Ids
    interim: bool = False


def page_writes(before: Mapping[int, Ids], after: Sequence[Ids]) -> list[list[PageWrite]]:
    """The writes that turn the pages `before`, by their numbers, into the pages `after`, in groups.

    After each write, every item that is in both is on at least one page; pages beyond the new list
    are to be removed after all writes. The writes of a group are made in order. No item moves
    between two groups, so groups may be written side by side. Pages without a change are named too:
    whoever writes them leaves out those whose bytes are equal.

    Each page has one write, which is the least that there can be, and some have a second one: at
    most as many as receive an item that has passed another. So none has where items are only
    inserted and deleted. The first of two writes has no item that neither the old page nor the new
    one has.
    """
    pages = dict(enumerate(after, 1))
    places = {
        item: number for number, ids in pages.items() if before.get(number) != ids for item in ids
    }
    if not places:
        return [[PageWrite(number, ids)] for number, ids in pages.items()]
    givers = _givers(before, pages, places)
    needs: _Pages = {number: set() for number in pages}
    for item, giver in givers.items():
        needs[giver].add(places[item])
    order, twice = _order(needs)
    if len(twice) > 1:
        passed = _receivers_of_passers(givers, places)
        if len(passed) < len(twice):
            order, twice = _order(needs, passed)
    writes = [
        *(
            PageWrite(number, _both(before[number], pages[number], places), True)
            for number in twice
        ),
        *(PageWrite(number, pages[number]) for number in (*order, *twice)),
    ]
    return _grouped(writes, needs)


def _givers(
    before: Mapping[int, Ids], pages: Mapping[int, Ids], places: Mapping[str, int]
) -> dict[str, int]:
    """The old page of each item that is to move to another, in the order of the old list.

    An item that is on several old pages, as a publish that died may have left it, is kept by any
    of them. One that is on its new page already, or on one that is removed in the end, moves as
    far as readers see without anything having to wait for it.
    """
    found: dict[str, int] = {}
    safe: set[str] = set()
    for number in sorted(before):
        if before[number] == pages.get(number):
            continue
        for item in before[number]:
            if item not in places:
                continue
            if number not in pages or number == places[item]:
                safe.add(item)
            else:
                found.setdefault(item, number)
    return {item: number for item, number in found.items() if item not in safe}


def _order(needs: _Pages, chosen: Collection[int] = ()) -> tuple[list[int], list[int]]:
    """An order in which each page comes after those that it needs, and the pages left out of it.

    Left out are the `chosen` ones, and one of each circle that then is left: always the page on
    which most circles may lie. The least number of them is hard to find (feedback vertex set), this
    comes near it.
    """
    needs = {
        page: others.difference(chosen) for page, others in needs.items() if page not in chosen
    }
    needed_by: _Pages = {page: set() for page in needs}
    for page, others in needs.items():
        for other in others:
            needed_by[other].add(page)
    first: list[int] = []
    last: list[int] = []
    left_out = list(chosen)
    free = [page for page in reversed(needs) if not (needs[page] and needed_by[page])]
    candidates = [(-len(needs[page]) * len(needed_by[page]), page) for page in needs]
    heapify(candidates)
    while needs:
        while free:
            page = free.pop()
            if page in needs:
                (last if needs[page] else first).append(page)
                free += _take_out(page, needs, needed_by)
        if needs:
            page = _most_circular(candidates, needs, needed_by)
            left_out.append(page)
            free += _take_out(page, needs, needed_by)
    return first + last[::-1], left_out


def _take_out(page: int, needs: _Pages, needed_by: _Pages) -> list[int]:
    """Take a page out of both; returns those that are on no circle any more."""
    free = []
    for other in needed_by.pop(page):
        needs[other].discard(page)
        if not needs[other]:
            free.append(other)
    for other in needs.pop(page):
        needed_by[other].discard(page)
        if not needed_by[other]:
            free.append(other)
    return free


def _most_circular(candidates: list[tuple[int, int]], needs: _Pages, needed_by: _Pages) -> int:
    """The page through which most ways lead, from a heap of counts that may be too high by now."""
    while True:
        count, page = heappop(candidates)
        if page not in needs:
            continue
        ways = -len(needs[page]) * len(needed_by[page])
        if ways == count:
            return page
        heappush(candidates, (ways, page))


def _receivers_of_passers(givers: Mapping[str, int], places: Mapping[str, int]) -> set[int]:
    """The new pages of the items that pass others, of those that move to other pages.

    Without these pages there is no circle: the other items keep their order.
    """
    new = {item: at for at, item in enumerate(places)}
    moving = list(givers)
    in_order = longest_in_order([new[item] for item in moving])
    return {places[item] for item, keeps in zip(moving, in_order, strict=True) if not keeps}


def _both(before: Ids, after: Ids, places: Mapping[str, int]) -> Ids:
    """The items of the new page, then those of the old one that have moved to other pages."""
    there = set(after)
    return (*after, *(item for item in before if item in places and item not in there))


def _grouped(writes: Sequence[PageWrite], needs: _Pages) -> list[list[PageWrite]]:
    """The writes in groups, in their order; pages that need each other are in one group."""
    leaders = {page: page for page in needs}

    def leader(page: int) -> int:
        while leaders[page] != page:
            leaders[page] = page = leaders[leaders[page]]
        return page

    for page, others in needs.items():
        for other in others:
            leaders[leader(page)] = leader(other)
    groups: dict[int, list[PageWrite]] = {}
    for write in writes:
        groups.setdefault(leader(write.page), []).append(write)
    return list(groups.values())
