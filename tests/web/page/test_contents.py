"""What the status page shows of an overview, and that nothing hostile or secret gets into it."""

import re
from dataclasses import replace

import pytest

from datafetch.models.run import JobName
from datafetch.ops.letter_choice import groups
from datafetch.ops.overview_report import headline
from datafetch.redaction import register_secrets
from datafetch.web.page.contents import Page, Trouble, page_of
from datafetch.web.page.drawing import Notice, Visitor, draw_login, draw_status
from tests.ops.overviews import NOW, SCENES, all_fine, empty, failing, paused, running, view
from tests.web.page.scenes import HOSTILE, letter, many_letters, some_letters, very_full

NOBODY: Visitor = {"has_session": False, "may_act": False, "can_log_in": True, "csrf": ""}
ACTING: Visitor = {"has_session": True, "may_act": True, "can_log_in": True, "csrf": "token"}


def grouped(letters):
    """The letters by job, host and error."""
    found = {job: groups([one for one in letters if one.job == job]) for job in JobName}
    return {job: them for job, them in found.items() if them}


def drawn(page: Page, visitor: Visitor = NOBODY, notice: Notice | None = None) -> str:
    """The page as HTML."""
    return draw_status(page, visitor, notice, 7)


def test_freshness_as_a_person_reads_it():
    """How long ago, when next, and both as times of day and for programs."""
    card = page_of(all_fine(), {}, NOW).cards[0]
    assert card.success is not None
    assert card.upcoming is not None
    assert (card.success.ago, card.upcoming.ago) == ("2 minutes ago", "in 1 h 55 min")
    assert (card.success.at, card.upcoming.at) == ("12:02 PST", "14:00 PST")
    assert card.success.iso == "2026-11-24T20:02:12Z"


def test_failures_come_first():
    """The failing job is the first card, whatever the order of jobs."""
    made = failing()
    page = page_of(replace(made, jobs=tuple(reversed(made.jobs))), {}, NOW)
    assert page.status == "failing"
    assert page.cards[0].name == "bookmarks"
    assert page.cards[0].error.endswith("401 Unauthorized")


def test_one_item_is_not_said_to_be_several():
    """Nor is one error."""
    made = failing()
    last = made.jobs[0].last
    assert last is not None
    one = replace(made.jobs[0], last=replace(last, processed=1, changed=0, failed=0, errors=1))
    card = page_of(replace(made, jobs=(one, *made.jobs[1:])), {}, NOW).cards[0]
    said = next(fact.text for fact in card.facts if fact.label == "last run")
    assert said.endswith(", 1 item, 1 error")


def test_only_failing_ones_are_shown_on_request():
    """The filter leaves the others out, and says how many they are."""
    page = page_of(failing(), {}, NOW, only_failing=True)
    assert [card.name for card in page.cards] == ["bookmarks"]
    assert page.hidden == 3
    assert "3 other jobs are not shown" in drawn(page)


@pytest.mark.parametrize("name", sorted(SCENES))
def test_the_page_says_what_the_command_says(name):
    """The sentence is the command's, each configured job has its card, and each page can be drawn."""
    overview = SCENES[name]()
    page = page_of(overview, {}, NOW)
    assert page.headline == headline(overview)
    wanted = {view.job.value for view in overview.jobs if view.facts.is_configured}
    assert {card.name for card in page.cards} == wanted
    html = drawn(page)
    assert all(f'id="job-{job}"' in html for job in wanted)


def test_what_to_do_when_nothing_ran():
    """A new site is told what to type."""
    assert "datafetch update" in drawn(page_of(empty(), {}, NOW))
    nobody = replace(empty(), jobs=tuple(view(job, configured=False) for job in JobName))
    assert "No job is configured here" in drawn(page_of(nobody, {}, NOW))


def test_a_run_under_way_and_a_pause_are_said():
    """Since when it runs; until when it rests, and why."""
    card = page_of(running(), {}, NOW).cards[0]
    assert card.is_running
    assert card.facts[0].label == "running"
    texts = [fact.text for fact in page_of(paused(), {}, NOW).cards[0].facts]
    assert any("the server moves" in text for text in texts)


