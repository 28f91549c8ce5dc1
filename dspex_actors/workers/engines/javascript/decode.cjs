// Values from the host become JavaScript values of the guest's realm.
//
//   int            number, beyond 2**53 BigInt           bytes, bytearray   Uint8Array
//   float          number                                list, tuple, range Array
//   str, UUID      string                                set, frozenset     Set
//   None           null                                  dict               object if all keys are text, else Map
//   datetime, date Date (naive ones are read as UTC)     ndarray            typed array; with more than one
//                                                        dimension it has a property `shape`
'use strict';

const wire = require('./wire.cjs');

const DTYPES = {
  '|i1': 'Int8Array', '|u1': 'Uint8ClampedArray', '<i2': 'Int16Array', '<u2': 'Uint16Array', '<i4': 'Int32Array',
  '<u4': 'Uint32Array', '<i8': 'BigInt64Array', '<u8': 'BigUint64Array', '<f4': 'Float32Array', '<f8': 'Float64Array',
  '<f2': 'Float16Array',
};

/** Return what makes a value of the guest's realm, whose constructors are `realm`, out of its parts. */
function decoder(realm) {
  let bytes, at, buffers, nextBuffer;

  /** Return the value that `parts` are of, which refusals call `name`. */
  function decode(parts, name) {
    bytes = parts[0];
    buffers = parts.slice(1);
    nextBuffer = 0;
    at = 2; // the pair, and its head
    try {
      return value();
    } catch (error) {
      throw within(error, name);
    }
  }

  function refuse(what) {
    throw new wire.Refusal('', what, 'JavaScript has nothing that it could be');
  }

  function within(error, path) {
    return error instanceof wire.Refusal ? error.within(path) : error;
  }

  function text(size) {
    const found = bytes.utf8Slice(at, at + size);
    at += size;
    return found;
  }

  function items(count) {
    const found = new realm.Array(count);
    let index = 0;
    try {
      for (; index < count; index++) found[index] = value();
    } catch (error) {
      throw within(error, `[${index}]`);
    }
    return found;
  }

  function valueAt(key) {
    try {
      return value();
    } catch (error) {
      throw within(error, `[${JSON.stringify(key)}]`);
    }
  }

  function object(count) {
    const found = new realm.Object();
    for (let index = 0; index < count; index++) {
      const key = value();
      const item = valueAt(key);
      if (key === '__proto__') {
        Object.defineProperty(found, key, { value: item, writable: true, enumerable: true, configurable: true });
      } else {
        found[key] = item;
      }
    }
    return found;
  }

  function whole(number) {
    return number >= -9007199254740991n && number <= 9007199254740991n ? Number(number) : number;
  }

  function moved(size, found) {
    at += size;
    return found;
  }

  function value() {
    const first = bytes[at++];
    if (first < 0x80) return first;
    if (first < 0x90) return object(first & 0x0f);
    if (first < 0xa0) return items(first & 0x0f);
    if (first < 0xc0) return text(first & 0x1f);
    if (first >= 0xe0) return first - 256;
    switch (first) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return block(moved(1, bytes[at]));
      case 0xc5: return block(moved(2, bytes.readUInt16BE(at)));
      case 0xc6: return block(moved(4, bytes.readUInt32BE(at)));
      case 0xc7: return extension(moved(1, bytes[at]));
      case 0xc8: return extension(moved(2, bytes.readUInt16BE(at)));
      case 0xc9: return extension(moved(4, bytes.readUInt32BE(at)));
      case 0xca: return moved(4, bytes.readFloatBE(at));
      case 0xcb: return moved(8, bytes.readDoubleBE(at));
      case 0xcc: return moved(1, bytes[at]);
      case 0xcd: return moved(2, bytes.readUInt16BE(at));
      case 0xce: return moved(4, bytes.readUInt32BE(at));
      case 0xcf: return whole(moved(8, bytes.readBigUInt64BE(at)));
      case 0xd0: return moved(1, bytes.readInt8(at));
      case 0xd1: return moved(2, bytes.readInt16BE(at));
      case 0xd2: return moved(4, bytes.readInt32BE(at));
      case 0xd3: return whole(moved(8, bytes.readBigInt64BE(at)));
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return extension(1 << (first - 0xd4));
      case 0xd9: return text(moved(1, bytes[at]));
      case 0xda: return text(moved(2, bytes.readUInt16BE(at)));
      case 0xdb: return text(moved(4, bytes.readUInt32BE(at)));
      case 0xdc: return items(moved(2, bytes.readUInt16BE(at)));
      case 0xdd: return items(moved(4, bytes.readUInt32BE(at)));
      case 0xde: return object(moved(2, bytes.readUInt16BE(at)));
      case 0xdf: return object(moved(4, bytes.readUInt32BE(at)));
      default: return refuse(`a byte ${first}`);
    }
  }

  function block(size) {
    return copy(bytes.subarray(at, moved(size, at + size)));
  }

  function copy(content) {
    const found = new realm.Uint8Array(content.length);
    found.set(content);
    return found;
  }

  function extension(size) {
    const code = bytes[at++];
    const end = at + size;
    const found = extended(code, end);
    at = end;
    return found;
  }

  /** Return the content of an extension, which may be beside the structure. */
  function content(code, end) {
    return code & wire.BESIDE ? buffers[nextBuffer++] : bytes.subarray(at, end);
  }

  function extended(code, end) {
    switch (code & ~wire.BESIDE) {
      case wire.TUPLE: return value();
      case wire.SET: case wire.FROZENSET: return new realm.Set(value());
      case wire.DICT: return map(flat());
      case wire.RANGE: return range(value());
      case wire.INT: return bigint(bytes.subarray(at, end));
      case wire.DATETIME: return datetime(end);
      case wire.DATE: return date(0);
      case wire.UUID: return uuid(bytes.hexSlice(at, end));
      case wire.NUMPY_SCALAR: return scalar(end);
      case wire.BYTES: case wire.BYTEARRAY: return copy(content(code, end));
      case wire.ASCII: case wire.TEXT: { const found = content(code, end); return found.utf8Slice(0, found.length); }
      case wire.FLOATS: return floats(content(code, end));
      case wire.INTS: return ints(content(code, end));
      case wire.NDARRAY: return array(code, end);
      default: return refuse((wire.NAMES[code & ~wire.BESIDE] ?? `extension ${code}`).toLowerCase());
    }
  }

  /** Return keys and values of a dict in turn; where one is refused its place in here says nothing. */
  function flat() {
    try {
      return value();
    } catch (error) {
      if (error instanceof wire.Refusal) error.path = error.path.replace(/^\[\d+\]/, '[...]');
      throw error;
    }
  }

  function map(flat) {
    const found = new realm.Map();
    for (let index = 0; index < flat.length; index += 2) found.set(flat[index], flat[index + 1]);
    return found;
  }

  function range([start, stop, step]) {
    const found = new realm.Array();
    for (let each = start; step > 0 ? each < stop : each > stop; each += step) found.push(each);
    return found;
  }

  function bigint(content) {
    let found = 0n;
    for (let index = content.length - 1; index >= 0; index--) found = (found << 8n) | BigInt(content[index]);
    return whole(BigInt.asIntN(content.length * 8, found));
  }

  function date(milliseconds) {
    const found = new realm.Date(0);
    found.setUTCFullYear(bytes.readUInt16LE(at), bytes[at + 2] - 1, bytes[at + 3]);
    found.setTime(found.getTime() + milliseconds);
    return found;
  }

  function datetime(end) {
    const [hour, minute, second] = bytes.subarray(at + 4, at + 7);
    const micro = bytes.readUInt32LE(at + 7);
    const offset = end > at + 12 ? Number(bytes.readBigInt64LE(at + 12)) : 0;
    const clock = ((hour * 60 + minute) * 60 + second) * 1000 + Math.floor(micro / 1000);
    return date(clock - offset / 1000);
  }

  function uuid(hex) {
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }

  function scalar(end) {
    const code = bytes.latin1Slice(at + 1, at + 1 + bytes[at]);
    const data = bytes.subarray(at + 1 + bytes[at], end);
    if (code === 'U') return data.utf8Slice(0, data.length);
    if (code === '|b1') return data[0] !== 0;
    const found = typed(code, data)[0];
    return typeof found === 'bigint' ? whole(found) : found;
  }

  function floats(content) {
    const width = content[0] === 0xdc ? 2 : 4;
    const count = (content.length - 1 - width) / 9;
    const found = new realm.Array(count);
    for (let index = 0; index < count; index++) found[index] = content.readDoubleBE(2 + width + 9 * index);
    return found;
  }

  function ints(content) {
    const count = content.length / 8;
    const found = new realm.Array(count);
    for (let index = 0; index < count; index++) {
      const high = content.readInt32LE(8 * index + 4);
      found[index] = high >= -0x200000 && high < 0x200000
        ? whole2(high, content.readUInt32LE(8 * index))
        : whole(content.readBigInt64LE(8 * index));
    }
    return found;
  }

  function whole2(high, low) {
    const found = high * 0x100000000 + low;
    return Number.isSafeInteger(found) ? found : BigInt(high) * 0x100000000n + BigInt(low);
  }

  function typed(code, data) {
    const kind = realm[DTYPES[code]];
    if (kind === undefined) refuse(`ndarray of dtype ${code}`);
    const memory = new realm.ArrayBuffer(data.length);
    new Uint8Array(memory).set(data);
    return new kind(memory);
  }

  function array(extensionCode, end) {
    const code = bytes.latin1Slice(at + 1, at + 1 + bytes[at]);
    let position = at + 1 + bytes[at];
    const [dimensions, fortran] = bytes.subarray(position, position + 2);
    position += 2;
    const shape = new realm.Array();
    for (let index = 0; index < dimensions; index++) shape.push(Number(bytes.readBigUInt64LE(position + 8 * index)));
    if (fortran) refuse('ndarray in Fortran order');
    at = position + 8 * dimensions;
    const found = code === '|b1'
      ? realm.Array.from(content(extensionCode, end), (each) => each !== 0)
      : typed(code, content(extensionCode, end));
    if (dimensions !== 1) Object.defineProperty(found, 'shape', { value: shape, enumerable: false });
    return found;
  }

  return decode;
}

module.exports = { DTYPES, decoder };
