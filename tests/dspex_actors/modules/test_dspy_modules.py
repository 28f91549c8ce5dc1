"""DSPy's own modules: what DSPy finds is found, and so is what it misses; states are loaded all or nothing.

They run where DSPy is installed: `pip install dspy`.
"""

from __future__ import annotations

import importlib.util

import pytest

from dspex_actors.modules import (
    EnhancedModule,
    StateRefusedError,
    deep_copy,
    dump_state,
    is_parameter,
    load_state,
    named_parameters,
    named_sub_modules,
    reset_copy,
    resolve,
)
from dspex_actors.serialization import Serializer

dspy = importlib.import_module("dspy") if importlib.util.find_spec("dspy") else None

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(dspy is None, reason="DSPy is not installed: pip install dspy"),
    pytest.mark.filterwarnings("ignore"),
]


def make_flat():
    class Flat(dspy.Module):
        def __init__(self):
            super().__init__()
            self.answer = dspy.Predict("question -> answer")
            self.think = dspy.ChainOfThought("question -> answer")
            self.several = [dspy.Predict("a -> b"), dspy.Predict("b -> c")]
            self.by_name = {"x": dspy.Predict("x -> y")}

    return Flat()


def make_hard():
    """Return a program with what DSPy's own walk does not survive or does not find."""
    program = make_flat()
    program.groups = [[dspy.Predict("d -> e")], {"k": (dspy.Predict("e -> f"),)}]
    program.by_key = {1: dspy.Predict("g -> h"), "1": dspy.Predict("h -> i")}
    program.think_again = program.think
    program.metadata = dspy.Predict("m -> n")
    return program


def test_what_dspy_finds_is_found_under_the_same_names():
    program = make_flat()
    assert named_parameters(program) == program.named_parameters()


def test_what_dspy_misses_is_found_once_under_names_that_lead_back():
    program = make_hard()
    found = named_parameters(program)

    assert len(dict(found)) == len(found) == 10
    assert {"groups[0][0]", "groups[1]['k'][0]", "by_key[1]", "by_key['1']", "metadata"} <= dict(found).keys()
    assert all(resolve(program, name) is parameter for name, parameter in found)
    assert all(is_parameter(parameter) for _, parameter in found)


def test_a_program_that_holds_itself_ends_the_walk():
    program = make_flat()
    program.me = program
    assert len(named_parameters(program)) == len(named_parameters(make_flat()))


def test_the_modules_inside_are_those_that_dspy_names():
    program = make_flat()
    ours = {id(module) for _, module in named_sub_modules(program, dspy.Module)}
    assert ours == {id(module) for _, module in program.named_sub_modules(dspy.Module)}


def test_what_is_compiled_is_skipped_on_demand():
    program = make_flat()
    program.think._compiled = True
    found = named_parameters(program, skip=lambda part: getattr(part, "_compiled", False))
    assert found == program.named_parameters()


def test_a_state_goes_into_a_fresh_program_whatever_held_the_parameters():
    trained, fresh = make_hard(), make_hard()
    for number, (_, parameter) in enumerate(named_parameters(trained)):
        parameter.demos = [{"question": "q", "answer": str(number)}]
    parameters = [id(parameter) for _, parameter in named_parameters(fresh)]
    state = dump_state(trained)
    serializer = Serializer(format="json")
    load_state(fresh, serializer.loads(serializer.dumps(state)).value)

    assert [each.demos for _, each in named_parameters(fresh)] == [
        each.demos for _, each in named_parameters(trained)
    ]
    assert [id(parameter) for _, parameter in named_parameters(fresh)] == parameters
    assert fresh.think_again is fresh.think


def test_a_program_survives_its_file(tmp_path):
    program, path = EnhancedModule(make_hard(), dependencies=["dspy"], module_type="t"), tmp_path / "program"
    program.wrapped.metadata.demos = [{"m": "1", "n": "2"}]
    program.save(path)
    other = EnhancedModule(make_hard(), module_type="t")

    assert other.load(path).dependency_changes == ()
    assert other.wrapped.metadata.demos == [{"m": "1", "n": "2"}]


def test_the_key_of_a_language_model_is_in_no_state_and_stays_in_the_program():
    program, other = make_flat(), make_flat()
    program.lm = program.answer.lm = dspy.LM("openai/some-model", api_key="the secret")
    other.lm = dspy.LM("openai/some-model", api_key="another")
    state = dump_state(program)
    load_state(other, state)

    assert "the secret" not in repr(state)
    assert other.lm.kwargs["api_key"] == "another"
    assert deep_copy(program).lm.kwargs["api_key"] == "the secret"


def test_a_copy_keeps_sharing_and_a_reset_copy_forgets_demos():
    program = make_hard()
    program.answer.demos = [{"question": "q"}]
    copied, reset = deep_copy(program), reset_copy(program)

    assert copied.think_again is copied.think is not program.think
    assert copied.answer.demos == program.answer.demos
    assert copied.answer.demos is not program.answer.demos
    assert (reset.answer.demos, program.answer.demos) == ([], [{"question": "q"}])


def test_a_state_that_one_parameter_refuses_changes_none():
    program = make_hard()
    state = dump_state(program)
    for number, (_, parameter) in enumerate(named_parameters(program)):
        parameter.demos = [{"question": str(number)}]
    before = dump_state(program)
    del state["by_name"]["x"]["state"]["signature"]

    with pytest.raises(StateRefusedError, match="by_name"):
        load_state(program, state)
    assert dump_state(program) == before
