"""One thread for each core, on made-up processors."""

from __future__ import annotations

import sys

import pytest

from karaoke_studio.separation import cores

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux' files")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Sixteen processors: eight cores of two threads each; all of them may be used."""
    for number in range(16):
        folder = tmp_path / f"cpu{number}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{number % 8},{number % 8 + 8}\n")
    monkeypatch.setattr(cores, "_TOPOLOGY", tmp_path)
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(cores, "_allowed", lambda: set(range(16)))
    return tmp_path


def test_two_threads_of_a_core_count_once(machine):
    assert cores.physical_cores() == 8
    assert cores.usual_threads() == 8
    assert cores.usable_processors() == 16


def test_only_what_the_process_may_use_counts(machine, monkeypatch):
    monkeypatch.setattr(cores, "_allowed", lambda: {0, 8, 3})
    assert cores.physical_cores() == 2


def test_a_system_that_does_not_say_has_a_core_for_each_processor(machine):
    (machine / "cpu3/topology/thread_siblings_list").unlink()
    assert cores.physical_cores() == 16


@pytest.mark.parametrize(
    ("quota", "threads"),
    [("max 100000", 8), ("250000 100000", 3), ("50000 100000", 1), ("nonsense", 8), ("5 0", 8)],
)
def test_a_container_gets_no_more_threads_than_it_has_time(machine, quota, threads):
    (machine / "cpu.max").write_text(quota)
    assert cores.usual_threads() == threads


def test_very_many_cores_are_not_all_used(machine, monkeypatch):
    for number in range(16):
        (machine / f"cpu{number}/topology/thread_siblings_list").unlink()
    monkeypatch.setattr(cores, "_allowed", lambda: set(range(64)))
    assert cores.usual_threads() == cores.MAX_THREADS


def test_the_true_machine_answers():
    assert 1 <= cores.usual_threads() <= cores.usable_processors()
