"""What a step leaves behind: outputs and the job summary."""

from __future__ import annotations

import html
import json
import re

import pytest
from hypothesis import example, given

from dataform_action.actions import Action, ActionState, CompileError
from dataform_action.endings import Ending, ExitCode
from dataform_action.inputs import Inputs
from dataform_action.model import Polling, Run, RunRequest, State
from dataform_action.report import (
    Annotation,
    escape_markdown,
    render_annotations,
    render_outputs,
    render_summary,
)
from tests.fakes import make_action
from tests.runner import BOUNDED, hostile_texts

_HARMLESS = re.compile(r"(?:[A-Za-z0-9 ]|(?<!^)[%',./;?-]|[^\x00-\x7f]|&#[0-9]+;)*")


@BOUNDED
@given(hostile_texts())
@example("".join(map(chr, range(256))))
def test_escaped_text_means_nothing_to_markdown(text: str) -> None:
    """What is left is letters, digits, blanks, entities, and marks that mean nothing there."""
    escaped = escape_markdown(text)
    assert _HARMLESS.fullmatch(escaped)
    assert re.search(r"^[0-9]+\.( |$)|w\.|^-", escaped) is None
    assert len(escaped.splitlines()) <= 1
    assert _visible(html.unescape(escaped)) == _visible(text)


def _visible(text: str) -> list[str]:
    return [character for character in text if "!" <= character <= "~"]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("nightly 2", "nightly 2"),
        ("é ✅", "é ✅"),
        (" a\r\n\tb\u202ec ", "a b c"),
        ("a|b", "a&#124;b"),
        ("<b>", "&#60;b&#62;"),
        ("&lt;", "&#38;lt;"),
        ("@octocat #1", "&#64;\u2060octocat &#35;\u20601"),
        ("a_b-c.d", "a&#95;b-c.d"),
        ("1. one", "1&#46; one"),
        ("- one - two", "&#45; one - two"),
        ("www.example.com", "www&#46;example.com"),
        ("https://a/", "https&#58;//a/"),
        ("x" * 2001, f"{'x' * 1999}…"),
    ],
)
def test_escaped_text_shows_as_it_is(text: str, escaped: str) -> None:
    """A reader sees the text on one line; mentions and references are broken."""
    assert escape_markdown(text) == escaped


def _ending(exit_code: ExitCode, status: State, **changes: object) -> Ending:
    values: dict[str, object] = {
        "title": "Title",
        "message": "It *failed*.\nSo it did.",
        "hint": "Do <this>.",
        "run": Run(id="7_7", state=status, status="A|B", log_url="https://a/77"),
        "duration": 65.9,
        **changes,
    }
    return Ending(exit_code=exit_code, status=status, **values)  # type: ignore[arg-type]


def _inputs(request: RunRequest, *, google: bool = False) -> Inputs:
    return Inputs(
        project_id="12-34",
        location="europe-west1" if google else "",
        repository="ware_house" if google else "",
        token="s3cret",
        request=request,
        polling=Polling(),
        wait=True,
        run_id=None,
        api_url=None,
        summary=True,
    )


@pytest.mark.parametrize(
    ("duration", "outputs"),
    [
        (65.9, {"status": "timed_out", "duration": "65"}),
        (0.0, {"status": "timed_out", "duration": "0"}),
        (None, {"status": "timed_out"}),
    ],
)
def test_outputs_tell_the_status_and_whole_seconds(
    duration: float | None, outputs: dict[str, str]
) -> None:
    """A duration that is not known is no output; one of zero is."""
    ending = _ending(ExitCode.TIMEOUT, State.TIMED_OUT, duration=duration)
    assert render_outputs(ending) == outputs


