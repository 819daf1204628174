"""What people get: the copy that `dlt init` makes, and the wheel."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from packaging.requirements import Requirement

from harvest_simulator import Simulator
from harvest_time_tracking import STREAMS, harvest_time_tracking_source
from support.paths import ROOT as REPOSITORY

SOURCE = REPOSITORY / "sources" / "harvest_time_tracking"
SCRIPT = "harvest_time_tracking_pipeline.py"
PACKAGES = {
    "harvest_time_tracking": SOURCE,
    "harvest_warehouse": REPOSITORY / "src" / "harvest_warehouse",
    "harvest_simulator": REPOSITORY / "src" / "harvest_simulator",
}
# Where a release says that the repository is.
URL = "https://example.com/acme/dlt-harvest"
SITE_PACKAGES = sysconfig.get_paths()["purelib"]


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """What a command printed, run in a folder by somebody who has set nothing but what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOURCES__", "PYTHON"))}
    settings = {
        "DLT_DATA_DIR": str(folder / "dlt-data"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=kept | settings | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


# `dlt init`


def init(destination: str, folder: Path) -> Path:
    if not (REPOSITORY / ".git").exists():
        pytest.skip("dlt init copies from a git repository; this is none")
    init = ("init", "harvest_time_tracking", destination, "--location", REPOSITORY)
    run(sys.executable, "-m", "dlt", "--non-interactive", *init, folder=folder)
    return folder


@pytest.fixture(scope="module")
def duckdb_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return init("duckdb", tmp_path_factory.mktemp("init_duckdb"))


@pytest.fixture(scope="module")
def postgres_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return init("postgres", tmp_path_factory.mktemp("init_postgres"))


def run_in_copy(copy: Path, program: str) -> str:
    """Run a program where only the copy and what it requires are installed: `-S` leaves out the links to our sources."""
    head = f"import sys; sys.path[:] = [{str(copy)!r}, *sys.path[1:], {SITE_PACKAGES!r}]\n"
    return run(sys.executable, "-I", "-S", "-c", head + program, folder=copy)


@pytest.fixture
def account(duckdb_copy: Path) -> Iterator[Simulator]:
    """A simulated account, and its address and credentials where a user of the copy would put them."""
    simulator = Simulator(size="tiny", account_id="7654321", access_token="a-token", enforce_limits=False)
    secrets, config = (duckdb_copy / ".dlt" / f"{name}.toml" for name in ("secrets", "config"))
    before = {file: file.read_text() for file in (secrets, config)}
    text = re.sub(r'(?m)^access_token = "<configure me>".*$', 'access_token = "a-token"', before[secrets])
    secrets.write_text(re.sub(r'(?m)^account_id = "<configure me>".*$', 'account_id = "7654321"', text))
    with simulator.serving() as url:
        config.write_text(
            f'{before[config]}\n[sources.harvest_time_tracking]\nbase_url = "{url}"\n'
            "requests_per_15_s = 0\nreport_requests_per_15_min = 0\n"
        )
        yield simulator
    for file, text in before.items():
        file.write_text(text)


def rows(copy: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(copy / "harvest_time_tracking_pipeline.duckdb"), read_only=True) as database:
        return database.execute(query).fetchall()


@pytest.mark.nightly
def test_the_copy_loads_a_whole_account_and_then_only_what_changed(duckdb_copy: Path, account: Simulator) -> None:
    as_a_script = f"import runpy; runpy.run_path({SCRIPT!r}, run_name='__main__')"
    told = run_in_copy(duckdb_copy, as_a_script)
    assert "1 load package(s) were loaded to destination duckdb" in told
    assert "harvest_time_tracking_data" in told
    assert "a-token" not in told
    default = [name for name, stream in STREAMS.items() if stream.is_default]
    want = {name: len(account.truth()[name]) for name in default}
    assert {
        name: rows(duckdb_copy, f"select count(*) from harvest_time_tracking_data.{name}")[0][0] for name in want
    } == want

    account.requests.clear()
    account.clock.sleep(86_400)
    run_in_copy(duckdb_copy, as_a_script)
    queries = [request.query for request in account.requests if request.path == "/v2/time_entries"]
    assert len(queries) == 2
    assert all("updated_since" in query or "is_running" in query for query in queries)
    assert {
        name: rows(duckdb_copy, f"select count(*) from harvest_time_tracking_data.{name}")[0][0] for name in want
    } == want


@pytest.mark.nightly
def test_the_other_functions_of_the_script_work_in_the_copy(duckdb_copy: Path, account: Simulator) -> None:
    report = "'report_time_projects', reports_from='2026-02-01', reports_to='2026-02-28'"
    program = f"import {SCRIPT[:-3]} as script\nscript.load_selected()\nscript.load_report({report})"
    assert run_in_copy(duckdb_copy, program).count("1 load package(s) were loaded to destination duckdb") == 2
    assert {request.path for request in account.requests} >= {"/v2/projects", "/v2/time_entries"}
    found = rows(
        duckdb_copy,
        "select distinct from_date::text, to_date::text from harvest_time_tracking_data.report_time_projects",
    )
    assert found == [("2026-02-01", "2026-02-28")]


def test_the_copy_stands_on_its_own(duckdb_copy: Path) -> None:
    program = (
        "import json, harvest_time_tracking, harvest_time_tracking_pipeline\n"
        "found = {n: m.__file__ for n, m in sys.modules.items() if n.startswith('harvest_')}\n"
        "print(json.dumps(found))"
    )
    modules = json.loads(run_in_copy(duckdb_copy, program))
    assert "harvest_time_tracking.extract" in modules
    assert {name: file for name, file in modules.items() if not Path(file).is_relative_to(duckdb_copy)} == {}


def test_the_copy_has_every_file_of_the_source(duckdb_copy: Path) -> None:
    # dlt makes a requirements.txt of its own for the copy, and leaves out py.typed.
    want = {path.name for path in SOURCE.iterdir() if path.is_file()} - {"requirements.txt", "py.typed"}
    assert {path.name for path in (duckdb_copy / "harvest_time_tracking").iterdir() if path.is_file()} == want
    assert {"README.md", "__init__.py", "harvest_time_tracking.schema.yaml"} <= want


@pytest.mark.parametrize("destination", ["duckdb", "postgres"])
def test_the_copy_names_the_destination_wherever_it_is_named(destination: str, request: pytest.FixtureRequest) -> None:
    copy = request.getfixturevalue(f"{destination}_copy")
    script = ast.parse((copy / SCRIPT).read_text())
    calls = [
        node for node in ast.walk(script) if isinstance(node, ast.Call) and ast.unparse(node.func) == "dlt.pipeline"
    ]
    named = [{keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords} for call in calls]
    assert len(named) == 3
    assert {facts["destination"] for facts in named} == {destination}
    assert {facts["pipeline_name"] for facts in named} == {"harvest_time_tracking_pipeline"}
    assert {facts["dataset_name"] for facts in named} == {"harvest_time_tracking_data"}


@pytest.mark.parametrize("destination", ["duckdb", "postgres"])
def test_the_secrets_of_the_copy_wait_for_exactly_what_must_be_filled_in(
    destination: str, request: pytest.FixtureRequest
) -> None:
    copy = request.getfixturevalue(f"{destination}_copy")
    secrets = tomllib.loads((copy / ".dlt" / "secrets.toml").read_text())
    waiting = {"access_token": "<configure me>", "account_id": "<configure me>"}
    assert secrets["sources"] == {"harvest_time_tracking": waiting}
    if destination == "postgres":
        assert {"host", "database", "username", "password"} <= set(secrets["destination"]["postgres"]["credentials"])
    config = (copy / ".dlt" / "config.toml").read_text()
    assert "<configure me>" not in config


@pytest.mark.parametrize("destination", ["duckdb", "postgres"])
def test_the_requirements_of_the_copy_carry_the_pins(destination: str, request: pytest.FixtureRequest) -> None:
    copy = request.getfixturevalue(f"{destination}_copy")
    found = requirements((copy / "requirements.txt").read_text().splitlines())
    assert {"parquet", "duckdb", destination} <= found["dlt"].extras
    pinned = {name: str(found[name].specifier) for name in ("sqlglot", "duckdb")}
    assert pinned == {"sqlglot": "<30.22,>=26.32", "duckdb": "<2,>=1.4"}
    assert "pandas" in found


def test_the_source_requires_what_the_project_requires() -> None:
    """One truth in two files: whoever moves a pin moves it for the copies too."""
    project = requirements(tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"])
    source = requirements((SOURCE / "requirements.txt").read_text().splitlines())
    assert {name: str(line) for name, line in source.items()}.items() <= {
        name: str(line) for name, line in project.items()
    }.items()


def requirements(lines: list[str]) -> dict[str, Requirement]:
    found = [Requirement(line) for line in lines if line.strip()]
    return {requirement.name: requirement for requirement in found}


# The source


@pytest.mark.parametrize("module", sorted(path.name for path in SOURCE.glob("*.py")))
def test_a_module_of_the_source_imports_only_dlt_and_what_dlt_brings(module: str) -> None:
    imported = set()
    for node in ast.walk(ast.parse((SOURCE / module).read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                assert node.level == 1, "the source reaches above itself"
            else:
                imported.add(str(node.module).split(".")[0])
    brought = {"dlt"}
    for line in importlib.metadata.requires("dlt") or []:
        requirement = Requirement(line)
        if requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in ("", "parquet")
        ):
            brought.add(requirement.name.lower())
    owners = importlib.metadata.packages_distributions()
    foreign = imported - set(sys.stdlib_module_names)
    assert {name for name in foreign if not brought & {owner.lower() for owner in owners.get(name, ())}} == set()


def test_the_readme_tells_of_every_stream_and_of_no_other() -> None:
    told = re.findall(r"(?m)^\| `(\w+)` \| .+ \| .+ \|$", (SOURCE / "README.md").read_text().partition("## Streams")[2])
    assert sorted(told) == sorted(STREAMS)
    by_default, when_named = (
        (SOURCE / "README.md").read_text().partition("## Streams")[2].split("Only when they are named")
    )
    assert all((f"| `{name}` |" in by_default) is stream.is_default for name, stream in STREAMS.items())
    assert all((f"| `{name}` |" in when_named) is not stream.is_default for name, stream in STREAMS.items())


def test_the_readme_tells_of_every_argument_with_its_default() -> None:
    table = (SOURCE / "README.md").read_text().partition("## Arguments")[2].partition("## Streams")[0]
    lines = dict(re.findall(r"(?m)^\| (`.+?) \| (.+?) \|", table))
    told = {name: default for names, default in lines.items() for name in re.findall(r"`(\w+)`", names)}
    parameters = inspect.signature(harvest_time_tracking_source).parameters
    assert set(told) == set(parameters)
    for name, parameter in parameters.items():
        if isinstance(parameter.default, str | int | float) and name not in ("access_token", "account_id"):
            assert (
                told[name].strip("`") == f"{parameter.default:g}"
                if isinstance(parameter.default, float)
                else str(parameter.default)
            )


def test_installed_in_place_the_source_is_the_one_in_the_repository(tmp_path: Path) -> None:
    url = importlib.metadata.distribution("dlt-harvest").read_text("direct_url.json")
    if not url or not json.loads(url).get("dir_info", {}).get("editable"):
        pytest.skip("dlt-harvest is not installed in place here (uv sync, or pip install -e .)")
    names = ", ".join(PACKAGES)
    told = run(sys.executable, "-I", "-c", f"import {names}\nfor m in ({names}): print(m.__file__)", folder=tmp_path)
    assert [Path(line).parent for line in told.split()] == list(PACKAGES.values())


# The wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    uv = shutil.which("uv") or next((str(path) for path in (REPOSITORY / ".uv" / "bin").glob("uv")), None)
    if not uv:
        pytest.skip("no uv to build a wheel with: put it on the PATH (pip install uv)")
    build = (uv, "build", "--wheel", "--out-dir", str(folder), str(REPOSITORY))
    # As the workflow of a release does.
    environment = {**os.environ, "PROJECT_URL": URL, "GITHUB_REF_NAME": "v1.2.0"}
    done = subprocess.run(build, capture_output=True, text=True, timeout=200, check=False, env=environment)
    if done.returncode and re.search(r"(?i)failed to fetch|dns error|error sending request|connect", done.stderr):
        pytest.skip(f"the build backend hatchling cannot be fetched here: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_three_packages_whole_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    want = {
        f"{package}/{path.relative_to(folder).as_posix()}"
        for package, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == want
    assert {"harvest_time_tracking/harvest_time_tracking.schema.yaml", "harvest_time_tracking/py.typed"} <= want
    assert not [name for name in names if "test" in name.lower()]
    assert [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]


def test_the_wheel_requires_what_a_fresh_install_needs(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    found = requirements(re.findall(r"(?m)^Requires-Dist: ([^;\n]+)$", archive.read(metadata).decode()))
    assert str(found["sqlglot"].specifier) == "<30.22,>=26.32"
    assert str(found["duckdb"].specifier) == "<2,>=1.4"
    assert found["dlt"].extras == {"duckdb", "parquet"}


def test_on_an_index_every_link_leads_to_a_file_of_the_repository(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    head, _, shown = archive.read(metadata).decode().partition("\n\n")
    assert f"Project-URL: Changelog, {URL}/blob/v1.2.0/CHANGELOG.md" in head
    assert "Description-Content-Type: text/markdown" in head
    paths = re.findall(rf"\]\({URL}/(blob|raw)/v1\.2\.0/([^)#]+)", shown)
    assert ("raw", "docs/images/dashboard-overview.png") in paths
    assert [path for _, path in paths if not (REPOSITORY / path).is_file()] == []
    assert re.findall(r"\]\((?!https?://|#)[^)]*", shown) == []


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own with the wheel in it; what the wheel requires is borrowed from this one."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    uv = shutil.which("uv") or str(REPOSITORY / ".uv" / "bin" / "uv")
    python = folder / "bin" / "python"
    run(uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel, folder=folder)
    (site_packages,) = (folder / "lib").glob("python*/site-packages")
    # A path named in a .pth file is not searched for .pth files: the link to our sources stays out.
    (site_packages / "borrowed.pth").write_text(f"{SITE_PACKAGES}\n")
    return folder


def test_the_installed_command_tells_what_it_can_do(environment: Path, tmp_path: Path) -> None:
    told = run(environment / "bin" / "dlt-harvest", "--help", folder=tmp_path)
    for command in ("demo", "load", "streams", "doctor", "simulate", "show"):
        assert re.search(rf"\b{command}\b", told), command
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert version in run(environment / "bin" / "dlt-harvest", "--version", folder=tmp_path)
    assert "time_entries" in run(environment / "bin" / "dlt-harvest", "streams", folder=tmp_path)


def test_the_installed_packages_are_the_wheels(environment: Path, tmp_path: Path) -> None:
    program = (
        f"import {', '.join(PACKAGES)}\n"
        "from harvest_time_tracking import harvest_time_tracking_source, tables\n"
        "assert len(tables()) > 40\n"
        "source = harvest_time_tracking_source('a-token', '1')\n"
        "assert 'time_entries' in source.resources\n"
        f"for module in ({', '.join(PACKAGES)}): print(module.__file__)"
    )
    told = run(environment / "bin" / "python", "-I", "-c", program, folder=tmp_path)
    files = [Path(line) for line in told.splitlines() if line.endswith("__init__.py")]
    assert len(files) == 3
    assert all(file.resolve().is_relative_to(environment.resolve()) for file in files), files
