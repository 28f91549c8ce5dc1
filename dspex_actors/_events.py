"""Names of the events that this package emits: `<noun>.<past participle>`, fixed; what varies is metadata."""

from __future__ import annotations

EXECUTION_FINISHED = "execution.finished"
"""An execution ended. Measurements: `duration_s`, `queued_s`, `tool_calls`. Metadata: `execution` (its
number), `language`, `tag`, `outcome` (completed, failed, limit_exceeded, worker_died, lost), `worker`,
`result`."""

SANDBOX_STARTED = "sandbox.started"
"""A zygote is up. Metadata: `profile`, `layers` (name to whether it is active)."""

TOOL_CALLED = "tool.called"
"""A guest's call of a tool ended. Measurements: `duration_s`. Metadata: `execution` (its number), `tag`,
`tool`, `outcome`: returned, raised, or late if its execution was over by then."""

EVENTS = (EXECUTION_FINISHED, SANDBOX_STARTED, TOOL_CALLED)
