"""Requests are checked where they are made, and results say what happened in words."""

from __future__ import annotations

import math
import pickle

import pytest

from dspex_actors import (
    Completed,
    ConfigError,
    ConsoleMessage,
    Diagnostic,
    Execute,
    ExecutionContext,
    Failed,
    GuestError,
    GuestFailure,
    LimitExceeded,
    LimitExceededError,
    Limits,
    UnknownLanguageError,
    WhenFull,
    WorkerDied,
    WorkerDiedError,
)
from dspex_actors._checks import MAX_CODE_BYTES


class TestCode:
    @pytest.mark.parametrize("code", [None, 5, ["1"], object(), 1.5, bytearray(b"1"), memoryview(b"1")])
    def test_code_that_is_neither_text_nor_bytes_is_refused(self, code):
        with pytest.raises(ConfigError) as caught:
            Execute(code)

        assert caught.value.field == "code"

    @pytest.mark.parametrize("code", ["\ud800", "x = '\udc80'", "1 + 1\udfff"])
    def test_lone_surrogates_are_refused(self, code):
        with pytest.raises(ConfigError, match="UTF-8") as caught:
            Execute(code)

        str(caught.value).encode()  # the sentence can be printed

    def test_code_of_the_largest_size_is_taken_and_one_byte_more_is_not(self):
        assert len(Execute("x" * MAX_CODE_BYTES).code) == MAX_CODE_BYTES
        with pytest.raises(ConfigError, match="8 MiB"):
            Execute("x" * (MAX_CODE_BYTES + 1))

    def test_the_size_of_code_counts_bytes_and_not_characters(self):
        half = MAX_CODE_BYTES // 2

        Execute("ü" * half)

        with pytest.raises(ConfigError, match=f"got '{2 * (half + 1)} bytes'"):
            Execute("ü" * (half + 1))

    def test_a_hundred_megabytes_are_refused_without_being_repeated_in_the_error(self):
        with pytest.raises(ConfigError) as caught:
            Execute("x" * 10**8)

        assert len(str(caught.value)) < 200

    @pytest.mark.parametrize("code", ["", " ", "\n", "\0", "def"])
    def test_code_that_does_not_compile_is_the_guests_affair(self, code):
        assert Execute(code).code == code


class TestVariables:
    @pytest.mark.parametrize("variables", [None, 5, "abc", [("a", 1)], {1, 2}, dict, object()])
    def test_variables_that_are_no_mapping_are_refused(self, variables):
        with pytest.raises(ConfigError) as caught:
            ExecutionContext(variables=variables)

        assert caught.value.field == "variables"

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "a b",
            "1a",
            "a.b",
            "a-b",
            "class",
            "None",
            "True",
            "lambda",
            "__import__",
            "__x",
            "__",
            "a\0",
            "a=1",
        ],
    )
    def test_names_that_guest_code_could_not_use_are_refused(self, name):
        with pytest.raises(ConfigError) as caught:
            Execute("1", variables={name: 1})

        assert (caught.value.field, caught.value.value) == ("variables", name)

    @pytest.mark.parametrize("name", [5, None, b"a", ("a",), 1.5, True])
    def test_names_that_are_no_text_are_refused(self, name):
        with pytest.raises(ConfigError):
            Execute("1", variables={name: 1})

    def test_a_name_that_the_compiler_would_change_is_refused(self):
        with pytest.raises(ConfigError):
            Execute("1", variables={"\ufb01": 1})  # the ligature fi, which source code reads as two letters

    @pytest.mark.parametrize(
        "name", ["a", "_", "_a", "A1", "ü", "变量", "match", "case", "type", "print", "result"]
    )
    def test_identifiers_soft_keywords_and_builtins_are_taken(self, name):
        assert Execute("1", variables={name: 1}).context.variables == {name: 1}


class TestTools:
    @pytest.mark.parametrize("tools", [None, 5, "abc", [len], {len}, len])
    def test_tools_that_are_no_mapping_are_refused(self, tools):
        with pytest.raises(ConfigError) as caught:
            ExecutionContext(tools=tools)

        assert caught.value.field == "tools"

    @pytest.mark.parametrize(
        "name", ["", "a b", "a.b", "class", "__import__", "__x", "\ufb01", 5, None, "ToolError"]
    )
    def test_names_that_guest_code_could_not_call_are_refused(self, name):
        with pytest.raises(ConfigError) as caught:
            Execute("1", tools={name: len})

        assert (caught.value.field, caught.value.value) == ("tools", name)

    @pytest.mark.parametrize("tool", [None, 5, "len", [len]])
    def test_what_cannot_be_called_is_refused_by_its_name(self, tool):
        with pytest.raises(ConfigError, match=r"tools\['f'\] must be a callable"):
            Execute("1", tools={"ok": len, "f": tool})

    def test_a_name_is_a_variable_or_a_tool(self):
        with pytest.raises(ConfigError, match="no variables"):
            Execute("1", variables={"f": 1}, tools={"f": len})

    def test_the_name_of_the_error_of_tools_is_free_only_without_tools(self):
        assert Execute("1", variables={"ToolError": 1}).context.tools == {}
        with pytest.raises(ConfigError, match="ToolError"):
            Execute("1", variables={"ToolError": 1}, tools={"f": len})

    @pytest.mark.parametrize("tool", [len, str.upper, dict, lambda: 1, math.sin])
    def test_any_callable_is_a_tool(self, tool):
        assert Execute("1", tools={"f": tool}).context.tools == {"f": tool}

    @pytest.mark.parametrize("loop", [5, "loop", True, object])
    def test_a_loop_that_is_none_is_refused(self, loop):
        with pytest.raises(ConfigError) as caught:
            Execute("1", loop=loop)

        assert caught.value.field == "loop"


