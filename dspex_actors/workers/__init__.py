"""The process boundary: starting worker processes, talking to them, confining them.

What a worker sends is data: it is never unpickled, evaluated or imported in the host, its size is checked
    before
memory is taken, and a frame that the protocol does not allow ends the worker.
"""
