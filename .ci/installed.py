"""What is installed makes a database that equals a small company, with its marts. Run where the project's sources are not."""

from pathlib import Path
from tempfile import mkdtemp

from harvest_simulator import Simulator
from harvest_time_tracking import STREAMS, Secret, Settings
from harvest_warehouse.sync import sync
from harvest_warehouse.warehouse import Target

simulator = Simulator(size="tiny")
with simulator.serving() as url:
    settings = Settings(Secret(simulator.access_token), simulator.account_id, url, requests_per_15_s=0)
    report = sync(Target(Path(mkdtemp())), settings)
if not (report.load and report.is_equal and report.build):
    raise SystemExit(f"what is installed does not work: {report}")
print(f"{len(STREAMS)} streams in the wheel; {report.load.rows:,} rows loaded, {len(report.build.tables)} marts built")
