"""A server process on a furnished office: `python -m tests.server.console.serve VAR [DAY]`; tells its address and the records in one line of JSON.

The real server process of ``server.process``; only what stands in the database was written beforehand.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path

from server.clock import VIETNAM
from server.config import Config
from server.db import db
from server.process import ready_app, serve
from tests.server.console.office import PASSWORD, furnish

if __name__ == "__main__":
    config = Config(var=Path(sys.argv[1]), port=0, today=datetime(2022, 5, 30, 8, 0, tzinfo=VIETNAM))
    app = ready_app(config)
    office = furnish(app, password=PASSWORD)
    with app.app_context():
        db.engine.dispose()
    if sys.argv[2:]:
        config = replace(config, today=datetime.combine(date.fromisoformat(sys.argv[2]), time(8), VIETNAM))
    serve(config, lambda address, port: print(json.dumps({"address": address, "records": office.records}), flush=True))
