"""The settings of a compilation, for the Dataform CLI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from dataform_action.emulator.local.project.settings import (
    SettingsError,
    find_ignored,
    make_flags,
    take_core_version,
    write_settings,
)
from tests.emulator.local.support import write_files

YAML = "# The shop.\ndefaultProject: shop\ndatasetSuffix: old\nvars:\n  datasetSuffix: keep\n"


def test_words_are_flags() -> None:
    """Settings that the CLI takes as they are become flags, and variables one flag."""
    config = {
        "defaultDatabase": "shop-1",
        "schemaSuffix": "pr_7",
        "vars": {"since": "2024-01-01", "n": "1"},
        "pipelineConfig": {"path": "x"},
        "builtinAssertionNamePrefix": "a",
    }
    flags = ["--default-database=shop-1", "--schema-suffix=pr_7", "--vars=since=2024-01-01,n=1"]
    assert make_flags(config) == flags


def test_other_settings_go_into_the_yaml_file(tmp_path: Path) -> None:
    """A number, and a setting without a flag, are set in the file; the rest of it stays."""
    write_files(tmp_path, {"workflow_settings.yaml": YAML})
    config = {"schemaSuffix": "1e3", "builtinAssertionNamePrefix": 'a"b', "tablePrefix": "p"}
    assert make_flags(config) == ["--table-prefix=p"]
    write_settings(tmp_path, config)
    assert yaml.safe_load((tmp_path / "workflow_settings.yaml").read_text()) == {
        "defaultProject": "shop",
        "datasetSuffix": "1e3",
        "vars": {"datasetSuffix": "keep"},
        "builtinAssertionNamePrefix": 'a"b',
    }


def test_other_settings_go_into_dataform_json(tmp_path: Path) -> None:
    """An older project has its settings in JSON."""
    write_files(tmp_path, {"dataform.json": '{"warehouse": "bigquery", "schemaSuffix": "x"}'})
    write_settings(tmp_path, {"schemaSuffix": "7"})
    assert json.loads((tmp_path / "dataform.json").read_text()) == {
        "warehouse": "bigquery",
        "schemaSuffix": "7",
    }


def test_file_is_unchanged_without_such_settings(tmp_path: Path) -> None:
    """Flags alone change no file."""
    write_files(tmp_path, {"workflow_settings.yaml": YAML})
    write_settings(tmp_path, {"schemaSuffix": "pr_7", "vars": {"a": "b"}})
    assert (tmp_path / "workflow_settings.yaml").read_text() == YAML


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"vars": {"list": "a,b"}}, "cannot set the variable list: it contains a comma"),
        ({"vars": {"a": "b=c"}}, "cannot set the variable a"),
        ({"defaultNotebookRuntimeOptions": {"gcsOutputBucket": "b"}}, "cannot set defaultNotebook"),
    ],
)
def test_settings_that_the_cli_cannot_apply(
    tmp_path: Path, config: dict[str, object], problem: str
) -> None:
    """A setting that would be lost or changed is refused."""

    def apply() -> None:
        write_settings(tmp_path, config)
        make_flags(config)

    with pytest.raises(SettingsError, match=problem):
        apply()


@pytest.mark.parametrize(
    "line",
    [
        "dataformCoreVersion: 3.0.62",
        'dataformCoreVersion: "3.0.62" # x',
        "dataformCoreVersion : '3.0.62'",
    ],
)
def test_core_version_is_taken_out(tmp_path: Path, line: str) -> None:
    """The version of Dataform core is removed from the file, and returned."""
    write_files(tmp_path, {"workflow_settings.yaml": f"a: b\n{line}\nc: d"})
    assert take_core_version(tmp_path) == "3.0.62"
    assert (tmp_path / "workflow_settings.yaml").read_text() == "a: b\nc: d"
    assert take_core_version(tmp_path) is None


def test_core_version_without_a_file(tmp_path: Path) -> None:
    """A project with the older settings file has no version in it."""
    assert take_core_version(tmp_path) is None


def test_settings_that_were_ignored() -> None:
    """Settings that the compiled graph does not show are found."""
    config = {"schemaSuffix": "a", "tablePrefix": "b", "vars": {"x": "1", "y": "2"}}
    used = {"schemaSuffix": "a", "vars": {"x": "1"}}
    assert find_ignored(config, used) == ["tablePrefix", "vars.y"]
