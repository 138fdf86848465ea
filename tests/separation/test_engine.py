from __future__ import annotations

import pytest

from karaoke_studio import job
from karaoke_studio.separation.engine import ENGINES, resolve_engine


def test_every_engine_a_job_may_name_can_be_made():
    assert {resolve_engine(name) for name in ("auto", *job.BUILTIN_ENGINES)} == set(ENGINES)


@pytest.mark.parametrize("name", ENGINES)
def test_engines_carry_the_name_they_are_listed_under(name):
    assert ENGINES[name]().name == name


def test_auto_means_the_best_that_is_there_and_names_mean_themselves():
    assert resolve_engine("auto") == "instant"
    assert resolve_engine("centre") == "centre"
