"""The docker client, as these programs and the end-to-end tests call it."""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class EngineError(Exception):
    """Tell what docker could not do, and what to do about it."""


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
    """Return what the docker client itself needs of this process's environment."""
    names = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR")
    return {name: os.environ[name] for name in names if name in os.environ}


def check() -> None:
    """Raise EngineError unless a docker engine answers."""
    done = subprocess.run(
        [client(), "info", "--format", "{{.ServerVersion}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not done.stdout.strip():
        raise EngineError(
            "No docker engine answers. Start it: systemctl start docker, or as root dockerd &\n"
            f"{done.stderr.strip() or 'docker info said nothing.'}"
        )


def docker(*arguments: str, stdin: str | None = None) -> str:
    """Run a docker command and return what it printed; raise EngineError if it failed."""
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
    """Tell whether the engine has an image of that name."""
    return docker("images", "--quiet", name).strip() != ""


@contextmanager
def replacing(name: str) -> Iterator[None]:
    """Remove the image that had this name before, if the block gives the name to another one."""
    before = docker("images", "--quiet", "--no-trunc", name).strip()
    yield
    if before in docker("images", "--quiet", "--no-trunc", "--filter", "dangling=true").split():
        # It stays where a container runs it, or another image is built on it.
        with suppress(EngineError):
            docker("rmi", before)


def gateway(network: str = "bridge") -> str:
    """Return the host's own address on a network: where containers reach what listens there."""
    template = "{{range .IPAM.Config}}{{.Subnet}},{{.Gateway}} {{end}}"
    networks = docker("network", "inspect", network, "--format", template).split()
    for subnet, address in (text.split(",") for text in networks):
        if "." in subnet:
            # An engine that has just made the network does not name its gateway: the first address.
            return address or str(next(ipaddress.ip_network(subnet).hosts()))
    raise EngineError(f"The network {network} has no IPv4 subnet: {networks}")
