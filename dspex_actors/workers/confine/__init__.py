"""Confinement: how a worker gives up its rights, and how that is proved.

Runs inside the zygote and its workers. Standard library only.
"""
