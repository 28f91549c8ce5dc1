"""The price of knowing, copying, dumping and loading a tree of 10,000 parameters.

A hundred modules with a list of a hundred parameters each, one of them shared by two modules. DSPy gets
modules of its own kind with parameters that are as small as ours, so that it is the walk that is measured and
not its predictors; what it dumps is the parameters alone, where ours is all attributes. The standard library
finds no parameters; it copies by `copy.deepcopy`, dumps and loads by pickle, which gives a new tree where the
others fill one that is there.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from _measure import Case, Question
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[[], None]

MODULES = 100
PARAMETERS = 100
ALL = MODULES * PARAMETERS


def _tree(make_module: Callable[[], Any], make_parameter: Callable[[int], Any]) -> Any:  # noqa: ANN401 -- of each kind
    root = make_module()
    root.parts = []
    for number in range(MODULES):
        part = make_module()
        part.name = f"part {number}"
        part.parameters_of_it = [make_parameter(number * PARAMETERS + each) for each in range(PARAMETERS)]
        root.parts.append(part)
    root.first = root.parts[0]
    return root


class Plain:
    """A module of ours is any object."""


@contextmanager
def ours() -> Iterator[dict[str, Run]]:
    """Use the functions of `dspex_actors.modules`."""
    from dspex_actors.modules import (  # noqa: PLC0415 -- each competitor loads its own library only
        Parameter,
        deep_copy,
        dump_state,
        load_state,
        named_parameters,
    )

    tree = _tree(Plain, Parameter)
    state = dump_state(tree)

    def discovery() -> None:
        assert len(named_parameters(tree)) == ALL  # noqa: S101 -- a bench of wrong answers is none

    def copy() -> None:
        copied = deep_copy(tree)
        assert copied.first is copied.parts[0] is not tree.first  # noqa: S101 -- as above

    def dump() -> None:
        assert len(dump_state(tree)["parts"]) == MODULES  # noqa: S101 -- as above

    def load() -> None:
        load_state(tree, state)
        assert tree.parts[-1].parameters_of_it[-1].value == ALL - 1  # noqa: S101 -- as above

    yield {"discovery": discovery, "copy": copy, "dump": dump, "load": load}


@contextmanager
def dspy() -> Iterator[dict[str, Run]]:
    """Use DSPy's modules; its walk finds lists that stand directly in a module."""
    from dspy import Module  # noqa: PLC0415 -- as above
    from dspy.predict.parameter import Parameter  # noqa: PLC0415 -- as above

    class Small(Parameter):
        def __init__(self, value: int) -> None:
            self.value = self.initial = value

        def reset(self) -> None:
            self.value = self.initial

        def dump_state(self, *, json_mode: bool = True) -> dict[str, Any]:  # noqa: ARG002 -- what DSPy passes
            return {"value": self.value}

        def load_state(self, state: dict[str, Any]) -> None:
            self.value = state["value"]

    tree = _tree(type("Program", (Module,), {}), Small)
    state = tree.dump_state()

    def discovery() -> None:
        assert len(tree.named_parameters()) == ALL  # noqa: S101 -- as above

    def copy() -> None:
        copied = tree.deepcopy()
        assert copied.first is copied.parts[0] is not tree.first  # noqa: S101 -- as above

    def dump() -> None:
        assert len(tree.dump_state()) == ALL  # noqa: S101 -- as above

    def load() -> None:
        tree.load_state(state)
        assert tree.parts[-1].parameters_of_it[-1].value == ALL - 1  # noqa: S101 -- as above

    yield {"discovery": discovery, "copy": copy, "dump": dump, "load": load}


@contextmanager
def standard_library() -> Iterator[dict[str, Run]]:
    """Use copy and pickle on the same tree as ours."""
    import copy  # noqa: PLC0415 -- as above
    import pickle  # noqa: PLC0415 -- as above

    from dspex_actors.modules import Parameter  # noqa: PLC0415 -- as above

    tree = _tree(Plain, Parameter)
    data = pickle.dumps(tree)

    def copies() -> None:
        copied = copy.deepcopy(tree)
        assert copied.first is copied.parts[0] is not tree.first  # noqa: S101 -- as above

    def dump() -> None:
        assert pickle.dumps(tree) == data  # noqa: S101 -- as above

    def load() -> None:
        loaded = pickle.loads(data)  # noqa: S301 -- our own bytes
        assert loaded.parts[-1].parameters_of_it[-1].value == ALL - 1  # noqa: S101 -- as above

    yield {"copy": copies, "dump": dump, "load": load}


QUESTION = Question(
    name="modules",
    script=__file__,
    competitors={OURS: ours, "DSPy": dspy, "copy, pickle": standard_library},
    cases=tuple(
        Case(name=name, turns=5, runs=4, quick=(2, 2)) for name in ("discovery", "copy", "dump", "load")
    ),
)

if __name__ == "__main__":
    QUESTION.main()
