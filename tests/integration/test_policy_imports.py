"""What a policy of the profile `strict` allows and forbids, by module and by name, tried by guests."""

from __future__ import annotations

import pytest

from dspex_actors import Completed, Failed, Policy
from tests.integration._tools import BareZygote

POLICY = Policy(
    profile="strict",
    allow_imports=("bisect", "os.path:join", "string:ascii_*"),
    forbid_imports=("json", "math:factorial", "random:*int*", "builtins:pow", "builtins:ValueError"),
)
ALLOWED = {
    "a module that the profile has not": ("import bisect\nbisect.bisect([1, 2], 2)", 2),
    "one name of a module": ("from os.path import join\njoin('a', 'b')", "a/b"),
    "the same through the module": ("import os.path\nos.path.join('a', 'b')", "a/b"),
    "another name of a module with a forbidden one": ("import math\nmath.sqrt(4)", 2.0),
    "another name than a pattern forbids": ("import random\n0 <= random.random() < 1", True),
    "another built-in": ("max(2, 3)", 3),
    "an exception, which a handler has to name": ("try:\n  int('x')\nexcept ValueError:\n  result = 5", 5),
}
FORBIDDEN = {
    "a module": ("import json", "ImportError", "forbidden by the rule 'json'"),
    "a name of a forbidden module": ("from json import dumps", "ImportError", "rule 'json'"),
    "a submodule of a forbidden one": ("import json.decoder", "ImportError", "rule 'json'"),
    "one name of a module": ("from math import factorial", "ImportError", "rule 'math:factorial'"),
    "the same through the module": ("import math\nmath.factorial(3)", "AttributeError", "factorial"),
    "the same by getattr": ("import math\ngetattr(math, 'factorial')(3)", "AttributeError", "factorial"),
    "a name that a pattern forbids": ("from random import randint", "ImportError", "rule 'random:*int*'"),
    "another name than the one that is allowed": ("from os.path import exists", "ImportError", "exists"),
    "the same through its module": ("import os.path as p\np.exists('/')", "AttributeError", "exists"),
    "the module above an allowed one": ("import os\nos.getpid()", "ImportError", "os"),
    "a built-in function": ("pow(2, 3)", "PermissionError", "rule 'builtins:pow'"),
    "the same by another name": ("f = pow\nf(2, 3)", "PermissionError", "rule 'builtins:pow'"),
    "the same from its module": ("from builtins import pow", "ImportError", "builtins"),
    "a module that nobody allows": ("import subprocess", "ImportError", "subprocess"),
}


@pytest.fixture(scope="module")
def strict(clean_module):  # noqa: ARG001 -- set up before
    with BareZygote(POLICY) as zygote:
        yield zygote


@pytest.mark.parametrize(("code", "value"), ALLOWED.values(), ids=ALLOWED)
def test_what_the_policy_allows_works(strict, code, value):
    result = strict.run(code)

    assert isinstance(result, Completed), result
    assert result.value == value


@pytest.mark.parametrize(("code", "error", "words"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_the_policy_forbids_fails_and_names_the_rule_or_the_name(strict, code, error, words):
    result = strict.run(code)

    assert isinstance(result, Failed), result
    assert result.error.type == error
    assert words in result.error.message


def test_without_rules_the_profile_s_own_list_holds():
    with BareZygote(Policy(profile="strict")) as zygote:
        results = [
            zygote.run(code) for code in ("import json\njson.dumps(1)", "pow(2, 3)", "import bisect.x")
        ]

    assert [getattr(result, "value", None) for result in results] == ["1", 8, None]
