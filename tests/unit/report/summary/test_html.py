"""The job summary on GitHub's page: no remote text becomes an element, a link or a mention.

``make fuzz`` plays the same properties with far more examples.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, example, given, strategies as st

from dataform_action.model import Job
from dataform_action.report.outcome import StepOutcome
from dataform_action.report.words import Link, Words
from dataform_action.text import shown_name
from dataform_action.validation import is_link
from tests.support.github_markdown import Page, letters_of, read_page
from tests.support.golden import Case, hostile_comparison, hostile_outcome, outcomes, render
from tests.support.hostile_markdown import elements, few, harmless, texts


def show(case: Case) -> Page:
    return read_page(render(*case))


def letters_shown(text: str) -> str:
    """Return the letters of the page of a hostile outcome, but for its diagram's."""
    page = show(hostile_outcome(text))
    [diagram] = page.code_blocks("mermaid")
    shown = letters_of(page.text)
    assert letters_of(diagram) in shown
    return shown.replace(letters_of(diagram), "")


@few
@given(texts)
@example("q\n```\n# @octocat\n~~~\n<b>")
@example("q@octocat #1 :a: $b$ <b> [c](http://d.example)")
def test_hostile_text_makes_nothing(text: str) -> None:
    """A hostile text makes the elements, links and references of a harmless one of its shape."""
    hostile, meant = show(hostile_outcome(text)), show(hostile_outcome(harmless(text)))
    assert elements(hostile) == elements(meant)
    assert hostile.addresses == meant.addresses == []
    assert hostile.references == meant.references
    assert hostile.dropped == meant.dropped == ()
    assert len(hostile.code_blocks("mermaid")) == len(meant.code_blocks("mermaid")) == 1


@few
@given(texts)
@example("q\n```\n# @octocat\n~~~\n<b> | x")
def test_hostile_names_of_slow_actions(text: str) -> None:
    """The comparison of a slow run makes nothing of hostile names either."""

    def compared(name: str) -> Page:
        outcome, subject = hostile_outcome("q")
        comparison = hostile_comparison(name, is_slow=True)
        return show((replace(outcome, comparison=comparison), subject))

    hostile, meant = compared(text), compared(harmless(text))
    assert elements(hostile) == elements(meant)
    assert hostile.addresses == []
    assert hostile.references == []
    assert hostile.dropped == ()


@few
@given(texts)
@example("q" + "<a b='c'>" * 22)
@example("q\n```\nd\n~~~\ne")
def test_nothing_that_matters_is_lost(text: str) -> None:
    """Every letter and digit of a text can be read, in order, in all its places but two."""
    places = letters_shown("QJX").count("QJX")
    marked = f"QJX{text}"
    # What looks like a token is not shown where it should be a name.
    assume(shown_name(marked) == marked)
    # A commit is cut to its first digits, and a compilation's name to what is behind slashes.
    assert letters_shown(marked).count(letters_of(marked)) >= places - 2 > 20


@pytest.mark.parametrize("name", sorted(outcomes()))
def test_links_of_the_template(name: str) -> None:
    """Every link leads where the run, its jobs, its files or its other page are."""
    page = show(outcomes()[name])
    outcome = outcomes()[name][0]
    for address in page.addresses:
        assert is_expected(address, outcome), address
    assert page.dropped == ()


def is_expected(address: str, outcome: StepOutcome) -> bool:
    run_url = "" if outcome.run is None else outcome.run.log_url
    parts = (*outcome.words.message, *outcome.words.hint)
    linked = {part.url for part in parts if isinstance(part, Link)}
    linked |= {result.run.log_url for result in outcome.attempts}
    whole = {run_url, *linked, *(job.url for action in outcome.actions for job in action.jobs)}
    if outcome.comparison is not None:
        whole |= {past.run.log_url for past in outcome.comparison.history.runs}
    home = outcome.files_url.partition("/blob/")[0]
    return address in whole or (bool(home) and address.startswith(f"{home}/"))


@pytest.mark.parametrize("name", sorted(outcomes()))
def test_nothing_is_mentioned(name: str) -> None:
    """No text of any outcome mentions anybody or anything."""
    assert show(outcomes()[name]).references == []


@few
@given(texts, texts | st.text("aZ7-._~:/?#[]@!$&()*+,;=%'", max_size=30))
@example("q <b> @octocat", "](http://b.example)<b>")
@example("q <b> @octocat", "?a=&lt;&amp;b#c")
def test_hostile_addresses(text: str, path: str) -> None:
    """An address that can be shown leads to its own host alone, and text around it to nothing."""
    url = f"https://a.example/{path}"
    outcome, subject = hostile_outcome("q")
    assert outcome.run is not None
    changed = replace(
        outcome,
        run=replace(outcome.run, log_url=url),
        files_url=url,
        words=Words(
            message=(f"{text} ", Link(url), f" {text} ", Link(f"{url}x"), f" {text}"),
            hint=(Link(url), f" {text}"),
        ),
        actions=tuple(
            replace(action, jobs=(Job(kind=text, id=text, url=url, has_own_page=has_own_page),))
            for has_own_page, action in zip(
                (True, False, True, True, True), outcome.actions, strict=True
            )
        ),
    )
    page = show((changed, subject))
    assert {urlsplit(address)[:2] for address in page.addresses} <= {("https", "a.example")}
    assert page.references == []
    assert page.dropped == ()
    assert bool(page.addresses) or not is_link(url)
