"""What stands for each kind of folder or bucket that tables are published into."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

import pytest
import requests

from destinations.azurite import azurite
from destinations.postgres_server import NoServer, free_port

Environment = Mapping[str, str]

_HERE = "DESTINATION__FILESYSTEM__"
# Of Azurite, published by Microsoft: the same for everybody.
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True)
class Storage:
    """One kind.

    Attributes:
        name: of it.
        opened: gives the environment in which dlt finds it, for as long as it is open; raises NoServer.
        has_delta: whether Delta tables can be written to what stands for it here.
    """

    name: str
    opened: Callable[[], AbstractContextManager[Environment]]
    has_delta: bool = True


@contextmanager
def _folder() -> Iterator[Environment]:
    with tempfile.TemporaryDirectory() as folder:
        yield {f"{_HERE}BUCKET_URL": f"{folder}/lake"}


@contextmanager
def _s3() -> Iterator[Environment]:
    if not find_spec("moto"):
        raise NoServer("no S3 here: `uv sync --all-extras --all-groups` brings one (moto)")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        requests.put(f"{url}/lake", timeout=20).raise_for_status()
        yield {
            f"{_HERE}BUCKET_URL": "s3://lake/harvest",
            f"{_HERE}CREDENTIALS__AWS_ACCESS_KEY_ID": "nobody",
            f"{_HERE}CREDENTIALS__AWS_SECRET_ACCESS_KEY": "nothing",
            f"{_HERE}CREDENTIALS__REGION_NAME": "us-east-1",
            f"{_HERE}CREDENTIALS__ENDPOINT_URL": url,
        }
    finally:
        server.stop()


@contextmanager
def _gcs() -> Iterator[Environment]:
    if not find_spec("gcp_storage_emulator"):
        raise NoServer(
            "no Google Cloud Storage here: `uv sync --all-extras --all-groups` brings one (gcp-storage-emulator)"
        )
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from gcp_storage_emulator.server import create_server
    from gcsfs.credentials import GoogleCredentials

    port = free_port()
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket="lake")
    server.start()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    patch = pytest.MonkeyPatch()
    # Google's own server would be asked who this is; the emulator does not ask.
    patch.setattr(GoogleCredentials, "_connect_token", lambda self, token: self._connect_anon())
    try:
        yield {
            f"{_HERE}BUCKET_URL": "gs://lake/harvest",
            f"{_HERE}CREDENTIALS__PROJECT_ID": "lab",
            f"{_HERE}CREDENTIALS__CLIENT_EMAIL": "nobody@lab.example",
            f"{_HERE}CREDENTIALS__PRIVATE_KEY": key.decode(),
            "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}",
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        }
    finally:
        patch.undo()
        server.stop()


@contextmanager
def _azure() -> Iterator[Environment]:
    program = azurite()
    from azure.storage.blob import BlobServiceClient

    port = free_port()
    url = f"http://127.0.0.1:{port}/{_ACCOUNT}"
    words = f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_KEY};BlobEndpoint={url};"
    options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"]
    command = [*program, "--blobHost", "127.0.0.1", "--blobPort", str(port), *options]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        _wait(url, server)
        BlobServiceClient.from_connection_string(words).create_container("lake")
        yield {
            f"{_HERE}BUCKET_URL": "az://lake/harvest",
            f"{_HERE}CREDENTIALS__AZURE_STORAGE_ACCOUNT_NAME": _ACCOUNT,
            f"{_HERE}CREDENTIALS__AZURE_STORAGE_ACCOUNT_KEY": _KEY,
            f"{_HERE}KWARGS": json.dumps({"connection_string": words}),
            f"{_HERE}DELTALAKE_STORAGE_OPTIONS": json.dumps({"azure_storage_use_emulator": "true"}),
            "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{port}",
        }
    finally:
        # What uv started goes with it.
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + 60
    while True:
        try:
            requests.get(url, timeout=5)
            return
        except requests.ConnectionError:
            if server.poll() is not None or time.monotonic() > give_up_at:
                raise NoServer("Azurite does not start") from None
            time.sleep(0.2)


STORAGES = {
    storage.name: storage
    for storage in (
        Storage("folder", _folder),
        Storage("s3", _s3),
        # The emulator does not know the conditional writes that Delta's commits are made of.
        Storage("gcs", _gcs, has_delta=False),
        Storage("azure", _azure),
    )
}
