"""What Elixir does beside the contract of languages: values, output, failures with lines, tools, sessions."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dspex_actors import MIB, Completed, Failed, LimitExceeded, Limits, Policy, WorkerDied
from tests._engines import need_engine

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

SMALL = Limits(time_s=60.0, memory_bytes=48 * MIB)


@pytest.fixture(scope="module", autouse=True)
def _engine():
    need_engine("elixir")


@pytest.fixture(scope="module")
def session(runtime):
    """One session: its driver runs each program in turn."""
    with runtime.session(language="elixir") as session:
        yield session


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("", None),
        ("# a comment", None),
        ("x = 1; y = x + 1", 2),
        ("[:a, {:ok, 1}, %{a: 1}, [b: 2]]", ["a", ("ok", 1), {"a": 1}, [("b", 2)]]),
        ("{String, ~c'a', <<255>>, 2 ** 70}", ("String", [97], b"\xff", 2**70)),
        ("[~D[2024-01-02], ~T[01:02:03.5]]", [date(2024, 1, 2), time(1, 2, 3, 500000)]),
        ("~U[2024-01-02 03:04:05Z]", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("{1..3, 3..1//-1, MapSet.new([1, 2])}", (range(1, 4), range(3, 0, -1), {1, 2})),
        ("defmodule Named, do: def f, do: 1", "Named"),
        ("defmodule Point, do: defstruct [:x, y: 1]\nstruct!(Point, x: 3)",
         {"__struct__": "Point", "x": 3, "y": 1}),
        ("defmodule Twice, do: def f, do: 1\ndefmodule Twice, do: def f, do: 2\nTwice.f()", 2),
        ('"ab" |> String.upcase() |> then(&"#{&1}!")', "AB!"),
        ("for x <- 1..3, rem(x, 2) == 1, into: %{}, do: {x, x * x}", {1: 1, 3: 9}),
        ("1..3 |> Task.async_stream(& &1 * &1) |> Enum.map(&elem(&1, 1))", [1, 4, 9]),
        ('Regex.scan(~r/a(b)/, "abab", capture: :all_but_first)', [["b"], ["b"]]),
        ('IO.gets("your name? ")', "eof"),
        ('File.write!("note.txt", "x")\nFile.ls!()', ["note.txt"]),
    ],
)  # fmt: skip
def test_a_program_gives_the_value_that_python_has_for_its_last_expression(session, code, value):
    result = session.execute(code)

    assert isinstance(result, Completed), result
    assert (result.value, type(result.value)) == (value, type(value))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({1, 2}, "x == MapSet.new([1, 2])"),
        (range(0, 7, 3), "x == 0..6//3"),
        (datetime(2024, 1, 2, 3, 4, 5, 6, UTC), "x == ~U[2024-01-02 03:04:05.000006Z]"),
        (datetime(2024, 1, 2), "x == ~N[2024-01-02 00:00:00]"),  # noqa: DTZ001 -- naive on purpose
        ([date(2024, 1, 2), {"a": time(1)}], 'x == [~D[2024-01-02], %{"a" => ~T[01:00:00]}]'),
        ((None, True, {"a": (1,)}), 'x == {nil, true, %{"a" => {1}}}'),
        (b"\0\xff", "x == <<0, 255>>"),
    ],
)
def test_a_python_value_arrives_as_the_one_that_elixir_has(session, value, code):
    assert session.execute(code, variables={"x": value}).value is True


_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary(max_size=50).filter(lambda data: b"\xff" in data)
)
_VALUES = st.recursive(
    _LEAVES | st.sets(st.integers(), max_size=4),
    lambda inner: (
        st.lists(inner, max_size=50) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=5)
    ),
    max_leaves=40,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_VALUES)
def test_any_plain_value_crosses_twice_and_is_what_it_was(session, value):
    assert session.execute("x", variables={"x": value}).value == value


def test_an_error_of_the_compilers_that_only_says_there_were_some_gets_what_they_are(session):
    code = """
    found = [
      %{severity: :warning, file: "<guest>", position: 1, message: "unused"},
      %{severity: :error, file: "<guest>", position: {2, 5}, message: "undefined variable y"}
    ]
    error = %CompileError{file: "<guest>", line: 1, description: "cannot compile (errors have been logged)"}
    for each <- [found, []], do: Exception.message(DspexActors.Diagnosis.detailed(error, each))
    """
    with_details, without = session.execute(code).value

    assert with_details.strip() == "<guest>:2: undefined variable y"
    assert without == "<guest>:1: cannot compile (errors have been logged)"


@pytest.mark.parametrize(
    ("code", "variables", "error", "said"),
    [
        ("[1, self()]", {}, "ValueEncodeError", "value[1] (pid) cannot cross"),
        ("%{a: fn -> 1 end}", {}, "ValueEncodeError", "value['a'] (function) cannot cross"),
        ("[1 | 2]", {}, "ValueEncodeError", "its tail is no list"),
        ("<<1::3>>", {}, "ValueEncodeError", "(bitstring)"),
        ("x", {"x": float("inf")}, "ValueEncodeError", "Elixir has nothing for inf"),
        ("1", {"X": 1}, "NameError", "the variable X is no name in Elixir"),
        ("1", {"end": 1}, "NameError", "the variable end is no name in Elixir"),
    ],
)
def test_what_cannot_cross_or_cannot_be_named_is_a_failure_that_says_so(
    session, code, variables, error, said
):
    result = session.execute(code, variables=variables)

    assert isinstance(result, Failed), result
    assert result.error.type == error
    assert said in result.error.message


@pytest.mark.parametrize(
    ("code", "kind", "message", "lines"),
    [
        ("1\n\n1 / 0", "ArithmeticError", "bad argument in arithmetic expression", ["3: (file)"]),
        ('defmodule A do\n def f(x) do\n  raise x\n end\nend\nA.f("a")', "RuntimeError", "a",
         ["3: A.f/1", "6: (file)"]),
        ("x = [1]\n\nx |> Enum.map(fn y -> y + :a end)", "ArithmeticError", "bad argument", ["3: (file)"]),
        ("case 1 do\n 2 -> 3\nend", "CaseClauseError", "no case clause matching: 1", ["1: (file)"]),
        ("throw({:a, 1})", "throw", "{:a, 1}", ["1: (file)"]),
        ("exit(:bye)", "exit", ":bye", ["1: (file)"]),
        ("1\nfoo(2)", "CompileError", "2: undefined function foo/1", []),
        ("1\nimport Nothing", "CompileError", "2: module Nothing is not loaded", []),
        ("f = fn ->\n 1\n", "TokenMissingError", "missing terminator: end", []),
        ("1 +* 2", "SyntaxError", "syntax error before: '*'", []),
        ('raise "é" <> <<255>>', "RuntimeError", "<<195, 169, 255>>", ["1: (file)"]),
        ("Process.exit(self(), :kill)", "exit", "the process that runs the code was ended: killed", []),
        ("spawn_link(fn -> exit(:oops) end)\nProcess.sleep(:infinity)", "exit", "was ended: :oops", []),
    ],
)  # fmt: skip
def test_a_failure_has_kind_text_and_the_lines_of_the_guest_alone(session, code, kind, message, lines):
    result = session.execute(code)

    assert isinstance(result, Failed), result
    assert result.error.type == kind
    assert message in result.error.message
    shown = [line.strip() for line in result.error.traceback.splitlines() if line.startswith("    <guest")]
    assert list(dict.fromkeys(line.split(":", 1)[1] for line in shown)) == lines
    assert "dspex" not in result.error.traceback.lower()


def test_a_warning_of_the_compilers_is_on_stderr_with_its_line_and_a_diagnostic(session):
    result = session.execute("x = 1\ndefmodule W do\n def f(x) do\n  1\n end\nend\n2")

    assert result.value == 2
    assert result.stderr.startswith('warning: variable "x" is unused')
    assert "guest-" in result.stderr
    (warning,) = result.diagnostics
    assert (warning.level, warning.line) == ("warning", 3)
    assert warning.message.startswith('variable "x" is unused (')


@pytest.mark.parametrize(
    ("code", "places"),
    [
        ("defmodule W1 do\n def f, do: Missing.g(1)\n def h, do: Missing.g(2)\nend",
         [("warning", 2), ("warning", 3)]),
        ('IO.warn("two\nlines", __ENV__)', [("warning", 2)]),
        ('IO.warn("of no place", [])\nIO.puts(:stderr, "warning: of mine\n  elsewhere:1\n")', []),
        ("_ = 1\nmissing_function(2)", [("error", 2)]),
        ("x = [1,\n", [("error", None)]),
        ('Code.eval_string("x +")', []),
        ('Code.eval_string("missing_function(1)")', []),
        ('try do\n Code.eval_string("x +")\nrescue\n _ -> 1\nend', []),
        ('raise SyntaxError, file: "other", line: 3, description: "mine"', []),
    ],
)  # fmt: skip
def test_a_diagnostic_is_of_a_place_in_the_guests_own_code(session, code, places):
    found = session.execute(code).diagnostics

    assert sorted(each.level for each in found) == [level for level, _ in places]
    for each, (_, line) in zip(sorted(found, key=lambda each: each.line), places, strict=True):
        assert line is None or each.line == line


def test_a_flood_of_warnings_is_told_up_to_a_number_and_is_all_on_stderr(session):
    limits = Limits(time_s=60.0, output_bytes=2**20)
    result = session.execute('for n <- 1..300, do: IO.warn("w#{n}", __ENV__)\n1', limits=limits)

    assert result.value == 1
    assert [each.message for each in result.diagnostics] == [f"w{number}" for number in range(1, 101)]
    assert result.usage.notes_dropped == 200
    assert result.stderr.count("warning: ") == 300


def test_what_newer_compilers_give_as_data_becomes_diagnostics_errors_first_if_there_are_too_many(session):
    code = """
    warning = %{severity: :warning, file: "<guest>", position: {2, 5}, span: {2, 8}, message: "unused"}
    error = %{severity: :error, file: "/scratch/<guest>", position: 7, span: nil}
    error = Map.put(error, :message, String.duplicate("é", 9000))
    odd = %{severity: :hint, file: "<guest>", position: {1, 2, 3, 4}, message: <<255>>}
    raised = %TokenMissingError{file: "<guest>", line: 3, column: 4, description: "missing"}
    for {said, raised} <- [
          {[warning, error, odd], raised},
          {List.duplicate(warning, 150) ++ [error], nil},
          {[warning], raised},
          {List.duplicate(%{error | message: String.duplicate("é", 8000)}, 100), nil},
          {[], nil}
        ],
        do: DspexActors.Diagnosis.fields(said, raised)
    """
    mixed, many, by_error, large, none = session.execute(
        code, limits=Limits(time_s=60, result_bytes=None)
    ).value

    unused, wrong, odd = mixed["diagnostics"]
    assert unused == {
        "level": "warning", "message": "unused", "line": 2, "column": 5, "end_line": 2, "end_column": 8
    }  # fmt: skip
    assert (wrong["level"], wrong["line"], wrong["column"], wrong["message"]) == ("error", 7, 0, "é" * 8000)
    assert (odd["level"], odd["line"], odd["column"], odd["message"]) == ("warning", 1, 2, "<<255>>")
    assert [each["level"] for each in many["diagnostics"]] == ["error"] + ["warning"] * 99
    assert many["dropped_notes"] == 51
    assert [(each["message"], each["line"], each["column"]) for each in by_error["diagnostics"]] == [
        ("unused", 2, 5),
        ("missing", 3, 4),
    ]
    assert len(large["diagnostics"]) + large["dropped_notes"] == 100
    assert sum(len(each["message"].encode()) for each in large["diagnostics"]) < 2**19
    assert none == {}


@pytest.mark.parametrize(
    ("code", "stdout", "stderr"),
    [
        ('IO.puts("é")\nIO.write(["a", ?b])', "é\nab", ""),
        ('IO.inspect([1, a: 2], label: "l")', "l: [1, {:a, 2}]\n", ""),
        (":io.format(~c'~p ~w~n', [:a, :b])", "a b\n", ""),
        ('IO.binwrite("é")', "é", ""),
        ('IO.puts(:stderr, "e")', "", "e\n"),
        ('IO.write(String.duplicate("é", 32_000) <> "!")', "é" * 32_000 + "!", ""),
        ('Task.await(Task.async(fn -> IO.puts("of a task") end))', "of a task\n", ""),
    ],
)  # fmt: skip
def test_output_is_there_in_full_when_the_value_is(session, code, stdout, stderr):
    result = session.execute(f"{code}\nnil")

    assert (result.value, result.stdout, result.stderr) == (None, stdout, stderr)


def add(a, b=10):
    return a + b


def refuse():
    raise PermissionError("not you")


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("add(1, 2) + (1 |> add(5))", 9),
        ("add(1, b: 2)", 3),
        ("add(1)", 11),
        ("Enum.map([1, 2], &add/1)", [11, 12]),
        ("max(1, 2) + Kernel.max(1, 2)", 102),
        ("defmodule UsesTools do\n def f, do: add(1, 1)\nend\nUsesTools.f()", 2),
        ("1..3 |> Enum.map(&Task.async(fn -> add(&1, 0) end)) |> Task.await_many()", [1, 2, 3]),
        (
            "try do\n  refuse()\nrescue\n  e in ToolError -> {e.error_type, Exception.message(e)}\nend",
            ("PermissionError", "refuse: PermissionError: not you"),
        ),
    ],
)
def test_tools_are_functions_that_the_code_finds_imported(session, code, value):
    tools = {"add": add, "refuse": refuse, "max": lambda _a, _b: 100}
    result = session.execute(code, tools=tools)

    assert isinstance(result, Completed), result
    assert (result.value, result.stderr) == (value, "")


def test_tools_belong_to_their_execution_and_what_they_hid_is_back(session):
    tools = {"max": lambda _a, _b: 100, "add": add}
    assert session.execute("defmodule Late, do: def f, do: add(1, 1)\nmax(1, 2)", tools=tools).value == 100

    assert session.execute("max(1, 2)").value == 2
    assert session.execute("add(1, 2)").error.type == "CompileError"
    late = session.execute("Late.f()")
    assert (late.error.type, late.error.message) == (
        "ToolError",
        "add: LookupError: the execution has no such tool",
    )


def test_a_session_keeps_imports_aliases_modules_and_processes(runtime):
    with runtime.session(language="elixir") as session:
        session.execute("import Integer\nalias Enum, as: E\n{:ok, agent} = Agent.start_link(fn -> 41 end)")
        assert session.execute("E.filter([1, 2], &is_odd/1)").value == [1]
        assert session.execute("Agent.get(agent, & &1) + 1").value == 42

        ended = session.execute("kept = 1\nProcess.exit(self(), :kill)")
        assert ended.error.type == "exit"
        assert session.execute("E.count([1])").value == 1
        assert session.execute("kept").error.type == "CompileError"


@pytest.mark.parametrize(
    ("end", "exit_code", "signal"),
    [("System.halt(3)", 3, None), ("System.halt(:abort)", None, 6)],
)
def test_a_guest_that_ends_its_virtual_machine_ends_its_worker_the_same_way(runtime, end, exit_code, signal):
    module, call = end.split(".")
    result = runtime.execute(f'm = String.to_atom("Elixir.{module}")\nm.{call}', language="elixir")

    assert isinstance(result, WorkerDied), result
    assert (result.exit_code, result.signal) == (exit_code, signal)


def test_a_list_that_grows_without_end_is_the_memory_limit_as_a_binary_is(runtime):
    lists = "f = fn f, kept -> f.(f, [Enum.to_list(1..1000) | kept]) end\nf.(f, [])"
    result = runtime.execute(lists, language="elixir", limits=SMALL)

    assert isinstance(result, LimitExceeded), result
    assert result.limit == "memory"


def test_files_of_the_scratch_folder_come_back_and_no_dump_of_a_crash(runtime):
    policy = Policy(profile="shell", packages=(), files=("**",))
    code = 'File.write!("a.txt", "x")\n:binary.copy(<<1>>, 1_000_000_000)'
    result = runtime.execute(code, language="elixir", policy=policy, limits=SMALL)

    assert isinstance(result, LimitExceeded), result
    assert set(result.files) <= {"a.txt"}
