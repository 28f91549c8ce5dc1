"""Elixir on the Erlang virtual machine: a driver in a child process, frames and values as external terms."""

from __future__ import annotations

from dspex_actors.workers.engines.elixir._engine import make

__all__ = ["make"]
