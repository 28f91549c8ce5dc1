"""Tasks: functions that run in actors of their own, one by one or as a stream over many items."""

from __future__ import annotations

from supervisors import Supervisor, TaskExited, TaskFinished, TaskSupervisor

# expect: squares: 0 1 4 9 16 ValueError 36 49, and no task is left


def square(number: int) -> int:
    """Return the square of any number but five."""
    if number == 5:
        raise ValueError("five is right out")
    return number * number


tasks = TaskSupervisor()
with Supervisor.start([tasks.child_spec()]):
    # Without a link a failure is told to whoever awaits it, and to nobody else.
    good, bad = tasks.async_nolink(square, 7), tasks.async_nolink(square, 5)
    print("one task:", good.await_(timeout=5))
    try:
        bad.await_(timeout=5)
    except ValueError as error:
        print("another:", error, error.__notes__)

    # A stream takes items as there is room, eight tasks at a time, and keeps their order.
    line = []
    for outcome in tasks.async_stream(square, range(8), max_concurrency=8, link=False):
        match outcome:
            case TaskFinished(value):
                line.append(str(value))
            case TaskExited(reason):
                line.append(reason.error_type)

    # Leaving early kills the tasks that are still under way.
    for outcome in tasks.async_stream(square, range(1_000_000), max_concurrency=2, link=False):
        print("the first of many:", outcome)
        break

    left = [pid for pid in tasks.children() if pid.wait_exit(5) is None]
    print(f"squares: {' '.join(line)}, and {'no' if not left else len(left)} task is left")
