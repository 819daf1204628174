"""Speed up repeated work of dlt, which is much of the cost of tests, as their accounts are small."""

from __future__ import annotations

import copy
import gc
import os
import sys
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import yaml
from dlt.common import validation
from dlt.common.configuration import resolve
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers import environ, vault
from dlt.common.configuration.specs.base_configuration import BaseConfiguration, is_valid_configspec_field
from dlt.common.destination import DestinationCapabilitiesContext, client, utils
from dlt.common.normalizers.json import helpers
from dlt.common.schema import Schema
from dlt.common.schema import schema as schemas
from dlt.common.schema import utils as schema_utils
from dlt.common.schema.typing import TLoaderMergeStrategy, TSchemaTables, TTableSchema
from dlt.common.storages.live_schema_storage import LiveSchemaStorage
from dlt.extract import extract
from typing_extensions import get_type_hints


def make_dlt_quick() -> None:
    """Patch dlt in this process, and in those forked from it."""
    # dlt copies its schemas all the time, which triggers Python's garbage collection.
    gc.set_threshold(200_000, 20, 20)
    for module in (schemas, schema_utils):
        module.deepcopy = _copied  # type: ignore[attr-defined]
    LiveSchemaStorage.__getitem__ = _live_schema  # type: ignore[method-assign]
    # Type hints do not change, but dlt evaluates them whenever it reads a setting or a table.
    # Patch: dlt >=1.31,<1.32; no upstream issue known; can go when `test_dlt_works_out_again_what_is_a_secret` fails.
    known_secrets = cache(resolve.is_secret_hint)  # type: ignore[attr-defined]
    for module in (environ, vault, resolve):
        module.is_secret_hint = known_secrets  # type: ignore[attr-defined]
    BaseConfiguration.__len__ = lambda one: _settings(type(one))  # type: ignore[method-assign]
    # Patch: dlt >=1.31,<1.32; no upstream issue known; can go when `test_dlt_writes_yaml_without_c` fails.
    extract.yaml = SimpleNamespace(dump=partial(yaml.dump, Dumper=yaml.CDumper))  # type: ignore[attr-defined]
    helpers.resolve_merge_strategy = _merge_strategy  # type: ignore[attr-defined]
    # Both get the capabilities as an argument, and resolve them from the configuration all the same.
    # Patch: dlt >=1.31,<1.32; no upstream issue known; can go when `test_dlt_resolves_a_configuration_for_each_table` fails.
    for module in (client, utils):
        module.prepare_load_table = utils.prepare_load_table.__wrapped__  # type: ignore[attr-defined]
    for looks in (
        "is_optional_type",
        "is_union_type",
        "is_literal_type",
        "is_list_generic_type",
        "is_dict_generic_type",
    ):
        setattr(validation, looks, cache(getattr(validation, looks)))
    validation.get_type_hints = lambda spec, **_: _hints(spec)  # type: ignore[attr-defined, assignment]


@cache
def _settings(kind: type[BaseConfiguration]) -> int:
    """Number of settings of a configuration. Patch: dlt >=1.31,<1.32; no upstream issue known;
    can go when `test_dlt_counts_settings_one_by_one` fails."""
    return sum(map(is_valid_configspec_field, kind.__dataclass_fields__.values()))


@cache
def _hints(spec: Any) -> dict[str, Any]:
    """Type hints of a typed dict. Patch: dlt >=1.31,<1.32; no upstream issue known;
    can go when `test_dlt_works_out_type_hints_at_each_look` fails."""
    return get_type_hints(spec, globalns=vars(sys.modules[spec.__module__]))


def _merge_strategy(tables: TSchemaTables, table: TTableSchema) -> TLoaderMergeStrategy | None:
    """Merge strategy of a table, by the capabilities of the run's destination. Patch: dlt >=1.31,<1.32; no upstream issue known;
    can go when `test_dlt_resolves_a_configuration_for_each_table` fails."""
    found = Container().get(DestinationCapabilitiesContext)
    return utils.resolve_merge_strategy.__wrapped__(tables, table, found)  # type: ignore[attr-defined, no-any-return]


def _copied(value: Any) -> Any:
    """Deep copy of a schema's data, which never contains cycles.

    Patch: dlt >=1.31,<1.32; no upstream issue known; can go when `test_dlt_copies_schemas_by_deepcopy` fails.
    """
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    if type(value) is list:
        return [_copied(item) for item in value]
    return value if value is None or type(value) in (str, bool, int) else copy.deepcopy(value)


_read_schema = LiveSchemaStorage.__getitem__


def _live_schema(storage: LiveSchemaStorage, name: str) -> Schema:
    """Schema from its file, which is read again only if it has changed.

    Patch: dlt >=1.31,<1.32; no upstream issue known; can go when `test_dlt_reads_a_schema_at_each_look` fails.
    """
    path = storage.storage.make_full_path(storage._file_name_in_store(name, "json"))
    live = storage.live_schemas.get(name)
    if live is not None and not live.is_modified and getattr(live, "was_read", None) == (file := _file(path)) and file:
        return live
    schema = _read_schema(storage, name)
    schema.was_read = _file(path)  # type: ignore[attr-defined]
    return schema


def _file(path: str) -> tuple[str, int, int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return path, found.st_ino, found.st_mtime_ns, found.st_size