def test_a_full_summary() -> None:
    """A failure shows every fact, escaped, and then what happened and what to do."""
    inputs = _inputs(RunRequest(schedule="a`b", environment="c|d", tags=("e", "f_g")))
    assert render_summary(
        _ending(ExitCode.RUN_UNSUCCESSFUL, State.FAILURE), inputs, "Web", str
    ) == (
        "## ❌ Title\n"
        "\n"
        "| | |\n"
        "|---|---|\n"
        "| Run | 7&#95;7 |\n"
        "| Log | [https&#58;//a/77](<https://a/77>) |\n"
        "| Status | A&#124;B |\n"
        "| Duration | 1m 5s |\n"
        "| Service | Web |\n"
        "| Project | 12-34 |\n"
        "| Environment | c&#124;d |\n"
        "| Schedule | a&#96;b |\n"
        "| Tags | e, f&#95;g |\n"
        "\n"
        "It &#42;failed&#42;.\n"
        "\n"
        "So it did.\n"
        "\n"
        "Do &#60;this&#62;.\n"
    )


def test_a_secret_is_hidden_before_escapes_break_it_up() -> None:
    """A secret in any text of the summary is replaced as a whole."""
    ending = _ending(ExitCode.DEFECT, State.FAILURE, message="a s-3_t", hint="s-3_t", run=None)
    inputs = _inputs(RunRequest(schedule="x s-3_t"))
    text = render_summary(ending, inputs, "Web", lambda text: text.replace("s-3_t", "***"))
    assert html.unescape(text).count("***") == 3
    assert "s-3" not in html.unescape(text)


def test_a_short_summary() -> None:
    """What is not known has no row, and a success needs no more words."""
    ending = _ending(ExitCode.SUCCESS, State.SUCCESS, run=None, duration=None)
    assert render_summary(ending, _inputs(RunRequest()), "Web", str) == (
        "## ✅ Title\n\n| | |\n|---|---|\n| Service | Web |\n| Project | 12-34 |\n"
    )


def test_a_summary_of_bad_inputs_has_no_table() -> None:
    """Without inputs only what is wrong is told, a paragraph a problem."""
    ending = _ending(ExitCode.BAD_INPUT, State.FAILURE, run=None, message="a\nb", hint="")
    assert render_summary(ending, None, "Web", str) == "## ❌ Title\n\na\n\nb\n"


@pytest.mark.parametrize(
    ("exit_code", "status", "icon"),
    [
        (ExitCode.SUCCESS, State.SUCCESS, "✅"),
        (ExitCode.SUCCESS, State.RUNNING, "▶️"),
        (ExitCode.NO_ANSWER, State.RUNNING, "❌"),
        (ExitCode.RUN_UNSUCCESSFUL, State.FAILURE, "❌"),
    ],
)
def test_a_summary_shows_the_ending_at_a_glance(
    exit_code: ExitCode, status: State, icon: str
) -> None:
    """A run that was started, one that succeeded and everything else have an icon each."""
    text = render_summary(_ending(exit_code, status), None, "Web", str)
    assert text.startswith(f"## {icon} Title\n")


def _failed(name: str, **more: object) -> Action:
    return make_action(name, ActionState.FAILED, **more)


def test_outputs_tell_what_was_compiled_and_what_failed() -> None:
    """The names of the failed actions are a JSON list, whatever is in them."""
    actions = (_failed('p.d."b\n'), make_action("p.d.c"), _failed("p.d.a"))
    outputs = render_outputs(
        _ending(ExitCode.RUN_UNSUCCESSFUL, State.FAILURE, actions=actions, compilation_result="c/1")
    )
    assert outputs["compilation-result"] == "c/1"
    assert json.loads(outputs["failed-actions"]) == ['p.d."b\n', "p.d.a"]
    assert "\n" not in outputs["failed-actions"]


def test_no_failed_action_is_an_empty_list() -> None:
    """A workflow can read the list of any run whose actions are known."""
    ending = _ending(ExitCode.SUCCESS, State.SUCCESS, actions=(make_action("p.d.a"),))
    assert render_outputs(ending)["failed-actions"] == "[]"


