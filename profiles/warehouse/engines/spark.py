"""Apache Spark: a cluster's master by its address, one application per process, one session per conversation."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

# Times have no zone and mean UTC; overflow is an error; a decimal is never rounded to make room.
SETTINGS: Final = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.caseSensitive": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.driver.maxResultSize": "0",
    "spark.ui.enabled": "false",
}


@dataclass(frozen=True)
class Session:
    """Temporary views and settings of one conversation."""

    session: Any

    def know(self, table: str, paths: Sequence[Path]) -> None:
        self.session.read.parquet(*map(str, paths)).createOrReplaceTempView(table)

    def answer(self, statement: str) -> pa.Table:
        return self.session.sql(statement).toArrow()


@contextmanager
def opened(address: str) -> Iterator[Session]:
    session = application(address).newSession()
    for name in (name for name in SETTINGS if name.startswith("spark.sql.")):
        session.conf.set(name, SETTINGS[name])
    yield Session(session)


def application(address: str) -> Any:
    """The process's own application on the cluster; started once, its master decides where it runs."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("Kohde").master(address)
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
