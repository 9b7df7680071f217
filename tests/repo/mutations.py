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

ROOT = Path(__file__).resolve().parents[2]
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
        "report/publish.py",
        "if not isinstance(error, Exception):",
        "if not isinstance(error, OSError):",
        "unit/report/test_publish",
    ),
    Mutation(
        "a lost create is not repeated",
        "services/dataform_web.py",
        "            if error.unprocessed:\n",
        "            if True:\n",
        "unit/services/test_dataform_web integration/test_faults",
    ),
    Mutation(
        "only a proof makes a request one that never left",
        "transport/exceptions.py",
        "cause, requests.exceptions.ConnectTimeout | urllib3.exceptions.NewConnectionError",
        "cause, requests.exceptions.ConnectionError | urllib3.exceptions.ProxyError",
        "unit/transport/test_client",
    ),
    Mutation(
        "nothing is sent behind the caller's back",
        "transport/client.py",
        "            raise Late\n",
        "            pass\n",
        "unit/transport/test_client",
    ),
    Mutation(
        "429 may be repeated",
        "errors.py",
        'hint = "Too many requests were made: run fewer jobs at a time."\n    unprocessed = True',
        'hint = "Too many requests were made: run fewer jobs at a time."',
        "unit/services/test_dataform_web integration/test_faults",
    ),
    Mutation(
        "polling survives what is no usable answer",
        "runs/controller.py",
        "            if not error.retryable and not self._patience.has_answered:\n",
        "            if True:\n",
        "unit/runs/test_api integration/test_faults",
    ),
    Mutation(
        "an outage ends the wait",
        "runs/backoff.py",
        "if self._clock.now() >= self._outage_since + limit:",
        "if self._clock.now() >= self._outage_since + 5 * limit:",
        "unit/runs/test_api",
    ),
    Mutation(
        "an outage does not cancel",
        "runs/controller.py",
        "            if error is not self._verdict:\n",
        "            if True:\n",
        "unit/runs/test_api",
    ),
    Mutation(
        "Retry-After is honoured",
        "runs/backoff.py",
        "delay = max(delay, min(error.retry_after, _LONGEST_RETRY_AFTER))",
        "delay = max(delay, 0.0)",
        "unit/runs/test_api",
    ),
    Mutation(
        "a new run may be unknown for 30 s",
        "runs/controller.py",
        "if error.status != 404 or asked >= self._fresh_until:",
        "if error.status:",
        "unit/runs/test_api integration/test_faults",
    ),
    Mutation(
        "an unknown status is no end",
        "services/dataform_web.py",
        "if not isinstance(status, str) or status not in _STATES:",
        'status = status if status in _STATES else "FAILED"\n    if not isinstance(status, str):',
        "unit/services/test_dataform_web integration/test_faults",
    ),
    Mutation(
        "a signal during the create waits for the id",
        "github/signals.py",
        "            if self._shielded:\n",
        "            if False:\n",
        "unit/github/test_signals integration/test_signals",
    ),
    Mutation(
        "a second signal leaves at once",
        "github/signals.py",
        "            os._exit(128 + signal_number)",
        "            return",
        "unit/github/test_signals",
    ),
    Mutation(
        "the run's id goes to GITHUB_STATE at once",
        "action/main.py",
        "            self._files.state(self._state() | known_by)\n",
        "",
        "integration/test_signals",
    ),
    Mutation(
        "a step leaves word of a creation before it",
        "action/main.py",
        "        self._files.state(self._state() | begun)\n",
        "",
        "integration/test_signals",
    ),
    Mutation(
        "the post step is left a run whose create was cut short",
        "action/main.py",
        "            self._in_doubt = True\n",
        "",
        "integration/test_signals",
    ),
    Mutation(
        "the post step looks after a killed step's run",
        "action/post.py",
        "if state[STATE_SETTLED] or not (known",
        "if True or not (known",
        "unit/action/test_post",
    ),
    Mutation(
        "the post step never cancels what it must not",
        "action/post.py",
        'if state[STATE_CANCEL] != "true":',
        "if False:",
        "unit/action/test_post",
    ),
    Mutation(
        "the post step always exits 0",
        "action/post.py",
        "    except BaseException as error:\n",
        "    except KeyError as error:\n",
        "unit/action/test_post",
    ),
    Mutation(
        "remote text cannot become a command of the first kind",
        "github/commands.py",
        'while "::" in line:',
        "while False:",
        "unit/github/test_commands",
    ),
    Mutation(
        "remote text cannot become a command of the second kind",
        "github/commands.py",
        '.replace("##[", f"##{_ZERO_WIDTH_SPACE}[")',
        "",
        "unit/github/test_commands",
    ),
    Mutation(
        "ids are checked before they become paths",
        "services/dataform_web.py",
        "if not isinstance(run_id, str) or not is_segment(run_id):",
        "if not isinstance(run_id, str):",
        "unit/services/test_dataform_web",
    ),
    Mutation(
        "only http(s) addresses become links",
        "services/dataform_web.py",
        "url if isinstance(url, str) and is_link(url) else run.log_url",
        "url if isinstance(url, str) else run.log_url",
        "unit/services/test_dataform_web",
    ),
    Mutation(
        "redirects are not followed",
        "transport/client.py",
        "        return None\n\n\nclass Transport",
        "        return super().get_redirect_target(resp)\n\n\nclass Transport",
        "unit/transport/test_client",
        also=("allow_redirects=False", "allow_redirects=True"),
    ),
    Mutation(
        "the API's text does not hold the token",
        "transport/response.py",
        'return text.replace(token, "***") if len(token) >= _SHORTEST_SECRET else text',
        "return text",
        "unit/services/test_dataform_web unit/transport/test_client",
    ),
    Mutation(
        "the token is masked before anything is printed",
        "action/main.py",
        '        self.console.mask(raw_value(self._environ, "token"))\n',
        "",
        "integration/test_step",
    ),
    Mutation(
        ".netrc is not used",
        "transport/client.py",
        "auth=_BearerAuth(token),",
        'headers={"Authorization": f"Bearer {token}"},',
        "unit/transport/test_client",
    ),
    Mutation(
        "a debug line does not hold the token",
        "transport/response.py",
        "        observer(hide(f\"{what.partition('?')[0]}: {', '.join(parts)}\"))\n",
        "        observer(f\"{what.partition('?')[0]}: {', '.join(parts)}\")\n",
        "unit/transport/test_client",
    ),
    Mutation(
        "files are shown on GitHub only",
        "services/google/source_links.py",
        'server["host"].lower() == host.lower()',
        'server["host"].lower() in host.lower()',
        "unit/services/google/test_source_links",
    ),
    Mutation(
        "a repository that cannot be read spoils no outcome",
        "services/google/enrich.py",
        '    except DataformError:\n        return ""\n',
        '    except ZeroDivisionError:\n        return ""\n',
        "unit/services/google/test_service",
    ),
    Mutation(
        "the workspace is not imported",
        "../Dockerfile",
        '"/usr/local/bin/python3", "-I", "-u"',
        '"/usr/local/bin/python3", "-u"',
        "repo/test_action_yml",
    ),
    Mutation(
        "values cannot break out of the file commands",
        "github/files.py",
        'delimiter = f"end-{secrets.token_hex(16)}"',
        'delimiter = "end"',
        "unit/github/test_commands",
    ),
    Mutation(
        "nothing is sent when an input is bad",
        "action/inputs.py",
        "    if reader.problems:\n",
        "    if False:\n",
        "unit/action/test_inputs",
    ),
    Mutation(
        "no wait passes a deadline",
        "runs/backoff.py",
        "return min(now + delay, self._deadline, give_up)",
        "return now + delay",
        "unit/runs/test_api",
    ),
    Mutation(
        "a lost create is looked for where that can be",
        "runs/controller.py",
        "_LOOKS if lost.findable else 0",
        "0",
        "unit/runs/test_api",
    ),
    Mutation(
        "a kill during the search knows that a run may exist",
        "runs/controller.py",
        "            error.__cause__ = lost\n",
        "",
        "unit/runs/test_api",
    ),
    Mutation(
        "only success is promoted",
        "runs/api.py",
        "if request.promote and result.run.state is State.SUCCESS:",
        "if request.promote:",
        "unit/runs/test_api",
    ),
    Mutation(
        "actions are asked for every 15 s at most",
        "runs/controller.py",
        "if self._service.has_actions and asked >= self._next_actions:",
        "if self._service.has_actions:",
        "unit/runs/test_api",
    ),
    Mutation(
        "a file of an annotation is only a file",
        "github/commands.py",
        '"file": self._clean(file)',
        '"file": file',
        "unit/github/test_commands",
    ),
    Mutation(
        "tokens that are minted are masked",
        "action/main.py",
        "connect(inputs, self._environ, self.console.mask, debug)",
        "connect(inputs, self._environ, str, debug)",
        "integration/test_step",
    ),
    Mutation(
        "credentials are looked for only without a token",
        "action/service_factory.py",
        "token=inputs.token or _credentials(environ, on_token, on_exchange),",
        "token=_credentials(environ, on_token, on_exchange),",
        "unit/action/test_service_factory",
    ),
    Mutation(
        "the timeout cancels",
        "runs/controller.py",
        "        self._cancel(attempts=_LOOKS)\n",
        "",
        "unit/runs/test_api",
    ),
    Mutation(
        "who watches a run at a terminal does not cancel it by leaving",
        "cli/main.py",
        '            presets={"cancel-run": "false"},\n',
        "",
        "unit/cli/test_main",
    ),
    Mutation(
        "the token does not reach a terminal",
        "cli/terminal.py",
        "            self._learn(secret)\n",
        "            pass\n",
        "unit/cli/test_main",
    ),
    Mutation(
        "a failed run raises with its reasons",
        "model.py",
        "        lines += [_reason_words(action) for action in failed[:_MOST_REASONS]]\n",
        "",
        "unit/test_model repo/test_docs",
    ),
    Mutation(
        "a summary stays inside its limit",
        "report/markdown.py",
        "        if size > self._room:\n",
        "        if False:\n",
        "unit/report/test_summary",
    ),
    Mutation(
        "secrets are hidden before texts are cut",
        "report/publish.py",
        "    outcome = redacted(outcome, console.redact)\n"
        "    subject = redacted(subject, console.redact)\n",
        "",
        "unit/report/test_publish",
    ),
    Mutation(
        "no text ends its code block",
        "report/markdown.py",
        "max(3, longest + 1)",
        "3",
        "unit/report/test_markdown",
    ),
    Mutation(
        "no name is more than a name to Mermaid",
        "report/timeline.py",
        "chr(ord(character) + 0xFEE0)",
        "character",
        "unit/report/test_timeline",
    ),
    Mutation(
        "the longest are in the timeline whatever failed",
        "report/timeline.py",
        "_LONGEST_TASKS = 10",
        "_LONGEST_TASKS = 0",
        "unit/report/test_timeline",
    ),
    Mutation(
        "a link to a file stays in its commit",
        "report/markdown.py",
        '{"", ".", ".."}.intersection',
        '{""}.intersection',
        "unit/report/test_markdown",
    ),
    Mutation(
        "one of ten errors is kept for the outcome",
        "report/annotations.py",
        "_MOST = ANNOTATION_LIMIT - 1",
        "_MOST = ANNOTATION_LIMIT",
        "unit/report/test_annotations",
    ),
    Mutation(
        "what blocked the most is told first",
        "report/analysis.py",
        "key=lambda action: (-len(blocked[action.name]), action.name)",
        "key=lambda action: action.name",
        "unit/report/test_summary",
    ),
    Mutation(
        "a list of failures that could not be made is no empty list",
        "report/publish.py",
        "if analysis is not None and (analysis.actions or has_actions)",
        "if analysis is None or analysis.actions or has_actions",
        "unit/report/test_publish",
    ),
    Mutation(
        "a fact is left out only where the message gives it",
        "report/words.py",
        "if run is not None and not run.state.ended:",
        "if run is not None:",
        "unit/report/test_words",
    ),
    Mutation(
        "ten warnings are annotations",
        "github/commands.py",
        "if self._warnings > ANNOTATION_LIMIT:",
        "if False:",
        "unit/github/test_commands",
    ),
    Mutation(
        "what the summary holds already counts",
        "github/files.py",
        "return max(0, SUMMARY_LIMIT - size)",
        "return SUMMARY_LIMIT",
        "unit/github/test_commands",
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
