// The codes of the value format, as in `values/_extensions.py`, and the errors of both directions.
'use strict';

const CODES = {
  TUPLE: 1, SET: 2, FROZENSET: 3, DICT: 4, RANGE: 5, FRACTION: 6, INT: 10, COMPLEX: 11, DECIMAL: 12, DATETIME: 13,
  DATE: 14, TIME: 15, TIMEDELTA: 16, UUID: 17, ELLIPSIS: 18, TIMEZONE: 19, NUMPY_SCALAR: 20, BYTES: 32,
  BYTEARRAY: 33, ASCII: 34, TEXT: 35, FLOATS: 36, INTS: 37, NDARRAY: 38, OPAQUE: 39,
};
const NAMES = Object.fromEntries(Object.entries(CODES).map(([name, code]) => [code, name]));

module.exports = {
  ...CODES,
  NAMES,
  FORMAT: 0x10,
  PLAIN: 0x01,
  NEEDS_NUMPY: 0x02,
  PAIR: 0x92,
  BESIDE: 0x40,
  PLAIN_DEPTH: 6,
  MOST_DEPTH: 100,
  OUT_OF_BAND: 4096,
  MOST_BUFFERS: 4096,
  PACKED_FROM: 32,

  /** A value, or a part of it, cannot cross. */
  Refusal: class Refusal extends Error {
    constructor(path, kind, reason) {
      super(`${path} (${kind}) cannot cross: ${reason}`);
      this.name = 'ValueEncodeError';
      Object.assign(this, { path, kind, reason });
    }

    /** The same one, for a value in which this one is found. */
    within(path) {
      return new Refusal(path + this.path, this.kind, this.reason);
    }
  },

  /** A value is larger than it may be. */
  TooBig: class TooBig extends Error {
    constructor(used) {
      super('too big');
      this.used = used;
    }
  },
};
