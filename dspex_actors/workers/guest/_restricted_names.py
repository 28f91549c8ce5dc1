"""Which identifiers strict guest code may bind, and which attributes it may name.

Pure decisions, shared by the transformer (names seen at compile time) and by the guards (names built at run
time). A refusal is a sentence for the guest's author; `None` means allowed.
"""

from __future__ import annotations

import types

from RestrictedPython.transformer import INSPECT_ATTRIBUTES

_OPERATORS = tuple("add sub mul truediv floordiv mod divmod pow matmul lshift rshift and or xor".split())

# Methods a guest class may define. Absent on purpose: the attribute hooks (__getattribute__, __getattr__,
# __setattr__), which could answer for names the guards refused; the class hooks (__init_subclass__,
# __set_name__, __class_getitem__, __mro_entries__, __prepare__), which run inside class building; the copying
# hooks (__reduce__, __setstate__, __deepcopy__), with which copy would set any attribute of any object or
# hand out the live dictionary of one; __del__, which runs at a moment the guest does not choose; and
# __array_interface__ and its like, which hand numpy raw addresses.
SPECIAL_METHODS = frozenset(
    [f"__{name}__" for name in _OPERATORS]
    + [f"__r{name}__" for name in _OPERATORS]
    + [f"__i{name}__" for name in _OPERATORS if name != "divmod"]
    + [
        f"__{name}__"
        for name in (
            "new init post_init repr str bytes format hash bool eq ne lt le gt ge "
            "len length_hint getitem setitem delitem missing iter next reversed contains call "
            "enter exit aenter aexit aiter anext await neg pos abs invert int float complex index "
            "round trunc floor ceil"
        ).split()
    ]
)
READABLE_DUNDERS = SPECIAL_METHODS | {"__name__", "__qualname__", "__doc__", "__class__"}
WRITABLE_DUNDERS = frozenset({"__name__", "__qualname__", "__doc__"})
_MODULE_NAMES = frozenset({"__doc__", "__all__", "__version__", "__author__"})


def _introspection_names() -> frozenset[str]:
    """Return the attributes that lead from a generator, coroutine or traceback to frames."""
    harmless = {"send", "throw", "close", "asend", "athrow", "aclose", "clear", "replace"}
    kinds = (
        types.GeneratorType,
        types.CoroutineType,
        types.AsyncGeneratorType,
        types.FrameType,
        types.TracebackType,
        types.CodeType,
    )
    found = {name for kind in kinds for name in dir(kind) if not name.startswith("_")}
    return frozenset(found - harmless) | INSPECT_ATTRIBUTES


INTROSPECTION = _introspection_names()

# Public names that are safe on the guest's own objects and not on some objects of ours:
#   format, format_map            str: read attributes named inside the text
#   obj                           AttributeError: the object whose attribute was missing
#   mro                           classes: unsafe bases behind our stand-ins
#   register                      abstract classes: makes isinstance, so class patterns, lie
#   get_loop .. get_context       asyncio tasks: an event loop starts processes, a stack holds frames
#   ctypes .. setfield            numpy: raw memory, files, unchecked reinterpretation
#   set_state                     numpy: an unchecked position in the generator's memory
#   readinto .. pack_into         streams, structs: write bytes over the pointers in an array of objects
GUARDED = frozenset(
    {
        *("format", "format_map", "obj", "mro", "register"),
        *("get_loop", "get_stack", "print_stack", "get_coro", "get_context"),
        *("ctypes", "cffi", "capsule", "data", "tofile", "dump", "dumps", "resize", "getfield", "setfield"),
        *("set_state", "readinto", "readinto1", "pack_into"),
    }
)

# Attributes of numpy's types whose value is a read-only view of a live dictionary; the guards copy it.
_LIVE_VIEWS = frozenset({"fields"})

# Methods of the built-in containers, strings and numbers. None leads anywhere on any object, so the
# transformer leaves them as plain attribute access: a guarded method call costs several times as much.
PLAIN = (
    frozenset(
        name
        for kind in (list, dict, set, frozenset, str, bytes, bytearray, tuple, int, float, complex)
        for name in dir(kind)
        if not name.startswith("_")
    )
    - GUARDED
)


def variable_refusal(name: str, *, in_class: bool = False, reading: bool = False) -> str | None:
    """Say why guest code may not bind `name`, or read it, as a variable.

    Names with an underscore at both ends are the guards' own (`_getattr_`): binding one replaces a guard.

    Args:
        name: the identifier.
        in_class: it is used directly in the body of a class, where special methods are defined.
        reading: it is read and not bound; `__name__` may be read only.
    """
    allowed_dunder = name in _MODULE_NAMES or (reading and name == "__name__")
    if not name.startswith("_") or name.strip("_") == "" or allowed_dunder:
        return None
    if name.startswith("__"):
        if not in_class:
            return f"the name {name!r} is not available: it starts with two underscores"
        if name in SPECIAL_METHODS or not name.endswith("_"):  # `__x` becomes `_Class__x`
            return None
        return f"a class may not define {name!r}: it is not one of the special methods allowed here"
    if name.endswith("_"):
        return f"the name {name!r} is reserved: it starts and ends with an underscore"
    return None


def attribute_refusal(name: str) -> str | None:
    """Say why `.name` may not be read, whatever the object is."""
    if name in INTROSPECTION:
        return f"the attribute {name!r} is not available: it leads to interpreter internals"
    if name.startswith("__") and name not in READABLE_DUNDERS:
        hint = "; use vars(x)" if name == "__dict__" else ""
        return f"the attribute {name!r} is not available: it starts with two underscores{hint}"
    return _hook_like_refusal(name)


def dynamic_refusal(name: str) -> str | None:
    """Say why `getattr` may not read `name`: `attribute_refusal`, and no special methods at all."""
    refusal = attribute_refusal(name)
    if refusal is None and name.startswith("__") and name not in WRITABLE_DUNDERS:
        return f"the attribute {name!r} is not available through getattr()"
    return refusal


def assignment_refusal(name: str) -> str | None:
    """Say why `.name` may not be set or deleted, whatever the object is."""
    if name in INTROSPECTION:
        return f"the attribute {name!r} may not be set: it is an interpreter internal"
    if name.startswith("__") and name not in WRITABLE_DUNDERS:
        return f"the attribute {name!r} may not be set: it starts with two underscores"
    return _hook_like_refusal(name)


def pattern_refusal(name: str) -> str | None:
    """Say why a class pattern may not read `name`: patterns read attributes with no guard between."""
    if name.startswith("_") or name in GUARDED or name in INTROSPECTION or name in _LIVE_VIEWS:
        return f"a class pattern may not read the attribute {name!r}"
    return None


def is_private(name: str) -> bool:
    """Tell whether `name` is an attribute only the guest's own objects may show (`_x`, not `__x__`)."""
    return name.startswith("_") and not name.startswith("__")


def _hook_like_refusal(name: str) -> str | None:
    if is_private(name) and name.endswith("_") and name.strip("_"):
        return f"the attribute {name!r} is not available: it starts and ends with an underscore"
    return None
