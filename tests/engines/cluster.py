"""A real Spark cluster on this machine: a master and two workers, each a process of its own."""

import os
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark

HOME = Path(pyspark.__file__).parent
SECONDS = 180
DEPLOY = "org.apache.spark.deploy"


@contextmanager
def cluster(folder, *, workers=2):
    """The master's address. Small statements: compiling them to machine code would take most of the time."""
    (folder / "spark-defaults.conf").write_text(
        "spark.sql.codegen.wholeStage false\nspark.sql.shuffle.partitions 2\nspark.executor.memory 512m\n"
        "spark.driver.host 127.0.0.1\nspark.ui.showConsoleProgress false\nspark.default.parallelism 2\n"
    )
    os.environ["SPARK_CONF_DIR"] = str(folder)
    port = free_port()
    address = f"spark://127.0.0.1:{port}"
    with ExitStack() as running:
        master = ["master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
        running.enter_context(process(master, folder / "master.log"))
        wait_for(folder / "master.log", "I have been elected leader", 1)
        for number in range(workers):
            words = ["worker.Worker", address, "--host", "127.0.0.1", "--cores", "1", "--memory", "1g"]
            log = folder / f"worker{number}.log"
            running.enter_context(process([*words, "--webui-port", "0", "--work-dir", str(folder)], log))
        wait_for(folder / "master.log", "Registering worker", workers)
        yield address


@contextmanager
def process(words, log):
    script, *rest = words
    command = [str(HOME / "bin" / "spark-class"), f"{DEPLOY}.{script}", *rest]
    with log.open("w") as said:
        running = subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, "SPARK_HOME": str(HOME)})
        try:
            yield
        finally:
            running.terminate()
            running.wait(30)


def wait_for(log, words, times):
    until = time.monotonic() + SECONDS
    while log.read_text().count(words) < times:
        assert time.monotonic() < until, log.read_text()[-2000:]
        time.sleep(0.2)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
