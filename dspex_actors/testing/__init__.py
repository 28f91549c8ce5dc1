"""What helps to test programs that use this library, and to prove what is plugged into it.

`store_conformance` is the contract suite of the state store's backends.
"""
