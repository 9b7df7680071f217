"""The docker client for these programs and the end-to-end tests."""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class EngineError(Exception):
    """Docker failed; the message says what failed, and what to do."""


def client() -> str:
    """Return the path of the docker client; raise EngineError if there is none."""
    path = shutil.which("docker")
    if path is None:
        raise EngineError(
            "There is no docker client on PATH. Install an engine: on Debian and Ubuntu, "
            "apt-get install docker.io"
        )
    return path


def client_environ() -> dict[str, str]:
    """Return the environment variables that the docker client itself needs."""
    names = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR")
    return {name: os.environ[name] for name in names if name in os.environ}


def check() -> None:
    """Raise EngineError unless a docker engine responds."""
    done = subprocess.run(
        [client(), "info", "--format", "{{.ServerVersion}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not done.stdout.strip():
        raise EngineError(
            "No docker engine responds. Start it: systemctl start docker, or as root dockerd &\n"
            f"{done.stderr.strip() or 'docker info printed nothing.'}"
        )


def docker(*arguments: str, stdin: str | None = None) -> str:
    """Run a docker command and return its output; raise EngineError if it failed."""
    done = subprocess.run(
        [client(), *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise EngineError(
            f"docker {' '.join(arguments)} ended with exit code {done.returncode}:\n"
            f"{done.stdout}{done.stderr}"
        )
    return done.stdout


def has_image(name: str) -> bool:
    """Return whether the engine has an image with this name."""
    return docker("images", "--quiet", name).strip() != ""


@contextmanager
def replacing(name: str) -> Iterator[None]:
    """Remove the previous image of this name if the block gives the name to another image."""
    previous = docker("images", "--quiet", "--no-trunc", name).strip()
    yield
    if previous in docker("images", "--quiet", "--no-trunc", "--filter", "dangling=true").split():
        # Docker refuses if a container runs it, or another image is based on it.
        with suppress(EngineError):
            docker("rmi", previous)


def gateway(network: str = "bridge") -> str:
    """Return the host's address on a network, at which containers reach servers on the host."""
    template = "{{range .IPAM.Config}}{{.Subnet}},{{.Gateway}} {{end}}"
    networks = docker("network", "inspect", network, "--format", template).split()
    for subnet, address in (text.split(",") for text in networks):
        if "." in subnet:
            # An engine omits the gateway of a new network: it is the first address.
            return address or str(next(ipaddress.ip_network(subnet).hosts()))
    raise EngineError(f"The network {network} has no IPv4 subnet: {networks}")
