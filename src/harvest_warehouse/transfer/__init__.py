"""Copy a warehouse to another destination, or publish it as files."""

from __future__ import annotations

from harvest_warehouse.transfer.copy import CopyReport, copy
from harvest_warehouse.transfer.publish import PublishReport, publish

__all__ = ["CopyReport", "PublishReport", "copy", "publish"]
