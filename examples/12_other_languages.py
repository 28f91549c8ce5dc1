"""Guests that write JavaScript: values, tools, a session, and what to do where there is no engine for it.

Run it: python examples/12_other_languages.py
"""

from __future__ import annotations

from dspex_actors import EngineNotFoundError, Failed, Runtime

# expect: ReferenceError: nobody is not defined

PROGRAM = """
const prices = new Map(await Promise.all(names.map(async (name) => [name, price(name)])));
console.log(`${prices.size} prices`);
[...prices.values()].reduce((sum, each) => sum + each, 0)
"""


def price(name: str) -> float:
    """Return a price; guests may call this."""
    return {"tea": 2.5, "cake": 4.25}[name]


def main() -> None:
    """Run a program, call a function of the host from it, keep names in a session."""
    with Runtime() as runtime:
        try:
            result = runtime.execute(
                PROGRAM, language="javascript", variables={"names": ["tea", "cake"]}, tools={"price": price}
            )
        except EngineNotFoundError as error:
            print(f"to run this: {error.install}")
            return
        print(result.stdout, end="")
        print("sum:", result.value)

        with runtime.session(language="javascript") as session:
            session.execute("const seen = new Set()")
            session.execute("seen.add('a').add('b')")
            print("seen:", sorted(session["seen"]))

            match session.execute("seen.has(nobody)"):
                case Failed(error=error):
                    print(f"{error.type}: {error.message}")


if __name__ == "__main__":
    main()
