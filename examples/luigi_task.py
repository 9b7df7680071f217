"""A Luigi task that follows a Dataform run; docs/luigi.md describes the set-up."""

from __future__ import annotations

import json
from pathlib import Path

import luigi

from dataform_action.integrations.luigi import DataformRun


class Report(luigi.Task):
    """Write a report of a day, after the Dataform run of that day has succeeded."""

    date = luigi.DateParameter()

    def requires(self) -> DataformRun:
        """Return the run of the schedule on this day."""
        return DataformRun(date=self.date, project_id="1234", schedule="nightly")

    def output(self) -> luigi.LocalTarget:
        """Return the file of the report."""
        return luigi.LocalTarget(f"report-{self.date}.txt")

    def run(self) -> None:
        """Write the link of the run and its duration."""
        record = json.loads(Path(self.input().path).read_text("utf-8"))
        with self.output().open("w") as file:
            file.write(f"{record['run_log_url']} took {record['duration']} seconds\n")


if __name__ == "__main__":
    luigi.run()
