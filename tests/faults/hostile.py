"""Files that were made to do harm: no other file opened, no socket, nothing run, soon refused.

Where strace is there, the child that reads them is watched by it.
"""

from __future__ import annotations

import os
import pickle
import re
import shutil
import struct
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import soundfile as sf
from PySide6.QtCore import QUrl

from karaoke_studio.errors import KaraokeError
from karaoke_studio.ui.drop_area import local_path
from karaoke_studio.worker.host import MEDIA_MEMORY_MB, Worker, WorkerDied
from tests.faults.program import Program
from tests.faults.report import Report, Scale
from tests.helpers.models import make_net, write_safetensors
from tests.helpers.signals import noise
from tests.helpers.street import write_song

_LONGEST_S = 10.0
_RATE = 44_100
#: Named in the hostile files, and nothing else ever opens them.
_BAIT, _SECRET = "bait.wav", "secret.txt"
_CALL = re.compile(r"\b(socket|connect|execve|open\w*)\((.*)")


def run(scale: Scale) -> Report:
    """Import every hostile file in a watched child; try hostile models and addresses."""
    report = Report()
    folder = scale.folder / "hostile"
    _import_all(folder, report, "karaoke_studio.worker.child")
    _take_models(scale, report)
    _work_alone(scale, report)
    _drop_addresses(report)
    if shutil.which("strace") is None:
        report.notes["strace"] = "is not there: opens and sockets were not counted"
    elif scale.with_mutant:
        broken = Report()
        _import_all(scale.folder / "mutant", broken, "tests.faults.gullible_child")
        report.mutant = broken.failures[0] if broken.failures else ""
    return report


def _import_all(folder: Path, report: Report, child: str) -> None:
    folder.mkdir()
    write_song(folder / _BAIT, noise(2, _RATE, 2), _RATE, "PCM_16")
    (folder / _SECRET).write_text("secret")
    files = _files(folder)
    trace = folder.parent / f"trace-{folder.name}"
    command = [sys.executable, "-P", "-m", child, "transfer", "--memory-mb", str(MEDIA_MEMORY_MB)]
    if shutil.which("strace"):
        watch = ["strace", "-f", "-qq", "-s", "300", "-e"]
        command = [*watch, "trace=open,openat,socket,connect,execve", "-o", str(trace), *command]
    worker = Worker("transfer", command=command)
    slowest_s = 0.0
    try:
        _read(worker, folder / _BAIT, folder)  # what is imported late is imported now
        for path in files:
            seen = trace.stat().st_size if trace.exists() else 0
            started = time.monotonic()
            told = _read(worker, path, folder)
            spent_s = time.monotonic() - started
            slowest_s = max(slowest_s, spent_s)
            report.points += 1
            report.hits += 1
            faults = [f"it took {spent_s:.0f} s"] if spent_s > _LONGEST_S else []
            faults += [told] if told.startswith("fault") else []
            faults += _harm(trace, seen, path)
            report.failures += [f"{path.name!r}: {text}" for text in faults]
    finally:
        worker.close()
    report.notes["files"] = len(files)
    report.notes["slowest_s"] = round(slowest_s, 2)


def _read(worker: Worker, path: Path, folder: Path) -> str:
    """Import a file; return the code that it was refused with, "made", or what is wrong."""
    staging = folder.parent / "staging"
    staging.mkdir()
    args = {"path": str(path), "staging": str(staging), "copy": False}
    try:
        made = worker.run("import_song", args, stop=threading.Event(), stall_s=60)
    except KaraokeError as exc:
        return exc.code if exc.message else "fault: no sentence"
    except WorkerDied:
        return "fault: the child died"
    else:
        return "made" if len(repr(made["tags"])) < 100_000 else "fault: endless tags"
    finally:
        shutil.rmtree(staging)


def _harm(trace: Path, seen: int, path: Path) -> list[str]:
    """Return foreign opens, sockets and programs that the child began since `seen`."""
    if not trace.exists():
        return []
    with trace.open(errors="replace") as file:
        file.seek(seen)
        lines = file.read().splitlines()
    faults = []
    for line in lines:
        if (call := _CALL.search(line)) is None:
            continue
        name, rest = call.groups()
        if name in {"socket", "connect", "execve"}:
            faults.append(f"{name}: {rest[:80]}")
        elif (_BAIT in rest or _SECRET in rest) and path.name not in rest:
            faults.append(f"a foreign open: {rest[:120]}")
    return faults


