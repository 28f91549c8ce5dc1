"""The names of the formats."""

from __future__ import annotations

from enum import Enum


class Format(Enum):
    """How a value becomes bytes. All but `PICKLE` read data and never run code."""

    MSGPACK = "msgpack"  # the default: fastest and smallest
    JSON = "json"  # for people to read
    ETF = "etf"  # for Erlang and Elixir
    PROTOBUF = "protobuf"  # for every language that has a schema compiler
    PICKLE = "pickle"  # any Python object; see `Serializer` for what it needs
