"""Which functions of a module have vectors in their signatures: wasmtime's C interface cannot say so.

It ends the process instead. The module was found valid before, so what is read here is looked at and not
checked. Types of objects, which languages with a garbage collector have, are not read any further: a vector
costs such a module its worker.
"""

from __future__ import annotations

_HEADER_BYTES = 8
_TYPE, _IMPORT, _FUNCTION, _EXPORT = 1, 2, 3, 7
_FUNCTION_FORM, _VECTOR = 0x60, 0x7B
_PLAIN_FORMS = frozenset((0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70, 0x6F))
_KIND_FUNCTION = 0


class _Reader:
    """Reads one section."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """Return an unsigned integer, in LEB128."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def name(self) -> str:
        length = self.number()
        self.at += length
        return self.data[self.at - length : self.at].decode("utf-8", "replace")

    def limits(self) -> None:
        if self.number() & 1:
            self.number()
        self.number()


class _UnreadableError(Exception):
    """A form that is not read here."""


def functions_with_vectors(module: bytes) -> list[str]:
    """Return the names of imported and exported functions that take or return a v128.

    Args:
        module: valid, in the binary format.
    """
    try:
        return _found(_sections(module))
    except (_UnreadableError, IndexError):
        return []


def _sections(module: bytes) -> dict[int, _Reader]:
    reader, found = _Reader(module), {}
    reader.at = _HEADER_BYTES
    while reader.at < len(module):
        kind, size = reader.byte(), reader.number()
        found[kind] = _Reader(module[reader.at : reader.at + size])
        reader.at += size
    return found


def _found(sections: dict[int, _Reader]) -> list[str]:
    vectors = _types(sections[_TYPE]) if _TYPE in sections else []
    if not any(vectors):
        return []
    names = []
    functions: list[int] = []  # the type of each
    if _IMPORT in sections:
        for name, kind in _imports(sections[_IMPORT]):
            functions.append(kind)
            if vectors[kind]:
                names.append(name)
    if _FUNCTION in sections:
        reader = sections[_FUNCTION]
        functions += [reader.number() for _ in range(reader.number())]
    if _EXPORT in sections:
        reader = sections[_EXPORT]
        for _ in range(reader.number()):
            name, kind, index = reader.name(), reader.byte(), reader.number()
            if kind == _KIND_FUNCTION and vectors[functions[index]]:
                names.append(name)
    return names


def _types(reader: _Reader) -> list[bool]:
    """Return whether each function type has a vector."""
    found = []
    for _ in range(reader.number()):
        if reader.byte() != _FUNCTION_FORM:
            raise _UnreadableError
        kinds = [reader.byte() for _ in range(2) for _ in range(reader.number())]
        if not _PLAIN_FORMS.issuperset(kinds):
            raise _UnreadableError
        found.append(_VECTOR in kinds)
    return found


def _imports(reader: _Reader) -> list[tuple[str, int]]:
    """Return the imported functions, each with the number of its type."""
    found = []
    for _ in range(reader.number()):
        name = f"{reader.name()}.{reader.name()}"
        match reader.byte():
            case 0:
                found.append((name, reader.number()))
            case 1:
                reader.byte()
                reader.limits()
            case 2:
                reader.limits()
            case 3:
                reader.at += 2
            case _:
                raise _UnreadableError
    return found
