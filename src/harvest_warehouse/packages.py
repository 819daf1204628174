"""Load packages that wait: whether what is in them was counted, so that dlt need not look for doubles."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import dlt
from dlt.common.storages.load_package import PackageStorage

_COUNTED = "x-stage-data-deduplicated"


def trust(pipeline: dlt.Pipeline, table_names: Collection[str]) -> None:
    """Spare dlt the search for doubles in these tables of the packages that wait: no key is in them twice.

    That search costs more than all other writing. The mark stands in the packages alone: no later load inherits it.
    """
    _mark(pipeline, table_names)


def doubt_all(pipeline: dlt.Pipeline) -> None:
    """Have dlt search after all: a run that ended while it wrote may have brought the same file into staging twice."""
    _mark(pipeline, ())


def _mark(pipeline: dlt.Pipeline, table_names: Collection[str]) -> None:
    for load_id in pipeline.list_normalized_load_packages():
        package = pipeline._get_load_storage().normalized_packages
        path = package.get_package_path(load_id) + "/" + PackageStorage.SCHEMA_FILE_NAME
        schema: dict[str, Any] = json.loads(package.storage.load(path))
        for name, table in schema["tables"].items():
            table.pop(_COUNTED, None)
            if name in table_names:
                table[_COUNTED] = True
        # As text: dlt's own way would make it another version of the schema, to be stored in the database.
        package.storage.save(path, json.dumps(schema))
