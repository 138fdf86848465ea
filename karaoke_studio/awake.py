"""Keeps the computer from falling asleep while songs are being made."""

from __future__ import annotations

import ctypes
import logging
import shutil
import subprocess
import sys

log = logging.getLogger(__name__)

_ES_CONTINUOUS = 0x80000000
_ES_SYSTEM_REQUIRED = 0x00000001


class Awake:
    """Holds sleep off between `hold` and `release`; a system without the means is left alone.

    Linux asks logind (`systemd-inhibit` around a `cat` that ends with our pipe, so even a killed
    program lets go), macOS `caffeinate` bound to our process, Windows its execution state.

    Thread: the one that made it.
    """

    def __init__(self) -> None:
        self._helper: subprocess.Popen[bytes] | None = None
        self.is_held = False

    def hold(self) -> None:
        """Keep the computer awake from now on."""
        if self.is_held:
            return
        self.is_held = True
        if sys.platform == "win32":
            ctypes.windll.kernel32.SetThreadExecutionState(_ES_CONTINUOUS | _ES_SYSTEM_REQUIRED)
            return
        command = _command()
        if command is None:
            log.info("this system offers no way to hold off sleep")
            return
        try:
            self._helper = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as exc:
            log.info("sleep cannot be held off: %s", exc)

    def release(self) -> None:
        """Let the computer sleep again."""
        if not self.is_held:
            return
        self.is_held = False
        if sys.platform == "win32":
            ctypes.windll.kernel32.SetThreadExecutionState(_ES_CONTINUOUS)
        helper, self._helper = self._helper, None
        if helper is None:
            return
        if helper.stdin is not None:
            helper.stdin.close()
        helper.terminate()
        try:
            helper.wait(timeout=1)
        except subprocess.TimeoutExpired:
            helper.kill()
            helper.wait()


def _command() -> list[str] | None:
    if sys.platform == "darwin":
        import os

        return ["caffeinate", "-i", "-w", str(os.getpid())]
    inhibit = shutil.which("systemd-inhibit")
    if inhibit is None:
        return None
    reason = ["--who=Karaoke Studio", "--why=Songs are being made", "--mode=block"]
    return [inhibit, "--what=sleep:idle", *reason, "cat"]
