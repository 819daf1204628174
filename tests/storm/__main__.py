"""`python -m storm --seeds 1-300`, from the folder `tests`: run a storm per seed, two at once, and count the faults."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial

from storm.counts import Counts
from storm.databases import Coast, Files, server
from storm.driver import InvariantBroken, prepare, run_storm
from support.dlt_speedups import make_dlt_quick


def main() -> int:
    """Run the storms; return the exit code: 1 if any seed failed, else 0."""
    parser = argparse.ArgumentParser(prog="storm", description=__doc__)
    parser.add_argument("--seeds", default="1-300", help="17, or 1-300, or 3,8,21 (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=2, help="how many processes (default: %(default)s)")
    parser.add_argument(
        "--destination", choices=("duckdb", "postgres"), default="duckdb", help="(default: %(default)s)"
    )
    chosen = parser.parse_args()
    make_dlt_quick()
    seeds = _seeds(chosen.seeds)
    print(f"storms: seeds {chosen.seeds}", flush=True)
    began, counts, failed = time.monotonic(), Counts(), []
    with server() if chosen.destination == "postgres" else nullcontext(Files()) as coast:
        prepare(seeds, coast)
        with ProcessPoolExecutor(chosen.at_once, multiprocessing.get_context("fork")) as pool:
            for seed, (struck, said) in zip(seeds, pool.map(partial(_sailed, coast), seeds), strict=True):
                counts.join(struck)
                if said:
                    failed.append(seed)
    print(f"\n{counts.table()}\n")
    print(f"{len(seeds)} storms, {len(failed)} failed, {time.monotonic() - began:.0f} seconds")
    if failed:
        print(f"failed: {','.join(map(str, failed))}")
    return bool(failed)


def _sailed(coast: Coast, seed: int) -> tuple[Counts, str]:
    print(f"seed {seed}", flush=True)
    try:
        counts, said = run_storm(seed, coast=coast), ""
    except InvariantBroken as error:
        counts, said = Counts(), str(error)
        print(f"\n{said}\n", flush=True)
    except Exception:  # noqa: BLE001 (a fault of the storm's own: the other seeds sail on)
        counts, said = Counts(), f"seed {seed}\n{traceback.format_exc()}"
        print(f"\n{said}\n", flush=True)
    return counts, said


def _seeds(text: str) -> list[int]:
    seeds = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


if __name__ == "__main__":
    sys.exit(main())