def test_compile_errors_are_annotations_on_their_files() -> None:
    """File, line and column are kept, the action goes before the message."""
    errors = (
        CompileError(message="No file."),
        CompileError(message="bad", file="definitions/a.js", line=12, column=37, action="d.a"),
        CompileError(message="worse", file="definitions/b.sqlx"),
    )
    ending = _ending(ExitCode.RUN_UNSUCCESSFUL, State.FAILURE, compile_errors=errors)
    title = "Dataform: compile error"
    assert render_annotations(ending) == [
        Annotation(title=title, message="d.a: bad", file="definitions/a.js", line=12, column=37),
        Annotation(title=title, message="worse", file="definitions/b.sqlx"),
        Annotation(title=title, message="No file.", file=""),
    ]


def test_failed_actions_are_annotations_on_their_files() -> None:
    """Each failed action says why, and those without a file come last."""
    actions = (
        _failed("d.a", reason="Division by zero"),
        make_action("d.b", file="definitions/b.sqlx"),
        _failed("d.c", file="definitions/c.sqlx"),
    )
    title = "Dataform: action failed"
    assert render_annotations(
        _ending(ExitCode.RUN_UNSUCCESSFUL, State.FAILURE, actions=actions)
    ) == [
        Annotation(title=title, message="d.c: the API gives no reason", file="definitions/c.sqlx"),
        Annotation(title=title, message="d.a: Division by zero", file=""),
    ]


def test_annotations_leave_room_for_the_ending() -> None:
    """The runner keeps 10 errors of a step: those on files come first, and one is the ending's."""
    actions = (
        *(_failed(f"d.a{n}") for n in range(5)),
        *(_failed(f"d.b{n}", file="b") for n in range(8)),
    )
    places = render_annotations(_ending(ExitCode.RUN_UNSUCCESSFUL, State.FAILURE, actions=actions))
    assert [place.file for place in places] == [*["b"] * 8, ""]


def test_an_ending_without_files_has_no_annotations() -> None:
    """The ending's own error is not one of these."""
    assert render_annotations(_ending(ExitCode.NO_ANSWER, State.FAILURE)) == []


def test_a_summary_of_google_cloud() -> None:
    """Repository, ref and compilation are facts as well."""
    inputs = _inputs(RunRequest(git_ref="feature/a|b", environment="production"), google=True)
    ending = _ending(ExitCode.SUCCESS, State.SUCCESS, run=None, compilation_result="c/1")
    assert render_summary(ending, inputs, "Cloud", str) == (
        "## ✅ Title\n"
        "\n"
        "| | |\n"
        "|---|---|\n"
        "| Duration | 1m 5s |\n"
        "| Service | Cloud |\n"
        "| Project | 12-34 |\n"
        "| Repository | ware&#95;house &#40;europe-west1&#41; |\n"
        "| Git ref | feature/a&#124;b |\n"
        "| Compilation | c/1 |\n"
        "| Environment | production |\n"
    )


def _tables(ending: Ending) -> list[str]:
    """Return the lines of a summary that follow its words."""
    text = render_summary(ending, None, "Cloud", str)
    return text[text.index("### ") :].splitlines()


def test_a_summary_shows_compile_errors() -> None:
    """Each error has a row with its place as editors write it."""
    errors = (
        CompileError(message="x | y", file="definitions/a.js", line=12, column=37, action="d.a"),
        CompileError(message="z", file="definitions/b.sqlx"),
        CompileError(message="No file."),
    )
    assert _tables(_ending(ExitCode.RUN_UNSUCCESSFUL, State.FAILURE, compile_errors=errors)) == [
        "### Compile errors",
        "",
        "| File | Error | Action |",
        "|---|---|---|",
        "| definitions/a.js&#58;12&#58;37 | x &#124; y | d.a |",
        "| definitions/b.sqlx | z |  |",
        "|  | No file. |  |",
    ]


