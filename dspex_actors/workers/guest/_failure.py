"""Guest exceptions as text: type, message, and a traceback of the guest's own lines.

Formatting runs guest code (`__str__`), which may raise; it is written without the standard `traceback`
module, whose imports would make every worker larger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

FILENAME = "<guest>"

_MESSAGE_CHARS = 8_000
_FRAMES_KEPT = 20  # from each end of a traceback
_CHAIN_KEPT = 5


def describe(error: BaseException, sources: Mapping[str, str]) -> tuple[str, str, str]:
    """Return type, message and traceback of an exception as plain text.

    Args:
        error: what the guest's code raised.
        sources: the guest's code by the file name it was compiled under; frames of other files are left out.
    """
    name = _type_name(error)
    try:
        return name, _message(error), clip(_with_causes(error, sources), 32_000)
    except BaseException as raised:  # noqa: BLE001 -- the guest's objects are in there; the failure must be told
        return name, f"<not to be told: {_type_name(raised)}>", ""


def _with_causes(error: BaseException, sources: Mapping[str, str]) -> str:
    """Return the traceback of an exception after those of what led to it."""
    chain = [(error, "")]
    seen = {id(error)}
    while len(chain) < _CHAIN_KEPT:
        current = chain[-1][0]
        link = "The above exception was the direct cause of the following exception:"
        cause = _read(current, "__cause__")
        if cause is None and not _read(current, "__suppress_context__"):
            link = "During handling of the above exception, another exception occurred:"
            cause = _read(current, "__context__")
        if cause is None or id(cause) in seen:
            break
        seen.add(id(cause))
        chain.append((cause, link))
    parts = []
    for at in range(len(chain) - 1, -1, -1):
        parts.append(_traceback(chain[at][0], sources))
        if at:
            parts.append(f"\n{chain[at][1]}\n")
    return "\n".join(parts)


def _traceback(error: BaseException, sources: Mapping[str, str]) -> str:
    """Return the traceback of one exception in Python's own layout."""
    frames = _guest_frames(_read(error, "__traceback__"), sources)
    lines_of = {frame[0]: sources[frame[0]].splitlines() for frame in frames if frame is not None}
    shown = ["Traceback (most recent call last):"] if frames else []
    skipped = len(frames) - 2 * _FRAMES_KEPT
    if skipped > 0:
        frames = [*frames[:_FRAMES_KEPT], None, *frames[-_FRAMES_KEPT:]]
    for frame in frames:
        if frame is None:
            shown.append(f"  ... {skipped} more ...")
            continue
        filename, number, function = frame
        shown.append(f'  File "{filename}", line {number}, in {function}')
        lines = lines_of[filename]
        if 0 < number <= len(lines) and lines[number - 1].strip():
            shown.append(f"    {clip(lines[number - 1].strip(), 200)}")
    if issubclass(type(error), SyntaxError):
        shown += _syntax_place(error, sources)
    message = _message(error)
    shown.append(f"{_type_name(error)}: {message}" if message else _type_name(error))
    return "\n".join(shown)


def _guest_frames(
    traceback: TracebackType | None, sources: Mapping[str, str]
) -> list[tuple[str, int, str] | None]:
    frames: list[tuple[str, int, str] | None] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename in sources:
            frames.append((code.co_filename, traceback.tb_lineno, code.co_name))
        traceback = traceback.tb_next
    return frames


def _syntax_place(error: BaseException, sources: Mapping[str, str]) -> list[str]:
    """Return the line and the caret of a syntax error in the guest's source."""
    filename, number, text, offset = (
        SyntaxError.__dict__[name].__get__(error) for name in ("filename", "lineno", "text", "offset")
    )
    if type(filename) is not str or filename not in sources or type(number) is not int or not number:
        return []
    place = [f'  File "{filename}", line {number}']
    if type(text) is str and text.strip():
        text = text.rstrip("\n")
        place.append(f"    {clip(text.strip(), 200)}")
        column = (offset if type(offset) is int else 1) - 1 - (len(text) - len(text.lstrip()))
        if 0 <= column <= 200:
            place.append("    " + " " * column + "^")
    return place


def misplaced(error: BaseException, sources: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what is wrong with code that does not compile, each as the fields of a `Diagnostic`.

    Nothing for what code has raised while it ran, also if that is a SyntaxError.

    Args:
        error: what came of compiling and running code.
        sources: as for `describe`.
    """
    if not isinstance(error, SyntaxError) or _guest_frames(_read(error, "__traceback__"), sources):
        return []
    if type(error) not in _SYNTAX_ERRORS:  # one of ours, which tells all that the profile does not have
        refused: tuple[tuple[int, str], ...] = getattr(error, "violations", ())
        return [{"level": "error", "message": text, "line": line} for line, text in refused]
    filename, line, column, end_line, end_column, message = (
        SyntaxError.__dict__[name].__get__(error)
        for name in ("filename", "lineno", "offset", "end_lineno", "end_offset", "msg")
    )
    if filename not in sources or type(line) is not int or line < 1 or type(message) is not str:
        return []
    lines = sources[filename].split("\n")
    column = _column(lines, line, column)
    end_column = _column(lines, end_line, end_column) if column else 0
    found = {"level": "error", "message": clip(message, _MESSAGE_CHARS), "line": line, "column": column}
    return [found | {"end_line": end_line, "end_column": end_column} if end_column else found]


def _column(lines: list[str], line: object, column: object) -> int:
    """Return a column, 0 if it is not known.

    The parser counts characters and the compiler after it bytes; so it is not known behind other than ASCII.
    """
    if type(line) is not int or type(column) is not int or not 0 < line <= len(lines):
        return 0
    return column if 0 < column <= len(lines[line - 1]) + 1 and lines[line - 1][: column - 1].isascii() else 0


def _message(error: BaseException) -> str:
    """Return `str(error)`, or a note in its place if that raises."""
    try:
        if type(error) in _SYNTAX_ERRORS and isinstance(error, SyntaxError) and error.lineno:
            # Its own text repeats the file name, which is always ours.
            text = f"{error.msg} (line {error.lineno})"
        else:
            text = str(error)
        text = str.__getitem__(text, slice(None))  # a plain str, whatever class __str__ gave it
    except BaseException as raised:  # noqa: BLE001 -- guest code; whatever it raises, the failure must be told
        text = f"<its __str__ raised {_type_name(raised)}>"
    return clip(text, _MESSAGE_CHARS)


def _read(error: BaseException, name: str) -> Any:  # noqa: ANN401 -- what the attribute holds
    """Read an exception's own attribute, past whatever the guest's class defines under that name."""
    return BaseException.__dict__[name].__get__(error)


_SYNTAX_ERRORS = (SyntaxError, IndentationError, TabError)


def _type_name(error: BaseException) -> str:
    name = type.__dict__["__qualname__"].__get__(type(error))  # not through the guest's metaclass
    return clip(name, 200)


def clip(text: str, size: int) -> str:
    """Return text that UTF-8 can encode, at most `size` characters of it."""
    if len(text) > size:
        text = text[: size - 20] + f"... ({len(text)} characters)"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