def _files(folder: Path) -> list[Path]:
    """Write the hostile files."""
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{folder / _BAIT}\n#EXT-X-ENDLIST\n"
    master = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{folder / _SECRET}\n"
    url = "#EXTM3U\n#EXTINF:2,\nhttp://127.0.0.1:9/x.mp3\n#EXT-X-ENDLIST\n"
    concat = f"ffconcat version 1.0\nfile {_BAIT}\n"
    dash = f"""<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
        mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="audio/wav">
        <Representation id="1" bandwidth="1"><BaseURL>{_BAIT}</BaseURL></Representation>
        </AdaptationSet></Period></MPD>"""
    texts = {
        "hls.mp3": hls,
        "hls.m3u8.mp3": hls,
        "master.mp3": master,
        "url.mp3": url,
        "concat.mp3": concat,
        "concat.flac": concat,
        "dash.mp4": dash,
        "sdp.mp3": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
        "picture.mp3": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{_BAIT}"/></svg>',
    }
    found: dict[str, bytes] = {name: text.encode() for name, text in texts.items()}
    found["hidden hls.mp3"] = _id3(b"") + hls.encode()
    found["pickle.mp3"] = pickle.dumps(_Runs(str(folder / "marker")))
    found["zip.mp3"] = b"PK\x03\x04" + bytes(2000)
    found |= {f"rate {rate}.wav": _wav(rate) for rate in (0, 1, 4_000_000_000)}
    found["channels.wav"] = _wav(_RATE, channels=1000)
    found["outside.mov"] = _outside_reference(str(folder / _BAIT))
    sound = _mp3(folder)
    title = b"<b>bold</b><img src='http://127.0.0.1:9/x.png'>"
    found["html.mp3"] = _id3(_text_frame(b"TIT2", title)) + sound
    found["bomb.mp3"] = _id3(_bomb_frame()) + sound
    found["svg cover.mp3"] = _id3(_cover(b"image/svg+xml", texts["picture.mp3"].encode())) + sound
    found["url cover.mp3"] = _id3(_cover(b"-->", b"http://127.0.0.1:9/x.png")) + sound
    found["huge cover.mp3"] = _id3(_cover(b"image/png", _huge_png())) + sound
    found["odd rate.wav"] = _wav(44_101, data=2 * 44_101 * 4)
    for name in (
        f"concat:{_BAIT}|{_BAIT}",
        f"subfile,,start,0,end,0,,:{_BAIT}",
        "http:127.0.0.1:9",
        "pipe:0",
        "image%03d.mp3",
    ):
        found[name] = sound
    paths = []
    for name, content in found.items():
        (folder / name).write_bytes(content)
        paths.append(folder / name)
    return [*paths, _silence_bomb(folder), _device(folder)]


class _Runs:
    """Leaves a marker where it is unpickled."""

    def __init__(self, marker: str) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self._marker,)


def _id3(frames: bytes) -> bytes:
    size = len(frames)
    parts = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + parts + frames


def _text_frame(name: bytes, text: bytes) -> bytes:
    return name + struct.pack(">I", len(text) + 1) + b"\0\0\0" + text


def _bomb_frame() -> bytes:
    """A compressed text of 300 MB."""
    packer = zlib.compressobj(9)
    block = b"\0" + b"a" * 999_999
    packed = b"".join(packer.compress(block) for _ in range(300)) + packer.flush()
    body = struct.pack(">I", 300_000_000) + packed
    return b"TIT2" + struct.pack(">I", len(body)) + b"\x00\x80" + body


def _cover(mime: bytes, picture: bytes) -> bytes:
    body = b"\0" + mime + b"\0\x03\0" + picture
    return b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body


