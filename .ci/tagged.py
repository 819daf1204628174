"""A tag is released only if it is the version of the project, and the changelog says what is in it: `tagged.py v1.2.3`."""

import re
import sys
import tomllib
from pathlib import Path


def faults(tag: str, project: str, changelog: str) -> list[str]:
    """What is wrong with a tag, given the texts of pyproject.toml and CHANGELOG.md."""
    version = tomllib.loads(project)["project"]["version"]
    found = [] if tag == f"v{version}" else [f"The tag is {tag}, and the version in pyproject.toml {version}."]
    section = re.search(rf"^## {re.escape(version)}\b[^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if section is None:
        found.append(f"CHANGELOG.md has no section {version}: rename Unreleased.")
    elif not section[1].strip():
        found.append(f"CHANGELOG.md says nothing about {version}.")
    return found


if __name__ == "__main__":
    root = Path(__file__).parents[1]
    texts = [(root / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "CHANGELOG.md")]
    wrong = faults(sys.argv[1], *texts)
    print("\n".join(wrong) or f"{sys.argv[1]} can be released.")
    sys.exit(1 if wrong else 0)
