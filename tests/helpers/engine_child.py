"""A *media* child that also knows the engines of the tests."""

from __future__ import annotations

import sys
from pathlib import Path

from karaoke_studio.separation.engine import ENGINES
from karaoke_studio.worker.child import main
from karaoke_studio.worker.host import MEDIA_MEMORY_MB, Worker
from tests.helpers import engines


def engine_worker(log_folder: Path | None = None) -> Worker:
    """A *built-in* worker whose child knows the engines of the tests."""
    command = [sys.executable, "-P", "-m", "tests.helpers.engine_child", "builtin"]
    if log_folder is not None:
        command += ["--log", str(log_folder / "builtin.log")]
    return Worker("builtin", command=[*command, "--memory-mb", str(MEDIA_MEMORY_MB)])


if __name__ == "__main__":
    ENGINES.update(
        echo=engines.EchoEngine,
        echo_any=engines.EchoAnyRate,
        echo_delayed=engines.DelayedEchoEngine,
        slow=engines.SlowEngine,
        leaky=engines.LeakyEngine,
    )
    main()
