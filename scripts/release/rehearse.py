"""Release a fresh clone of this commit into a registry on this machine, and use the release.

The rehearsal runs the scripts of the release workflow: version and changelog, build, push by
digest, release commit and tags. Then it acts as a user: it clones the tag, pulls the image that
all actions name, and runs it. With buildx it builds for both platforms, otherwise for this machine.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from dataform_action.emulator import Emulator
from scripts.image import build, engine
from scripts.release.check_version import ReleaseError
from scripts.release.compare_images import compare
from scripts.release.pin_image import images_of, read_actions
from scripts.release.publish import git

VERSION = "999.0.0"
_RELEASE = f"release/v{VERSION}"
_IDENTITY = ["-c", "user.name=Rehearsal", "-c", "user.email=rehearsal@example.com"]
_REGISTRY_SECONDS = 60
_CONFIG = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: {folder}
http:
  addr: {address}
"""


@contextlib.contextmanager
def serve_registry(folder: Path) -> Iterator[str]:
    """Serve an empty image registry on loopback; yield its address."""
    registry = shutil.which("docker-registry") or shutil.which("registry")
    if registry is None:
        raise ReleaseError(
            "There is no image registry on PATH: on Debian and Ubuntu, "
            "apt-get install docker-registry"
        )
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = Path(folder, "registry.yml")
    config.write_text(_CONFIG.format(folder=folder / "registry", address=address), "utf-8")
    with Path(folder, "registry.log").open("wb") as log:
        command = [registry, "serve", str(config)]
        with subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
            try:
                _wait_for(f"http://{address}/v2/")
                yield address
            finally:
                process.terminate()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + _REGISTRY_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > deadline:
                raise ReleaseError(f"The registry does not respond at {url}: {error}") from error
            time.sleep(0.1)
        else:
            return


def tag_next_version(folder: Path) -> Path:
    """Prepare and tag a version in a fresh clone, as a maintainer does; return the clone."""
    origin, clone = folder / "origin.git", folder / "clone"
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    # The checkout of a workflow is shallow and detached.
    git(origin, "fetch", "--quiet", "--update-shallow", str(ROOT), "HEAD:refs/heads/main")
    git(folder, "clone", "--quiet", str(origin), str(clone))
    changelog = clone / "CHANGELOG.md"
    entry = "## [Unreleased]\n\n### Changed\n- Rehearsed.\n"
    text = changelog.read_text("utf-8").replace("## [Unreleased]\n", entry, 1)
    changelog.write_text(text, "utf-8")
    run_program(clone, "prepare.py", VERSION)
    git(clone, *_IDENTITY, "commit", "--quiet", "--all", "--message", f"Prepare {VERSION}")
    git(clone, *_IDENTITY, "tag", "--annotate", _RELEASE, "--message", VERSION)
    git(clone, "push", "--quiet", "origin", "main", _RELEASE)
    return clone


def run_program(clone: Path, name: str, *arguments: str) -> str:
    """Run a release program of the clone; raise ReleaseError with its output if it fails."""
    command = [str(clone / "scripts/release" / name), *arguments]
    if name.endswith(".py"):
        command.insert(0, sys.executable)
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"{name} {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def build_and_push(clone: Path, name: str) -> str:
    """Build the clone's image twice, check that both are equal, and return one by digest."""
    if _has_buildx():
        images = {run_program(clone, "build_image.sh", name) for _ in range(2)}
        if len(images) != 1:
            raise ReleaseError(f"Two builds of one commit differ: {', '.join(sorted(images))}")
        print("Two builds have the same digest")
        return images.pop()
    dockerfile = build.dockerfile_on(build.choose_base())
    tags = [f"{name}:first", f"{name}:second"]
    for tag in tags:
        build.build_image(tag, dockerfile, clone, no_cache=True)
    if not compare(tags[0], tags[1], int(git(clone, "log", "-1", "--format=%ct"))):
        raise ReleaseError("Two builds of one commit differ in more than the times of files")
    pushed = engine.docker("push", tags[0])
    match = re.search(r"digest: (sha256:[0-9a-f]{64})", pushed)
    if match is None:
        raise ReleaseError(f"docker push printed no digest:\n{pushed}")
    engine.docker("rmi", *tags)
    return f"{name}@{match[1]}"


def _has_buildx() -> bool:
    command = [engine.client(), "buildx", "version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def publish(clone: Path, image: str) -> None:
    """Publish twice, like a release that is rerun; then check that another image is refused."""
    commits = [run_program(clone, "publish.py", _RELEASE, image) for _ in range(2)]
    if commits[0] != commits[1]:
        raise ReleaseError(f"The second publication made another commit: {commits}")
    other = f"{image.partition('@')[0]}@sha256:{'0' * 64}"
    try:
        run_program(clone, "publish.py", _RELEASE, other)
    except ReleaseError as error:
        if "A version is never moved" not in str(error):
            raise
        print("Another image for the same version is refused")
    else:
        raise ReleaseError(f"v{VERSION} was moved to {other}")


def use(folder: Path, image: str) -> None:
    """Clone the major version's tag, pull its image, and run it as a step."""
    checkout = folder / "user"
    major = f"v{VERSION.partition('.')[0]}"
    origin = str(folder / "origin.git")
    git(folder, "clone", "--quiet", f"--branch={major}", origin, str(checkout))
    print(git(checkout, "diff", _RELEASE, f"v{VERSION}"), end="")
    actions = read_actions(checkout)
    for path, text in actions.items():
        if images_of(text) != [f"docker://{image}"]:
            raise ReleaseError(f"{path} at {major} does not name {image}")
    engine.docker("pull", image)
    outputs = folder / "outputs"
    outputs.touch()
    with Emulator(advance="poll") as emulator:
        inputs = {
            "INPUT_PROJECT-ID": "1234",
            "INPUT_SCHEDULE": "success",
            "INPUT_ENVIRONMENT": "production",
            "INPUT_TOKEN": emulator.token,
            "INPUT_API-URL": emulator.url,
            "INPUT_POLL-INTERVAL": "1s",
            "GITHUB_OUTPUT": "/outputs",
        }
        options = [option for pair in inputs.items() for option in ("-e", "=".join(pair))]
        options += ["--rm", "--network", "host", "-v", f"{outputs}:/outputs"]
        engine.docker("run", *options, "--entrypoint", "/action/entrypoint.py", image)
    if "\nsuccess\n" not in outputs.read_text("utf-8"):
        raise ReleaseError(f"The step did not succeed:\n{outputs.read_text('utf-8')}")
    print(f"{', '.join(actions)} at {major} name {image}")
    print("Pulled by this digest, it ran a step successfully")
    engine.docker("rmi", image)


def main() -> int:
    """Rehearse and return the exit code."""
    os.environ["GITHUB_REPOSITORY"] = "owner/dataform-action"
    try:
        engine.check()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with serve_registry(folder) as address:
                clone = tag_next_version(folder)
                print(run_program(clone, "check_version.py", _RELEASE))
                image = build_and_push(clone, f"{address}/owner/dataform-action")
                publish(clone, image)
                use(folder, image)
    except (ReleaseError, engine.EngineError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