def test_a_store_that_does_not_answer_is_unknown_and_the_last_known_is_shown():
    """It is said what is wrong, what to do, and how old what is shown is."""
    trouble = Trouble("s3://site did not answer", "`datafetch doctor` looks at the store.")
    page = page_of(all_fine(), {}, NOW + 600, trouble=trouble)
    assert (page.status, page.unknown) == ("unknown", "s3://site did not answer")
    assert page.read_at is not None
    assert page.read_at.ago == "10 minutes ago"
    html = drawn(page)
    assert "All 3 jobs are fresh" in html
    assert "Unknown" in html
    assert "<code>datafetch doctor</code> looks at the store." in html
    hostile = Trouble("down", "`<b>` & a ` that <i>ends</i> nowhere")
    html = drawn(page_of(None, {}, NOW, trouble=hostile))
    assert "`&lt;b&gt;` &amp; a ` that &lt;i&gt;ends" in html
    html = drawn(page_of(None, {}, NOW, trouble=Trouble("down", "type `<b>`<i>")))
    assert "type <code>&lt;b&gt;</code>&lt;i&gt;" in html
    never = page_of(None, {}, NOW, trouble=trouble)
    assert never.read_at is None
    assert "did not answer" in drawn(never)


def test_each_fact_has_a_label_and_is_said_once():
    """A list without a term says nothing to who hears it; what the overview notes is not said again."""
    notes = ("a.json cannot be read (Field required); the next run keeps it aside", "b.json is old")
    found = replace(failing(), notes=notes, open_publishes=("bookmarks", "github"))
    page = page_of(found, {}, NOW, problems=["a.json cannot be read (Field required)", "down"])
    said = [(fact.label, fact.text) for fact in page.others]
    assert [label for label, _ in said] == ["backup", "publish", "publish", "note", "note", "note"]
    assert [text for label, text in said if label == "note"] == [*notes, "down"]
    assert all(fact.label for card in page.cards for fact in card.facts)


def test_letters_are_bounded():
    """Of 5,300 letters the page shows a few of each host, and says how many more there are."""
    page = page_of(very_full(), grouped(many_letters()), NOW)
    links = next(found for found in page.letters.jobs if found.job == "opengraph")
    assert len(links.groups) == 12
    assert all(len(group.letters) <= 5 for group in links.groups)
    shown = sum(len(group.letters) + group.more for group in links.groups)
    assert shown + links.more == 5000
    html = drawn(page, ACTING)
    assert len(html) < 400_000
    assert "datafetch dead-letters list opengraph" in html


def test_foreign_texts_are_only_text():
    """Markup in an item is shown, not obeyed; letters that turn text around are escaped."""
    html = drawn(
        page_of(
            all_fine(), grouped([letter(JobName.OPENGRAPH, item, item) for item in HOSTILE]), NOW
        ),
        ACTING,
    )
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "\u202e" not in html
    assert "\\u202e" in html


def test_secrets_are_masked():
    """Known secrets and the queries of URLs are shown nowhere."""
    register_secrets(["hunter2-hunter2"])
    error = "https://x.example/a?key=abc: said hunter2-hunter2"
    made = failing()
    first = made.jobs[0]
    assert first.last is not None
    last = replace(first.last, error=error, notes=(error,))
    facts = replace(first.facts, runs=[last, *first.facts.runs[1:]])
    told = replace(made, jobs=(replace(first, facts=facts, last=last),), notes=(error,))
    html = drawn(page_of(told, grouped([letter(JobName.LOGOS, error, error)]), NOW), ACTING)
    assert "hunter2" not in html
    assert "key=abc" not in html


def test_no_inline_script_or_style():
    """The policy of the answers forbids them, so browsers would not obey them."""
    pages = [
        drawn(page_of(very_full(), grouped(some_letters()), NOW), ACTING, Notice("good", "done")),
        draw_login("wrong", closed=True),
        draw_login("wrong", closed=True, acts=False),
    ]
    for html in pages:
        assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", html)
        assert all("src=" in found for found in re.findall(r"<script[^>]*>", html))
        assert len(re.findall(r'\sid="([^"]+)"', html)) == len(
            set(re.findall(r'\sid="([^"]+)"', html))
        )


def test_retry_buttons_are_for_those_who_may():
    """Without a session there is no form, but the command and the way to log in."""
    page = page_of(failing(), grouped(some_letters()), NOW)
    assert "<form" not in drawn(page)
    assert 'href="/login"' in drawn(page)
    html = drawn(page, ACTING)
    assert html.count('action="/dead-letters/retry"') == 2 + 3 + 5
    assert html.count('name="csrf" value="token"') == 11
