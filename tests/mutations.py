"""Break each rule of the design once, and see a test fail: ``make mutations``.

Each mutation replaces a text in a copy of the project and runs the tests that should
notice. One that survives, or whose text is gone, fails the command.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_COPIED = ("dataform_action", "tests", "docs", "scripts")
_FILES = ("entrypoint.py", "post_entrypoint.py", "action.yml", "README.md", "Dockerfile")
_MORE_FILES = ("Makefile", "pyproject.toml")
_FAILED = re.compile(r"^(?:FAILED|ERROR) tests/([^\s\[]+)", re.MULTILINE)


@dataclass(frozen=True)
class Mutation:
    """A rule, how it is broken, and the test files that should notice."""

    rule: str
    file: str
    old: str
    new: str
    tests: str
    #: A second text and its replacement, where the rule is kept in two places.
    also: tuple[str, str] = ("", "")


MUTATIONS = (
    Mutation(
        "a defect in the report takes neither the rest of it nor the exit code",
        "report.py",
        "    except Exception as error:\n",
        "    except OSError as error:\n",
        "test_report",
    ),
    Mutation(
        "a lost create is not repeated",
        "dataform_web.py",
        "            if error.unprocessed:\n",
        "            if True:\n",
        "test_dataform_web test_faults",
    ),
    Mutation(
        "only a proof makes a request one that never left",
        "failures.py",
        "cause, requests.exceptions.ConnectTimeout | urllib3.exceptions.NewConnectionError",
        "cause, requests.exceptions.ConnectionError | urllib3.exceptions.ProxyError",
        "test_transport",
    ),
    Mutation(
        "nothing is sent behind the caller's back",
        "transport.py",
        "            raise Late\n",
        "            pass\n",
        "test_transport",
    ),
    Mutation(
        "429 may be repeated",
        "errors.py",
        'hint = "Too many requests were made: run fewer jobs at a time."\n    unprocessed = True',
        'hint = "Too many requests were made: run fewer jobs at a time."',
        "test_dataform_web test_faults",
    ),
    Mutation(
        "polling survives what is no usable answer",
        "lifecycle.py",
        "            if not error.retryable and not self._patience.has_answered:\n",
        "            if True:\n",
        "test_watch test_faults",
    ),
    Mutation(
        "an outage ends the wait",
        "patience.py",
        "if self._clock.now() >= self._outage_since + limit:",
        "if self._clock.now() >= self._outage_since + 5 * limit:",
        "test_watch",
    ),
    Mutation(
        "an outage does not cancel",
        "lifecycle.py",
        "            if error is not self._verdict:\n",
        "            if True:\n",
        "test_watch",
    ),
    Mutation(
        "Retry-After is honoured",
        "patience.py",
        "delay = max(delay, min(error.retry_after, _LONGEST_RETRY_AFTER))",
        "delay = max(delay, 0.0)",
        "test_watch",
    ),
    Mutation(
        "a new run may be unknown for 30 s",
        "lifecycle.py",
        "if error.status != 404 or asked >= self._fresh_until:",
        "if error.status:",
        "test_watch test_faults",
    ),
    Mutation(
        "an unknown status is no end",
        "dataform_web.py",
        "if not isinstance(status, str) or status not in _STATES:",
        'status = status if status in _STATES else "FAILED"\n    if not isinstance(status, str):',
        "test_dataform_web test_faults",
    ),
    Mutation(
        "a signal during the create waits for the id",
        "interrupts.py",
        "            if self._shielded:\n",
        "            if False:\n",
        "test_interrupts test_signals",
    ),
    Mutation(
        "a second signal leaves at once",
        "interrupts.py",
        "            os._exit(128 + signal_number)",
        "            return",
        "test_interrupts",
    ),
    Mutation(
        "the run's id goes to GITHUB_STATE at once",
        "main.py",
        "            self._files.state(self._state() | known_by)\n",
        "",
        "test_signals",
    ),
    Mutation(
        "a step leaves word of a creation before it",
        "main.py",
        "        self._files.state(self._state() | begun)\n",
        "",
        "test_signals",
    ),
    Mutation(
        "the post step is left a run whose create was cut short",
        "main.py",
        "            self._in_doubt = True\n",
        "",
        "test_signals",
    ),
    Mutation(
        "the post step looks after a killed step's run",
        "post.py",
        "if state[STATE_SETTLED] or not (known",
        "if True or not (known",
        "test_post",
    ),
    Mutation(
        "the post step never cancels what it must not",
        "post.py",
        'if state[STATE_CANCEL] != "true":',
        "if False:",
        "test_post",
    ),
    Mutation(
        "the post step always exits 0",
        "post.py",
        "    except BaseException as error:\n",
        "    except KeyError as error:\n",
        "test_post",
    ),
    Mutation(
        "remote text cannot become a command of the first kind",
        "github.py",
        'while "::" in line:',
        "while False:",
        "test_github",
    ),
    Mutation(
        "remote text cannot become a command of the second kind",
        "github.py",
        '.replace("##[", f"##{_ZERO_WIDTH_SPACE}[")',
        "",
        "test_github",
    ),
    Mutation(
        "ids are checked before they become paths",
        "dataform_web.py",
        "if not isinstance(run_id, str) or not is_segment(run_id):",
        "if not isinstance(run_id, str):",
        "test_dataform_web",
    ),
    Mutation(
        "only http(s) addresses become links",
        "dataform_web.py",
        "url if isinstance(url, str) and is_link(url) else run.log_url",
        "url if isinstance(url, str) else run.log_url",
        "test_dataform_web",
    ),
    Mutation(
        "redirects are not followed",
        "transport.py",
        "        return None\n\n\nclass Transport",
        "        return super().get_redirect_target(resp)\n\n\nclass Transport",
        "test_transport",
        also=("allow_redirects=False", "allow_redirects=True"),
    ),
    Mutation(
        "the API's text does not hold the token",
        "answers.py",
        'return text.replace(token, "***") if len(token) >= _SHORTEST_SECRET else text',
        "return text",
        "test_dataform_web test_transport",
    ),
    Mutation(
        "the token is masked before anything is printed",
        "main.py",
        '        self.console.mask(raw_value(self._environ, "token"))\n',
        "",
        "test_main",
    ),
    Mutation(
        ".netrc is not used",
        "transport.py",
        "auth=_BearerAuth(token),",
        'headers={"Authorization": f"Bearer {token}"},',
        "test_transport",
    ),
    Mutation(
        "a debug line does not hold the token",
        "answers.py",
        "        observer(hide(f\"{what.partition('?')[0]}: {', '.join(parts)}\"))\n",
        "        observer(f\"{what.partition('?')[0]}: {', '.join(parts)}\")\n",
        "test_transport",
    ),
    Mutation(
        "files are shown on GitHub only",
        "source.py",
        'server["host"].lower() == host.lower()',
        'server["host"].lower() in host.lower()',
        "test_source",
    ),
    Mutation(
        "a repository that cannot be read spoils no ending",
        "google_details.py",
        '    except DataformError:\n        return ""\n',
        '    except ZeroDivisionError:\n        return ""\n',
        "test_google_dataform",
    ),
    Mutation(
        "the workspace is not imported",
        "../Dockerfile",
        '"/usr/local/bin/python3", "-I", "-u"',
        '"/usr/local/bin/python3", "-u"',
        "test_action_yml",
    ),
    Mutation(
        "values cannot break out of the file commands",
        "github.py",
        'delimiter = f"end-{secrets.token_hex(16)}"',
        'delimiter = "end"',
        "test_github",
    ),
    Mutation(
        "nothing is sent when an input is bad",
        "inputs.py",
        "    if reader.problems:\n",
        "    if False:\n",
        "test_inputs",
    ),
    Mutation(
        "no wait passes a deadline",
        "patience.py",
        "return min(now + delay, self._deadline, give_up)",
        "return now + delay",
        "test_watch",
    ),
    Mutation(
        "a lost create is looked for where that can be",
        "lifecycle.py",
        "_LOOKS if lost.findable else 0",
        "0",
        "test_watch",
    ),
    Mutation(
        "a kill during the search knows that a run may exist",
        "lifecycle.py",
        "            error.__cause__ = lost\n",
        "",
        "test_watch",
    ),
    Mutation(
        "only success is promoted",
        "watch.py",
        "if request.promote and result.run.state is State.SUCCESS:",
        "if request.promote:",
        "test_watch",
    ),
    Mutation(
        "actions are asked for every 15 s at most",
        "lifecycle.py",
        "if self._service.has_actions and asked >= self._next_actions:",
        "if self._service.has_actions:",
        "test_watch",
    ),
    Mutation(
        "a file of an annotation is only a file",
        "github.py",
        '"file": self._clean(file)',
        '"file": file',
        "test_github",
    ),
    Mutation(
        "tokens that are minted are masked",
        "main.py",
        "connect(inputs, self._environ, self.console.mask, debug)",
        "connect(inputs, self._environ, str, debug)",
        "test_main",
    ),
    Mutation(
        "credentials are looked for only without a token",
        "connect.py",
        "token=inputs.token or _credentials(environ, on_token, on_exchange),",
        "token=_credentials(environ, on_token, on_exchange),",
        "test_connect",
    ),
    Mutation(
        "the timeout cancels",
        "lifecycle.py",
        "        self._cancel(attempts=_LOOKS)\n",
        "",
        "test_watch",
    ),
    Mutation(
        "who watches a run at a terminal does not cancel it by leaving",
        "cli.py",
        '            presets={"cancel-run": "false"},\n',
        "",
        "test_cli",
    ),
    Mutation(
        "the token does not reach a terminal",
        "terminal.py",
        "            self._learn(secret)\n",
        "            pass\n",
        "test_cli",
    ),
    Mutation(
        "a failed run raises with its reasons",
        "model.py",
        "        lines += [_reason_words(action) for action in failed[:_MOST_REASONS]]\n",
        "",
        "test_model test_docs",
    ),
    Mutation(
        "a summary stays inside its limit",
        "page.py",
        "        if size > self._room:\n",
        "        if False:\n",
        "test_summary",
    ),
    Mutation(
        "secrets are hidden before texts are cut",
        "report.py",
        "    ending, inputs = redacted(ending, console.redact), redacted(inputs, console.redact)\n",
        "",
        "test_report",
    ),
    Mutation(
        "no text ends its code block",
        "markdown.py",
        "max(3, longest + 1)",
        "3",
        "test_markdown",
    ),
    Mutation(
        "no name is more than a name to Mermaid",
        "timeline.py",
        "chr(ord(character) + 0xFEE0)",
        "character",
        "test_timeline",
    ),
    Mutation(
        "the longest are in the timeline whatever failed",
        "timeline.py",
        "_LONGEST_TASKS = 10",
        "_LONGEST_TASKS = 0",
        "test_timeline",
    ),
    Mutation(
        "a link to a file stays in its commit",
        "markdown.py",
        '{"", ".", ".."}.intersection',
        '{""}.intersection',
        "test_markdown",
    ),
    Mutation(
        "one of ten errors is kept for the ending",
        "annotations.py",
        "_MOST = ANNOTATION_LIMIT - 1",
        "_MOST = ANNOTATION_LIMIT",
        "test_annotations",
    ),
    Mutation(
        "what held up the most is told first",
        "problems.py",
        "key=lambda action: -len(held_up.get(action.name, ()))",
        "key=lambda action: action.name",
        "test_summary",
    ),
    Mutation(
        "ten warnings are annotations",
        "github.py",
        "if self._warnings > ANNOTATION_LIMIT:",
        "if False:",
        "test_github",
    ),
    Mutation(
        "what the summary holds already counts",
        "github.py",
        "return max(0, SUMMARY_LIMIT - size)",
        "return SUMMARY_LIMIT",
        "test_github",
    ),
)


def play(mutation: Mutation) -> str:
    """Return the first test that notices a mutation; an empty text if it survives."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in _COPIED:
            ignored = shutil.ignore_patterns("__pycache__", "node_modules")
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
        for name in (*_FILES, *_MORE_FILES):
            shutil.copy2(ROOT / name, copy / name)
        path = copy / "dataform_action" / mutation.file
        text = path.read_text("utf-8")
        text = text.replace(mutation.old, mutation.new).replace(*mutation.also)
        path.write_text(text, "utf-8")
        tests = [f"tests/{name}.py" for name in mutation.tests.split()]
        command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *tests]
        environ = {**os.environ, "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=copy, env=environ, capture_output=True, text=True, check=False, timeout=300
        )
    found = _FAILED.search(done.stdout)
    return found[1] if found else ""


def stale() -> list[str]:
    """Return what is wrong with the texts to be broken: each must stand in the code once."""
    package = ROOT / "dataform_action"
    return [
        f"{mutation.file} does not hold, once: {mutation.old!r}"
        for mutation in MUTATIONS
        if (package / mutation.file).read_text("utf-8").count(mutation.old) != 1
    ]


def main() -> None:
    """Play every mutation and print the test that noticed each."""
    if stale():
        sys.exit("\n".join(stale()))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        noticed = list(pool.map(play, MUTATIONS))
    print("| rule | broken in | noticed by |\n|---|---|---|")
    for mutation, test in zip(MUTATIONS, noticed, strict=True):
        print(f"| {mutation.rule} | {mutation.file} | {test or '**nothing**'} |")
    survivors = noticed.count("")
    print(f"\n{len(MUTATIONS) - survivors} of {len(MUTATIONS)} mutations noticed")
    sys.exit(survivors > 0)


if __name__ == "__main__":
    main()