def _huge_png() -> bytes:
    """A picture of 60,000 × 60,000 points in a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def _wav(rate: int, channels: int = 2, data: int = 200_000) -> bytes:
    align = channels * 2
    fmt = struct.pack("<HHIIHH", 1, channels, rate, rate * align % 2**32, align, 16)
    head = struct.pack("<I", 36 + data) + b"WAVEfmt " + struct.pack("<I", 16) + fmt
    return b"RIFF" + head + b"data" + struct.pack("<I", data) + bytes(data)


def _mp3(folder: Path) -> bytes:
    path = write_song(folder / "plain.mp3", noise(2, _RATE, 2), _RATE)
    content = path.read_bytes()
    path.unlink()
    return content


def _outside_reference(target: str) -> bytes:
    """A QuickTime film whose sound lies in another file."""

    def atom(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + name + body

    url = atom(b"url ", bytes(4) + b"file://" + target.encode() + b"\0")
    dinf = atom(b"dinf", atom(b"dref", bytes(4) + struct.pack(">I", 1) + url))
    entry = bytes(6) + struct.pack(">HHHIHHHHI", 1, 0, 0, 0, 2, 16, 0, 0, _RATE << 16)
    stsd = atom(b"stsd", bytes(4) + struct.pack(">I", 1) + atom(b"sowt", entry))
    stts = atom(b"stts", bytes(4) + struct.pack(">III", 1, _RATE, 1))
    stsc = atom(b"stsc", bytes(4) + struct.pack(">IIII", 1, 1, _RATE, 1))
    stsz = atom(b"stsz", bytes(4) + struct.pack(">II", 4, _RATE))
    stco = atom(b"stco", bytes(4) + struct.pack(">II", 1, 44))
    stbl = atom(b"stbl", stsd + stts + stsc + stsz + stco)
    minf = atom(b"minf", atom(b"smhd", bytes(8)) + dinf + stbl)
    mdhd = atom(b"mdhd", bytes(12) + struct.pack(">IIHH", _RATE, _RATE, 0, 0))
    hdlr = atom(b"hdlr", bytes(4) + b"mhlrsoun" + bytes(12) + b"\0")
    tkhd = atom(b"tkhd", bytes(3) + b"\x0f" + bytes(8) + struct.pack(">I", 1) + bytes(68))
    trak = atom(b"trak", tkhd + atom(b"mdia", mdhd + hdlr + minf))
    mvhd = atom(b"mvhd", bytes(12) + struct.pack(">II", 1000, 1000) + bytes(80))
    return atom(b"ftyp", b"qt  \0\0\0\0qt  ") + atom(b"moov", mvhd + trak)


def _silence_bomb(folder: Path) -> Path:
    """Thirteen hours of nothing in a few megabytes."""
    path = folder / "silence.flac"
    block = noise(0.1, 4000, 1).T * 0
    with sf.SoundFile(path, "w", 4000, 1, "PCM_16") as file:
        for _ in range(13 * 3600 * 10 // 100):
            file.write(block.repeat(100, axis=0))
    return path


def _device(folder: Path) -> Path:
    """A name that leads to something endless."""
    path = folder / "endless.mp3"
    path.symlink_to("/dev/zero")
    return path


def _work_alone(scale: Scale, report: Report) -> None:
    """Open the window and make a song: nobody on a network is asked for anything."""
    if shutil.which("strace") is None:
        return
    song = write_song(scale.folder / "alone.wav", noise(1.5, _RATE, 2), _RATE, "PCM_16")
    for name, words in (("window", ("--smoke",)), ("song", ("library", "add", song))):
        trace = scale.folder / f"alone-{name}"
        watch = ("strace", "-f", "-qq", "-e", "trace=socket", "-o", str(trace))
        program = Program(
            *words, data=scale.folder / "alone", before=watch, is_window=name == "window"
        )
        report.points += 1
        report.hits += 1
        if status := program.wait(120):
            report.failures.append(f"{name}: it ended with {status}: {program.text[-200:]}")
        calls = [line for line in trace.read_text().splitlines() if "AF_INET" in line]
        report.failures += [f"{name}: {line}" for line in calls[:3]]


def _take_models(scale: Scale, report: Report) -> None:
    """Offer networks that run something when they are read."""
    folder = scale.folder / "models"
    folder.mkdir()
    marker = folder / "marker"
    (folder / "955717e8.th").write_bytes(pickle.dumps(_Runs(str(marker)), protocol=2))
    net = make_net()
    write_safetensors(net, folder / "plain.safetensors")
    content = (folder / "plain.safetensors").read_bytes()
    (folder / "plain.safetensors").unlink()
    name = b"demucs.htdemucs.HTDemucs"
    evil = b"antigravity.Net".ljust(len(name), b"x")
    (folder / "evil.safetensors").write_bytes(content.replace(name, evil))
    for path in sorted(folder.iterdir()):
        report.points += 1
        taken = Program("models", "import", path, data=scale.folder / "model-data")
        status = taken.wait(120)
        report.hits += 1
        if not status:
            report.failures.append(f"{path.name} was taken in")
        if marker.exists() or "Traceback" in taken.text:
            report.failures.append(f"{path.name} ran something: {taken.text[-200:]}")


def _drop_addresses(report: Report) -> None:
    """Drop what is not a file of this computer."""
    for address in (
        "file://server/share/song.mp3",
        "file:////server/share/song.mp3",
        "http://127.0.0.1:9/song.mp3",
        "smb://server/song.mp3",
        "file:///dev/zero",
        "data:audio/mp3;base64,AAAA",
    ):
        report.points += 1
        report.hits += 1
        if local_path(QUrl(address)) is not None:
            report.failures.append(f"{address} is taken")
