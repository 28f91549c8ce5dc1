"""The scratch folder of one worker, as the host sees it: what is copied in before, and taken over after.

The folder is a descriptor that the zygote sends with the worker; there may be no path to it. The zygote does
not lend the folder again before the worker's handle is closed.
"""

from __future__ import annotations

import os
import stat
from dataclasses import fields, replace
from typing import TYPE_CHECKING, NamedTuple

from dspex_actors._errors import WorkerLostError, WritePathError
from dspex_actors._execution import Completed, Failed, GuestFailure
from dspex_actors._files import WriteBack
from dspex_actors.workers import _tree
from dspex_actors.workers._collect import collect
from dspex_actors.workers._copying import copy_in, look
from dspex_actors.workers._protocol import ScratchQuota
from dspex_actors.workers._write_back import Staged, put_all_in_place
from dspex_actors.workers._write_plan import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dspex_actors._execution import ExecutionResult
    from dspex_actors._limits import Limits
    from dspex_actors._policy import Policy
    from dspex_actors.workers._write_plan import Manifest

_NOT_WELL = "the execution did not complete"
_UNWANTED = "nobody waits for the result any more"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class FileRules(NamedTuple):
    """What a policy says about the scratch folder.

    Attributes:
        patterns: of the files that come back.
        write_paths: name in the scratch folder to folder of the host.
        quota: what the copy of each may hold.
    """

    patterns: tuple[str, ...]
    write_paths: Mapping[str, str]
    quota: ScratchQuota

    @property
    def is_empty(self) -> bool:
        """Whether the host has nothing to do with scratch folders."""
        return not self.patterns and not self.write_paths


NO_RULES = FileRules((), {}, ScratchQuota())


def rules_of(policy: Policy) -> FileRules:
    """Return what a policy says about the scratch folder."""
    paths = {name: str(path) for name, path in policy.write_paths.items()}
    return FileRules(policy.files, paths, ScratchQuota(policy.scratch_bytes, policy.scratch_files))


class GuestFiles:
    """See the module. For one thread at a time, which also closes it.

    Args:
        scratch: descriptor of the folder, owned from now on.
        rules: what the policy says about it.
    """

    def __init__(self, scratch: int, rules: FileRules) -> None:
        self._scratch = scratch
        self._rules = rules
        self._copies: dict[str, Manifest] = {}  # those that are as the host's folders

    @property
    def has_copies(self) -> bool:
        """Whether the policy has write paths."""
        return bool(self._rules.write_paths)

    def share(self) -> GuestFiles:
        """Return the same folder for another worker that has it too; only without write paths."""
        assert not self.has_copies  # noqa: S101 -- see `Session.fork`
        return GuestFiles(os.dup(self._scratch), self._rules)

    def begin(self) -> None:
        """Let the guest's copies of the write paths be as the folders of the host are.

        Raises:
            WritePathError: that cannot be done.
        """
        for name, path in self._rules.write_paths.items():
            known = self._copies.get(name)
            if known is None or not self._is_current(known, path):
                self._copies.pop(name, None)
                self._copies[name] = self._copy(name, path)

    def _is_current(self, known: Manifest, path: str) -> bool:
        """Whether the host's folder is still what the guest was given."""
        given = {name: copied.signature for name, copied in known.files.items()}
        return look(path, self._rules.quota) == {**dict.fromkeys(known.folders | known.skipped), **given}

    def _copy(self, name: str, path: str) -> Manifest:
        """Make a copy anew.

        Raises:
            WritePathError: that cannot be done.
        """
        try:
            try:
                os.mkdir(name, 0o700, dir_fd=self._scratch)
                os.chown(name, *_owner(self._scratch), dir_fd=self._scratch, follow_symlinks=False)
            except FileExistsError:
                pass  # of an earlier call in the session
            copy = self._open_copy(name)
            try:
                _tree.remove_below(copy)
                return copy_in(path, copy, self._rules.quota)
            finally:
                os.close(copy)
        except OSError as error:
            raise WritePathError(path, f"the guest's scratch folder cannot take it: {error}") from error

    def _open_copy(self, name: str) -> int:
        return os.open(name, _FOLDER, dir_fd=self._scratch)

    def end(self, result: ExecutionResult, limits: Limits, *, wanted: Callable[[], bool]) -> ExecutionResult:
        """Take over what the guest has left; return the result with what that was.

        Args:
            result: how the execution ended.
            limits: of the execution.
            wanted: whether somebody still waits for it; asked before a folder of the host is changed.
        """
        if self._rules.write_paths:
            result = self._write_back(result, wanted)
        if self._rules.patterns:
            result = replace(result, files=collect(self._scratch, self._rules.patterns, limits))
        return result

    def _write_back(self, result: ExecutionResult, wanted: Callable[[], bool]) -> ExecutionResult:
        if not isinstance(result, Completed):
            self._copies.clear()  # what it has done to them must not be written back later
            return replace(result, write_back=WriteBack(done=False, reason=_NOT_WELL))
        staged: dict[str, Staged] = {}
        reason = ""
        try:
            for name, path in self._rules.write_paths.items():
                staged[name] = self._stage(name, path)
            reason = "" if wanted() else _UNWANTED
            if not reason:
                self._copies = put_all_in_place(staged)
        except RefusedError as error:
            reason = str(error)
        finally:
            for each in staged.values():
                each.close()
        written = tuple(name for each in staged.values() for name in each.written)
        removed = tuple(name for each in staged.values() for name in each.removed)
        outcome = WriteBack(done=not reason, written=written, removed=removed, reason=reason)
        if not reason:
            return replace(result, write_back=outcome)
        self._copies.clear()
        return _failed(result, outcome)

    def _stage(self, name: str, path: str) -> Staged:
        """Prepare what is to be written back to one folder.

        Raises:
            RefusedError: it cannot be.
        """
        try:
            copy = self._open_copy(name)
        except OSError as error:
            raise RefusedError(f"{name}: it is no folder any more ({error.strerror})") from error
        try:
            return Staged(name, path, copy, self._copies[name], self._rules.quota)
        finally:
            os.close(copy)

    def close(self) -> None:
        """Give the descriptor back; quiet the second time."""
        if self._scratch >= 0:
            os.close(self._scratch)
            self._scratch = -1


def _owner(folder: int) -> tuple[int, int]:
    facts = os.fstat(folder)
    return facts.st_uid, facts.st_gid


def _failed(result: ExecutionResult, outcome: WriteBack) -> Failed:
    """Return the result of an execution whose files cannot be written back."""
    common = {each.name: getattr(result, each.name) for each in fields(result) if each.name != "value"}
    common["write_back"] = outcome
    return Failed(error=GuestFailure("WriteBackError", outcome.reason), **common)


def take(fds: list[int], rules: FileRules) -> tuple[list[int], GuestFiles | None]:
    """Part the descriptor of a scratch folder, which comes last, from those of processes.

    Args:
        fds: as the zygote has sent them; none if there is no process.
        rules: what the policy says about the folder; without any the zygote sends none.

    Raises:
        WorkerLostError: the zygote could not open it; the descriptors are closed.
    """
    if rules.is_empty or not fds:
        return fds, None
    if not stat.S_ISDIR(os.fstat(fds[-1]).st_mode):
        for descriptor in fds:
            os.close(descriptor)
        raise WorkerLostError("its scratch folder is not there")
    return fds[:-1], GuestFiles(fds[-1], rules)
