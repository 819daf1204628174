"""What is checked before a tag is released."""

from __future__ import annotations

import tomllib
from runpy import run_path

import pytest
import yaml

from support.paths import ROOT

FAULTS = run_path(str(ROOT / ".ci" / "tagged.py"), run_name="tagged")["faults"]
PROJECT = '[project]\nversion = "1.2.0"\n'
CHANGELOG = "# Changelog\n\n## Unreleased\n\n## 1.2.0 (2026-12-01)\n\n- New.\n\n## 1.1.0\n"


@pytest.mark.parametrize(
    ("tag", "changelog", "said"),
    [
        ("v1.2.0", CHANGELOG, []),
        ("v1.2.1", CHANGELOG, ["The tag is v1.2.1, and the version in pyproject.toml 1.2.0."]),
        ("1.2.0", CHANGELOG, ["The tag is 1.2.0, and the version in pyproject.toml 1.2.0."]),
        ("v1.2.0", "## Unreleased\n- New.\n", ["CHANGELOG.md has no section 1.2.0: rename Unreleased."]),
        ("v1.2.0", "## 1.2.01\n- New.\n", ["CHANGELOG.md has no section 1.2.0: rename Unreleased."]),
        ("v1.2.0", "## 1.2.0\n\n## 1.1.0\n- Old.\n", ["CHANGELOG.md says nothing about 1.2.0."]),
    ],
)
def test_a_tag_is_the_version_and_has_its_section_of_the_changelog(tag: str, changelog: str, said: list[str]) -> None:
    assert FAULTS(tag, PROJECT, changelog) == said


def test_this_version_could_be_tagged_today() -> None:
    project, changelog = ((ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "CHANGELOG.md"))
    assert FAULTS(f"v{tomllib.loads(project)['project']['version']}", project, changelog) == []


def test_the_image_is_made_of_the_wheel_that_was_built_and_says_where_it_comes_from() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
    image = workflow["jobs"]["image"]
    assert image["needs"] == "build"
    [push] = [step["run"] for step in image["steps"] if "run" in step]
    assert "cp dist/*.whl image/dist" in push
    assert "--sbom=true --provenance=mode=max" in push
    [attest] = [step["with"] for step in image["steps"] if "attest-build-provenance" in step.get("uses", "")]
    assert attest["push-to-registry"] is True
    # The template that it builds from takes the package as an argument, and the wheel from a folder.
    template = ROOT / "src" / "harvest_warehouse" / "deploy" / "templates" / "container" / "Containerfile"
    text = template.read_text(encoding="utf-8")
    assert "ARG PACKAGE=" in text
    assert "COPY dist /dist" in text


def test_the_workflow_checks_the_tag_before_it_builds_and_publishes_without_a_password() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
    steps = [step.get("run", "") for step in workflow["jobs"]["build"]["steps"]]
    assert steps.index('python .ci/tagged.py "$GITHUB_REF_NAME"') < steps.index("make audit dist sbom")
    assert workflow["jobs"]["publish"]["needs"] == "build"
    assert workflow["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
