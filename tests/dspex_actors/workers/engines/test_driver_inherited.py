"""What a driver may have of its worker's: the file that it runs, its standard input, and nothing else."""

from __future__ import annotations

import os
import shutil

import pytest

from dspex_actors.workers.engines._driver import NO_EXEC, NOT_STARTED, Driver, DriverEndedError, Inherited

pytestmark = pytest.mark.integration


def ended(command, inherited=Inherited(), limits=()):  # noqa: B008 -- a tuple
    """Run a driver that says nothing; return how it ended and what it wrote to stdout."""
    driver, said, cried = Driver(command, {}, limits, inherited), [], []
    try:
        driver.listen(said.append, cried.append)
        with pytest.raises(DriverEndedError) as caught:
            driver.receive(60.0)
    finally:
        driver.close()
    return caught.value, b"".join(said)


@pytest.fixture
def files(tmp_path):
    """Open a copy of `cat` and a text, and remove their names."""
    descriptors = []
    for name, content in (("cat", None), ("text", b"typed")):
        path = tmp_path / name
        if content is None:
            shutil.copy(shutil.which("cat"), path)
        else:
            path.write_bytes(content)
        descriptors.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        path.unlink()
    yield descriptors
    for each in descriptors:
        os.close(each)


def test_a_driver_runs_a_file_without_a_name_and_reads_what_it_is_given(files):
    program, text = files

    ending, said = ended(["cat"], Inherited(program, text))
    assert (ending.exit_code, said) == (0, b"typed")


def test_without_an_input_there_is_none_and_no_descriptor_of_the_worker_is_left(files):
    program, _ = files

    ending, said = ended(["cat"], Inherited(program))
    assert (ending.exit_code, said) == (0, b"")
    _, listed = ended(["/bin/ls", "/proc/self/fd"], Inherited(None, files[1]))
    assert listed.split() == [b"0", b"1", b"2", b"3", b"4"]  # the last one is what it lists


def test_a_file_that_is_no_program_says_why_it_cannot_be_run(files):
    ending, _ = ended(["text"], Inherited(files[1]))

    assert ending.exit_code == NO_EXEC
    assert ending.last_words.decode().startswith(NOT_STARTED)
