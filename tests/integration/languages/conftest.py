"""One runtime for all languages of a module: the executor of each is started when its first test needs it."""

from __future__ import annotations

import pytest

from dspex_actors import Limits
from tests._engines import RUST_NATIVE, need_engine
from tests.integration._tools import runtime_of
from tests.integration.languages._snippets import ROWS


@pytest.fixture(scope="module")
def runtime(clean_module):  # noqa: ARG001 -- set up before
    options = {"spares": 1, "start_timeout_s": 60.0, "languages": (RUST_NATIVE,)}
    with runtime_of(limits=Limits(time_s=30.0), **options) as runtime:
        yield runtime
    assert runtime.stop().clean


SLOW = {"typescript"}  # it differs from another row in its first step alone
COSTLY = {"pyodide"}  # each start takes 0.4 s of CPU: what its driver does not decide is for the slow tests
FOR_ALL = {
    "test_values_that_the_language_has_in_another_form_come_back_as_that",
    "test_variables_are_bound_by_their_names",
    "test_a_program_that_does_not_compile_fails_with_its_line",
    "test_a_failure_has_its_type_its_text_and_the_line_in_the_program",
    "test_a_program_that_never_ends_is_killed_and_the_next_one_runs",
    "test_each_execution_starts_from_nothing_whatever_the_last_one_has_left",
    "test_a_flood_of_output_is_cut_at_the_limit_and_counted",
    "test_a_value_that_is_too_large_is_a_limit_exceeded",
    "test_a_program_finds_the_environment_of_its_policy_and_nothing_of_the_hosts",
    "test_eight_programs_run_at_once_and_none_gets_anothers_value",
    "test_a_session_whose_language_keeps_no_copies_says_so_when_asked_for_one",
    "test_cpu_time_of_a_call_in_a_session_is_limited_as_well",
}

FEW = {  # of languages that are run as another one is
    "rust_native": {
        "test_a_program_gives_the_value_of_its_last_expression",
        "test_a_failure_has_its_type_its_text_and_the_line_in_the_program",
        "test_a_program_that_takes_too_much_memory_is_stopped_at_the_limit",
        "test_a_program_has_no_network_not_even_this_machines",
    }
}


def pytest_collection_modifyitems(items):
    """Leave costly languages out of the default suite where other languages show the same."""
    for item in items:
        spec = getattr(item, "callspec", None)
        language = getattr(spec.params.get("row"), "language", None) if spec is not None else None
        is_costly = language in COSTLY and item.originalname in FOR_ALL
        if is_costly or (language in FEW and item.originalname not in FEW[language]):
            item.add_marker(pytest.mark.slow)


def _param(row):
    marks = [pytest.mark.slow] if row.language in SLOW else []
    return pytest.param(row, id=row.language, marks=marks)


@pytest.fixture(scope="module", params=map(_param, ROWS))
def row(request):
    """Give the programs of one language; its engine is needed."""
    need_engine(request.param.language)
    return request.param


@pytest.fixture
def run(runtime, row):
    """Run a program of the row in its language."""

    def run(code, **options):
        return runtime.execute(code, language=row.language, **options)

    return run


@pytest.fixture(autouse=True)
def leaves_no_scratch_folder():
    """Take the place of a check that would find the folders of executors that a test was the first to need.

    `clean_module` looks when the runtime is closed.
    """