def test_a_summary_shows_failed_actions() -> None:
    """Each has a row: its file, its reason, what it held up, and its job, linked if it can be."""
    link = "https://console.cloud.google.com/bigquery?project=p&ws=!1m5!2sjob_1"
    held_up = [make_action(f"d.s{n}", ActionState.SKIPPED, dependencies=("d.a",)) for n in range(6)]
    actions = (
        _failed("d.a", file="definitions/a.sqlx", reason="0 / 0", job_id="job_1", job_url=link),
        _failed("d.b", job_id="job_2"),
        *held_up,
    )
    lines = _tables(_ending(ExitCode.RUN_UNSUCCESSFUL, State.FAILURE, actions=actions))
    assert lines == [
        "### Failed actions",
        "",
        "| Action | File | Reason | Held up | Job |",
        "|---|---|---|---|---|",
        "| d.a | definitions/a.sqlx | 0 / 0 | d.s0, d.s1, d.s2, d.s3, d.s4 and 1 more | "
        f"[{escape_markdown(link)}](<{link}>) |",
        "| d.b |  | The API gives no reason. |  | job&#95;2 |",
    ]


@pytest.mark.parametrize(("count", "rest"), [(100, []), (101, ["", "And 1 more."])])
def test_a_summary_has_room_for_100_rows(count: int, rest: list[str]) -> None:
    """A summary that is too large is dropped by GitHub altogether; the rest is counted."""
    actions = tuple(_failed(f"d.a{n:03}") for n in range(count))
    errors = tuple(CompileError(message=f"e{n:03}") for n in range(count))
    failures = _tables(_ending(ExitCode.RUN_UNSUCCESSFUL, State.FAILURE, actions=actions))
    compiled = _tables(_ending(ExitCode.RUN_UNSUCCESSFUL, State.FAILURE, compile_errors=errors))
    assert failures[103].startswith("| d.a099 ")
    assert compiled[103].startswith("|  | e099 ")
    assert failures[104:] == compiled[104:] == rest


@BOUNDED
@given(hostile_texts())
@example("a | b\n| c")
@example("](<https://evil.example/>)")
def test_no_text_breaks_out_of_its_cell(text: str) -> None:
    """Whatever the API says of actions and errors, a row stays a row with its columns."""
    link = "https://a/job"
    ending = _ending(
        ExitCode.RUN_UNSUCCESSFUL,
        State.FAILURE,
        run=None,
        actions=(
            _failed(text, file=text, reason=text, job_id=text),
            _failed(f"{text}2", reason=text, job_url=link),
            make_action(text, ActionState.SKIPPED, dependencies=(text, f"{text}2")),
        ),
        compile_errors=(CompileError(message=text, file=text, action=text),),
    )
    lines = _tables(ending)
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 5
    assert [row.count("|") for row in rows] == [4, 4, 6, 6, 6]
    assert [line for line in lines if not line.startswith("|")] == [
        *("### Compile errors", "", "", "", "### Failed actions", ""),
    ]
    linked = f"[{escape_markdown(link)}](<{link}>)"
    assert "".join(rows).count("](<") == 1
    for row in rows[1:2] + rows[3:]:
        assert all(
            _HARMLESS.fullmatch(cell) for cell in row.replace(linked, "").strip("| ").split(" | ")
        )


def test_secrets_are_hidden_in_the_tables() -> None:
    """What the API repeats of a secret is replaced before it is escaped."""
    ending = _ending(
        ExitCode.RUN_UNSUCCESSFUL,
        State.FAILURE,
        actions=(_failed("s-3_t", reason="s-3_t"),),
        compile_errors=(CompileError(message="s-3_t", file="s-3_t"),),
    )
    text = render_summary(ending, None, "Cloud", lambda text: text.replace("s-3_t", "***"))
    assert "s-3" not in html.unescape(text)
    assert html.unescape(text).count("***") == 4
