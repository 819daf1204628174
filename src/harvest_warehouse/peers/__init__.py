"""Peers: tables in the layout of another product, so that what reads them reads ours unchanged."""

from __future__ import annotations

from harvest_warehouse.peers.compare import CompareFailed, compare
from harvest_warehouse.peers.keep import KeepReport, keep_deleted
from harvest_warehouse.peers.layouts import Layout, layout, layout_names
from harvest_warehouse.peers.report import CompareReport, Difference
from harvest_warehouse.peers.views import Made, ViewsFailed, ViewsReport, drop_views, refresh_views, remembered, views

__all__ = [
    "CompareFailed",
    "CompareReport",
    "Difference",
    "KeepReport",
    "Layout",
    "Made",
    "ViewsFailed",
    "ViewsReport",
    "compare",
    "drop_views",
    "keep_deleted",
    "layout",
    "layout_names",
    "refresh_views",
    "remembered",
    "views",
]
