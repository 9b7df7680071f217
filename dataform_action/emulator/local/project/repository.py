"""The repository that the emulator serves for a checkout."""

import os
from pathlib import Path

from dataform_action.emulator.definitions import ReleaseConfig, Repository, WorkflowConfig
from dataform_action.emulator.local.processes import Processes, ProgramError
from dataform_action.emulator.local.project.checkout import open_checkout
from dataform_action.emulator.local.project.compiler import CheckoutCompiler
from dataform_action.emulator.local.project.dataform_cli import (
    COMPILE_SECONDS,
    DataformCli,
    find_cli,
)
from dataform_action.emulator.local.project.packages import Packages

WORKSPACE = "dev"


def make_repository(
    project: Path,
    dataform_cli: str | None = None,
    node_modules: Path | None = None,
    seconds: float = COMPILE_SECONDS,
) -> Repository:
    """Make the repository ``my-project``, ``europe-west1``, ``warehouse`` of a checkout.

    ``dataform_cli`` is the program that compiles (None: look for it), and ``node_modules`` a folder
    of npm packages that serves every commit (None: those that a commit names). ``seconds`` is the
    limit for a compilation.

    The release configuration ``production`` has the branch that is checked out, ``staging`` also
    adds a suffix, and the workflow configuration ``nightly`` runs ``production``. The workspace
    ``dev`` is the working tree. Raise ValueError if the checkout cannot be served.
    """
    processes = Processes()
    if node_modules is not None and not node_modules.is_dir():
        raise ValueError(f"{node_modules} is not a folder")
    try:
        checkout = open_checkout(project, processes)
        branch = checkout.branch()
        if checkout.resolve(branch) is None:
            raise ValueError(f"{checkout.root} has no commit yet: commit the project first")
        program = find_cli(checkout.project, dataform_cli)
    except ProgramError as error:
        raise ValueError(str(error)) from error
    packages = Packages(processes, checkout.project, _cache_folder(), node_modules)
    settings = {"pipelineConfig": {"path": checkout.folder}} if checkout.folder else {}
    return Repository(
        graph={"tables": []},
        workspaces={WORKSPACE: None},
        release_configs=(
            ReleaseConfig(
                name="production", git_commitish=branch, code_compilation_config=settings
            ),
            ReleaseConfig(
                name="staging",
                git_commitish=branch,
                code_compilation_config=settings | {"schemaSuffix": "staging"},
                released=False,
            ),
        ),
        workflow_configs=(WorkflowConfig(name="nightly", release_config="production"),),
        service_account="dataform-runner@my-project.iam.gserviceaccount.com",
        strict_act_as=True,
        git_url=checkout.url() or checkout.root.as_uri(),
        compiler=CheckoutCompiler(checkout, DataformCli(processes, program, seconds), packages),
    )


def _cache_folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "dataform-action" / "npm"