class TestContext:
    @pytest.mark.parametrize("language", ["", "java script", None, 5, [], b"python"])
    def test_a_language_that_is_no_name_is_a_config_error_and_a_lookup_error(self, language):
        with pytest.raises(UnknownLanguageError) as caught:
            Execute("1", language=language)

        assert isinstance(caught.value, (ConfigError, LookupError))

    @pytest.mark.parametrize("limits", [5, {}, "fast", {"time_s": 1}, Limits])
    def test_limits_of_another_type_are_refused(self, limits):
        with pytest.raises(ConfigError) as caught:
            Execute("1", limits=limits)

        assert caught.value.field == "limits"

    def test_fuel_is_refused_for_a_language_that_does_not_count_it(self):
        with pytest.raises(ConfigError, match="fuel"):
            Execute("1", limits=Limits(fuel=100))

    @pytest.mark.parametrize("when_full", ["", "WAIT", "block", None, 1, []])
    def test_an_unknown_way_to_treat_a_full_queue_is_refused(self, when_full):
        with pytest.raises(ConfigError) as caught:
            Execute("1", when_full=when_full)

        assert caught.value.field == "when_full"

    @pytest.mark.parametrize("when_full", list(WhenFull))
    def test_the_way_to_treat_a_full_queue_may_be_a_name_or_the_enum(self, when_full):
        assert Execute("1", when_full=when_full.value).context.when_full is when_full
        assert Execute("1", when_full=when_full).context.when_full is when_full

    @pytest.mark.parametrize(
        "seconds", [0, -1, math.nan, math.inf, -math.inf, True, "5", None, 1e300, 10**400, 2**63, [], 1j]
    )
    def test_a_queue_wait_that_no_timer_could_count_is_refused(self, seconds):
        with pytest.raises(ConfigError) as caught:
            Execute("1", queue_wait_s=seconds)

        assert caught.value.field == "queue_wait_s"

    @pytest.mark.parametrize("callback", [5, "print", [], {}])
    def test_an_output_callback_that_cannot_be_called_is_refused(self, callback):
        with pytest.raises(ConfigError) as caught:
            Execute("1", on_output=callback)

        assert caught.value.field == "on_output"

    def test_an_unknown_option_is_refused_with_the_known_ones(self):
        with pytest.raises(ConfigError, match="variables"):
            Execute("1", timeout=5)

    def test_a_context_and_single_options_exclude_each_other(self):
        with pytest.raises(ConfigError, match="not both"):
            Execute("1", context=ExecutionContext(), tag=1)

    def test_single_options_are_short_for_a_context(self):
        limits = Limits(time_s=1)
        request = Execute("1", variables={"x": 1}, limits=limits, tag="t")

        assert request == Execute("1", context=ExecutionContext(variables={"x": 1}, limits=limits, tag="t"))

    def test_a_request_cannot_be_changed_after_the_check(self):
        with pytest.raises(AttributeError):
            Execute("1").code = "2"

    def test_a_request_survives_pickle(self):
        request = Execute("1", variables={"x": 1}, limits=Limits(time_s=1))

        assert pickle.loads(pickle.dumps(request)) == request  # noqa: S301 -- our own bytes


class TestResults:
    def test_a_completed_result_unwraps_to_its_value(self):
        assert Completed(value=[1]).unwrap() == [1]

    def test_a_failed_result_raises_what_the_guest_raised_as_text(self):
        with pytest.raises(GuestError, match="KeyError: 'x'") as caught:
            Failed(error=GuestFailure("KeyError", "'x'", "tb")).unwrap()

        assert (caught.value.error_type, caught.value.message, caught.value.traceback) == (
            "KeyError",
            "'x'",
            "tb",
        )

    def test_a_limit_exceeded_names_the_limit_with_its_unit(self):
        result = LimitExceeded(limit="memory", allowed=64 * 2**20)

        with pytest.raises(LimitExceededError, match="memory limit of 64 MiB"):
            result.unwrap()
        assert str(result) == "the guest exceeded its memory limit of 64 MiB"

    @pytest.mark.parametrize(
        ("result", "sentence"),
        [
            (WorkerDied(exit_code=3), "exited with code 3"),
            (WorkerDied(signal=11), "was ended by signal 11"),
        ],
    )
    def test_a_dead_worker_says_how_it_ended(self, result, sentence):
        with pytest.raises(WorkerDiedError, match=sentence):
            result.unwrap()

    @pytest.mark.parametrize(
        "result",
        [Failed(error=GuestFailure("E", "m")), LimitExceeded(limit="time", allowed=1), WorkerDied(signal=9)],
    )
    def test_results_without_a_value_have_the_value_none(self, result):
        assert result.value is None

    @pytest.mark.parametrize(
        "result",
        [
            Completed(value={"a": (1, 2)}, stdout="x", sandbox={"seccomp": True}),
            Failed(error=GuestFailure("E", "m", "t")),
            Failed(
                error=GuestFailure("E", "m", "t", (Diagnostic("error", "m", line=1),)),
                diagnostics=(Diagnostic("error", "m", line=1),),
                console=(ConsoleMessage("log", "x"),),
            ),
            LimitExceeded(limit="time", allowed=1.5, used=1.6),
            WorkerDied(exit_code=1, detail="d"),
        ],
    )
    def test_results_survive_pickle(self, result):
        assert pickle.loads(pickle.dumps(result)) == result  # noqa: S301 -- our own bytes
