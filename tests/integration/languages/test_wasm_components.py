"""Components: functions with values of the component model, checked against their types; tools."""

from __future__ import annotations

import pytest

from dspex_actors import Completed, Failed, LimitExceeded, Limits

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

# Each function that is lifted gives back the memory that it got, as what its type says.
CODE = """(component
 (import "scale-it" (func $scale (param "x" u8) (result u8)))
 (core module $core
  (import "host" "scale" (func $scale (param i32) (result i32)))
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 1024))
  (func (export "realloc") (param i32 i32 i32 i32) (result i32)
   (global.get $free)
   (global.set $free (i32.add (global.get $free)
    (i32.and (i32.add (local.get 3) (i32.const 15)) (i32.const -8)))))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "scale") (param i32) (result i32) (call $scale (local.get 0)))
  (func (export "pair") (param i32 i32) (result i32)
   (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))
  (func (export "check") (param i32) (result i32)
   (i32.store8 (i32.const 32) (local.get 0)) (i32.store8 (i32.const 33) (i32.const 7)) (i32.const 32))
  (func (export "spin") (loop $on (br $on)))
  (func (export "trap") unreachable))
 (core func $lowered (canon lower (func $scale)))
 (core instance $host (export "scale" (func $lowered)))
 (core instance $it (instantiate $core (with "host" (instance $host))))
 (alias core export $it "memory" (core memory $memory))
 (alias core export $it "realloc" (core func $realloc))
 (type $colour' (enum "red" "green"))
 (export $colour "colour" (type $colour'))
 (type $point' (record (field "x-axis" s32) (field "y-axis" u32)))
 (export $point "point" (type $point'))
 (func (export "add") (param "a" u32) (param "b" s8) (result u32) (canon lift (core func $it "add")))
 (func (export "scale") (param "x" u8) (result u8) (canon lift (core func $it "scale")))
 (func (export "say-it") (param "text" string) (result string)
  (canon lift (core func $it "pair") (memory $memory) (realloc $realloc)))
 (func (export "list") (param "items" (list s64)) (result (list s64))
  (canon lift (core func $it "pair") (memory $memory) (realloc $realloc)))
 (func (export "bytes") (param "items" (list u8)) (result (list u8))
  (canon lift (core func $it "pair") (memory $memory) (realloc $realloc)))
 (func (export "move") (param "to" $point) (result $point)
  (canon lift (core func $it "pair") (memory $memory) (realloc $realloc)))
 (func (export "maybe") (param "it" (option u32)) (result (option u32))
  (canon lift (core func $it "pair") (memory $memory) (realloc $realloc)))
 (func (export "both") (param "it" (tuple s32 char)) (result (tuple s32 char))
  (canon lift (core func $it "pair") (memory $memory) (realloc $realloc)))
 (func (export "try") (param "fail" bool) (result (result u8 (error u8)))
  (canon lift (core func $it "check") (memory $memory) (realloc $realloc)))
 (func (export "spin") (canon lift (core func $it "spin")))
 (func (export "trap") (canon lift (core func $it "trap"))))"""


@pytest.fixture
def run(runtime):
    """Call a function of the component."""

    def run(export, *args, **options):
        options = {"tools": {"scale_it": lambda x: 2 * x}, **options}
        return runtime.execute(CODE, language="wasm", export=export, args=args, **options)

    return run


@pytest.mark.parametrize(
    ("export", "args", "value"),
    [
        ("add", (40, 2), 42),
        ("add", (2**32 - 1, 0), 2**32 - 1),
        ("say_it", ("wörld 𝄞",), "wörld 𝄞"),
        ("say-it", ("",), ""),
        ("list", ([1, -(2**63)],), [1, -(2**63)]),
        ("bytes", (b"ab",), b"ab"),
        ("bytes", ([97, 98],), b"ab"),
        ("move", ({"x_axis": -1, "y_axis": 2},), {"x_axis": -1, "y_axis": 2}),
        ("maybe", (None,), None),
        ("maybe", (7,), 7),
        ("both", ((-1, "ü"),), (-1, "ü")),
        ("try", (False,), 7),
        ("scale", (21,), 42),
    ],
)
def test_a_value_of_the_component_model_crosses_both_ways(run, export, args, value):
    result = run(export, *args)

    assert isinstance(result, Completed), result
    assert result.value == value
    assert type(result.value) is type(value)


@pytest.mark.parametrize(
    ("export", "args", "said"),
    [
        ("add", (1,), "add takes 2 arguments (a, b), got 1"),
        ("add", (2**32, 0), "a must be a whole number from 0 to 4294967295 (u32)"),
        ("add", (-1, 0), "a must be"),
        ("add", (0, 128), "b must be a whole number from -128 to 127 (s8), not 128"),
        ("add", (1.0, 0), "not 1.0"),
        ("say-it", (1,), "text must be a string, not 1"),
        ("list", ([1, "x"],), "item 1 of items must be"),
        ("list", ("ab",), "items must be a list"),
        ("bytes", ([256],), "item 0 of items"),
        ("move", ({"x_axis": 1},), "to must be a dict with x_axis, y_axis"),
        ("move", ({"x_axis": 1, "y_axis": -1},), "y_axis of to"),
        ("maybe", ("x",), "it must be"),
        ("both", ((1,),), "a tuple of 2"),
        ("both", ((1, "ab"),), "item 1 of it must be a char"),
        ("try", (1,), "fail must be a bool, not 1"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_refused_with_what_would(run, export, args, said):
    result = run(export, *args)

    assert isinstance(result, Failed), result
    assert result.error.type == "ArgumentError"
    assert said in result.error.message


def test_variables_are_the_parameters_by_their_names(run):
    assert run("add", variables={"b": 2, "other": "x", "a": 40}).value == 42
    assert run("add", variables={"a": 40}).error.type == "ArgumentError"


def test_an_error_that_a_function_returns_is_a_failure(run):
    result = run("try", True)

    assert isinstance(result, Failed), result
    assert (result.error.type, result.error.message) == ("Err", "7")


def test_a_component_traps_and_is_stopped_as_a_module_is(run):
    assert run("trap").error.type == "Trap"
    assert "unreachable" in run("trap").error.message
    assert run("spin", limits=Limits(fuel=10_000)).limit == "fuel"
    assert isinstance(run("spin", limits=Limits(time_s=0.2)), LimitExceeded)


def test_what_a_component_imports_and_has_not_is_named(run):
    assert "scale-it" in run("add", 1, 2, tools={}).error.message
    assert "exports no function 'absent'; it has add, scale" in run("absent").error.message
    assert run("scale", 21, tools={"scale_it": lambda _: 256}).error.type == "ToolError"
