"""Names of the events that this package emits: `<noun>.<past participle>`, fixed; what varies is metadata."""

from __future__ import annotations

EXECUTION_FINISHED = "execution.finished"
"""An execution ended. Measurements: `duration_s`, `queued_s`, `tool_calls`. Metadata: `execution` (its
number), `language`, `tag`, `outcome` (completed, failed, limit_exceeded, worker_died, lost), `worker`,
`result`. In a session also `session`, its number, and `execution` counts its calls."""

SANDBOX_STARTED = "sandbox.started"
"""A zygote is up. Metadata: `profile`, `layers` (name to whether it is active)."""

SESSION_STARTED = "session.started"
"""A session has a worker and takes calls. Metadata: `session` (its number), `profile`."""

SESSION_ROLLED_BACK = "session.rolled_back"
"""A session went back to a checkpoint, or to nothing. Measurements: `undone` (calls that had been answered).
Metadata: `session`, `fate` (rolled_back, lost), `reason`."""

SESSION_CLOSED = "session.closed"
"""A session has ended. Metadata: `session`, `reason`."""

TOOL_CALLED = "tool.called"
"""A guest's call of a tool ended. Measurements: `duration_s`. Metadata: `execution` (its number), `tag`,
`tool`, `outcome`: returned, raised, or late if its execution was over by then."""

EVENTS = (
    EXECUTION_FINISHED,
    SANDBOX_STARTED,
    SESSION_STARTED,
    SESSION_ROLLED_BACK,
    SESSION_CLOSED,
    TOOL_CALLED,
)
