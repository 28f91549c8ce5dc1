"""Object graphs for the tests: generated with cycles, sharing and odd keys, and compared node by node."""

from __future__ import annotations

import enum
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from hypothesis import strategies as st

from dspex_actors.modules import Parameter

MISSING = object()


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


class Plain:
    """An object with a `__dict__`."""


class Slotted:
    """An object with slots alone."""

    __slots__ = ("a", "b", "metadata")


class SlottedChild(Slotted):
    """Slots of a class and of its base, one of them private, and a `__dict__`."""

    __slots__ = ("__dict__", "__hidden", "c")


@dataclass(eq=False)
class Record:
    """Declared data."""

    a: object = None
    items: list = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    """Declared data that refuses assignments."""

    a: object = None


class Listed(list):
    """A list with attributes."""


class Mapped(dict):
    """A dict with attributes, which lies about what it holds."""

    def items(self):
        return [("lie", 1)]

    def __iter__(self):
        return iter(["lie"])


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=4),
    st.binary(max_size=4),
    st.sampled_from([Colour.RED, Colour.BLUE, (1, "a"), (), frozenset({1, 2})]),
)
ODD_KEYS = [
    *(1, "1", True, False, 0, "0", 1.5, -0.5, None, b"1", (1, "1"), (), "", "a.b", "it's", '"', "]", "[0]"),
    *("$ref", "$object", "$", "$$x", "é", "x\n", Colour.RED, (1, (2, 3)), frozenset({1})),
    *(10**30, float("inf"), "#0", "{0}"),
]
NAMES = ["a", "b", "metadata", "_private", "$odd", "a.b", "self", "state", "items"]
KINDS = {
    "plain": Plain,
    "slotted": Slotted,
    "child": SlottedChild,
    "record": Record,
    "frozen": lambda: Frozen.__new__(Frozen),
    "list": list,
    "listed": Listed,
    "dict": dict,
    "mapped": Mapped,
    "ordered": OrderedDict,
    "deque": lambda: deque(maxlen=5),
    "set": set,
    "parameter": lambda: Parameter(0),
}


@st.composite
def graphs(draw, root="plain", most=12):
    """Return the first of a few objects, each filled with leaves and with any of them, itself included."""
    kinds = [root, *draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=most))]
    nodes = [KINDS[kind]() for kind in kinds]
    tuples = []

    def anything():
        choice = draw(st.integers(0, 3))
        if choice == 0:
            return draw(LEAVES)
        among = tuples if choice == 1 and tuples else nodes
        return among[draw(st.integers(0, len(among) - 1))]

    for _ in range(draw(st.integers(0, 3))):
        several = tuple(anything() for _ in range(draw(st.integers(0, 3))))
        tuples.append(several)
    for node in nodes:
        fill(node, anything, draw)
    return nodes[0]


def fill(node, anything, draw):
    """Put children into one node."""
    several = [anything() for _ in range(draw(st.integers(0, 4)))]
    if isinstance(node, Parameter):
        node.value, node.initial = anything(), anything()
    elif isinstance(node, (Frozen, Record)):
        object.__setattr__(node, "a", anything())
        if isinstance(node, Record):
            node.items = several
    elif isinstance(node, set):
        node.update(draw(st.lists(LEAVES.filter(lambda leaf: leaf not in {0, 1}), max_size=3)))
        if len(several) == 4:
            node.add(Plain())
    elif isinstance(node, dict):
        for key in draw(st.lists(st.sampled_from(ODD_KEYS), max_size=4)):
            node[key] = anything()
    elif isinstance(node, (list, deque)):
        node.extend(several)
    name_some(node, anything, draw)


def name_some(node, anything, draw):
    """Give a node some of the attributes that it may have."""
    own = [name for name in SLOTS.get(type(node), ()) if isinstance(node, Slotted)]
    for name in draw(st.lists(st.sampled_from(own or ["none"]), max_size=2, unique=True)):
        if own:
            setattr(node, name, anything())
    if hasattr(node, "__dict__") and not isinstance(node, (Record, OrderedDict)):
        for name in draw(st.lists(st.sampled_from(NAMES), max_size=3)):
            if name not in own:
                vars(node)[name] = anything()


SLOTS = {
    Slotted: Slotted.__slots__,
    SlottedChild: ("a", "b", "metadata", "_SlottedChild__hidden", "c"),
    Frozen: ("a",),
    Parameter: ("description", "initial", "value"),
}


def children(node):
    """Return the parts of a node by a label, by other means than those that are tested."""
    found = [((".", name), getattr(node, name, MISSING)) for name in SLOTS.get(type(node), ())]
    if type(node).__module__ != "builtins" and hasattr(node, "__dict__"):
        found += [((".", name), value) for name, value in vars(node).items()]
    if isinstance(node, dict):
        found += [(("k", place), pair[0]) for place, pair in enumerate(dict.items(node))]
        found += [(("v", place), pair[1]) for place, pair in enumerate(dict.items(node))]
    elif isinstance(node, (list, tuple, deque)):
        found += [(("i", place), item) for place, item in enumerate(node)]
    elif isinstance(node, (set, frozenset)):
        found += [(("m", place), item) for place, item in enumerate(sorted(node, key=_order))]
    return found


def _order(member):
    return (type(member).__name__, repr(member) if type(member) is not Plain else "")


def difference(left, right):
    """Return where two graphs differ in types, leaves, or in what is shared; None if nowhere."""
    there, back = {}, {}
    stack = [("", left, right)]
    while stack:
        path, one, other = stack.pop()
        if type(one) is not type(other):
            return f"{path}: {type(one)} and {type(other)}"
        inner = children(one)
        if not inner and not isinstance(one, (list, dict, set, deque, Plain, Slotted, Parameter)):
            if one != other and one is not other:
                return f"{path}: {one!r} and {other!r}"
            continue
        if id(one) in there or id(other) in back:
            if there.get(id(one)) != id(other) or back.get(id(other)) != id(one):
                if isinstance(one, (tuple, frozenset)):
                    continue  # one that cannot change may be there twice
                return f"{path}: shared in one of them alone"
            continue
        there[id(one)], back[id(other)] = id(other), id(one)
        counterpart = children(other)
        if [label for label, _ in inner] != [label for label, _ in counterpart]:
            return f"{path}: {[label for label, _ in inner]} and {[label for label, _ in counterpart]}"
        pairs = zip(inner, counterpart, strict=True)
        stack += [(f"{path}{label}", a, b) for (label, a), (_, b) in pairs]
    return None


def mutable_parts(root):
    """Return every part of a graph that can change, by id."""
    found, stack = {}, [root]
    while stack:
        node = stack.pop()
        if node is MISSING or id(node) in found or isinstance(node, (enum.Enum, str, bytes)):
            continue
        inner = children(node)
        if inner or isinstance(node, (list, dict, set, deque, Plain, Slotted, Parameter)):
            found[id(node)] = node
            stack += [part for _, part in inner]
    return {number: node for number, node in found.items() if not isinstance(node, (tuple, frozenset))}
