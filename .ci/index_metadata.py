"""Metadata for a package index: links to the repository, and a README whose links lead there. Run by the build.

Where the repository is, the workflow of a release says (`PROJECT_URL`, and `GITHUB_REF_NAME` for the tag). A build without them has no links.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# A link or a picture that is a path in the repository.
_RELATIVE = re.compile(r"(!?\[[^\]]*\]\()(?!https?://|#|mailto:)([^)]+\))")


class IndexMetadata(MetadataHookInterface):
    """Sets `readme` and `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the two fields to what pyproject.toml says."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        url, tag = os.environ.get("PROJECT_URL", "").rstrip("/"), os.environ.get("GITHUB_REF_NAME", "main")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(text, url, tag) if url else text}
        metadata["urls"] = links(url, tag) if url else {}


def absolute(text: str, url: str, tag: str) -> str:
    """A text in Markdown whose links lead to the repository as it was at a tag, and whose pictures come from there."""
    return _RELATIVE.sub(
        lambda link: f"{link[1]}{url}/{'raw' if link[1].startswith('!') else 'blob'}/{tag}/{link[2]}", text
    )


def links(url: str, tag: str) -> dict[str, str]:
    """Links by the names that package indexes know: https://docs.pypi.org/project_metadata/#project-urls."""
    return {
        "Homepage": url,
        "Documentation": f"{url}/blob/{tag}/docs/index.md",
        "Changelog": f"{url}/blob/{tag}/CHANGELOG.md",
        "Source": url,
        "Issues": f"{url}/issues",
    }
