// JavaScript values become values of the host, in the format of `values/_extensions.py`.
//
//   number         int if it is a safe integer, else float (-0, NaN and the infinities too)
//   bigint         int                        Array                    list
//   string         str                        Map                      dict
//   null           None                       Set                      set
//   undefined      None                       other objects            dict of their own enumerable properties
//   Date           datetime in UTC            Error                    dict of name and message
//   Uint8Array, Buffer, ArrayBuffer, DataView bytes
//   other typed arrays                        ndarray of the same dtype
//
// Everything else is refused with its path: functions, symbols, cycles, WeakMap, Promise, text that is no Unicode.
'use strict';

const { types } = require('node:util');
const wire = require('./wire.cjs');
const { DTYPES } = require('./decode.cjs');

const CODE_OF = Object.fromEntries(Object.entries(DTYPES).map(([code, name]) => [name, code]));
const TYPED = Object.getPrototypeOf(Uint8Array.prototype);
const tagOf = Object.getOwnPropertyDescriptor(TYPED, Symbol.toStringTag).get;
const mapEntries = Map.prototype.entries;
const setValues = Set.prototype.values;
const timeOf = Date.prototype.getTime;
const bufferLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength').get;
const WHOLE = [-(2n ** 63n), 2n ** 64n];

/** Return the parts of a value: its structure, and the blocks beside it. */
function encode(root, name = 'value', mostBytes = Infinity) {
  let out = Buffer.allocUnsafeSlow(1024);
  let at = 2;
  let flags = wire.PLAIN;
  let beside = 0;
  let deepest = 0;
  const buffers = [];
  const above = new Set();
  const path = [];

  function spend(size) {
    if (at + beside + size > mostBytes + 1024) throw new wire.TooBig(at + beside + size);
  }

  function room(size) {
    spend(size);
    if (at + size <= out.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * out.length, at + size));
    out.copy(larger, 0, 0, at);
    out = larger;
  }

  function byte(number) {
    room(1);
    out[at++] = number;
  }

  function where() {
    return name + path.map((step) => (typeof step === 'number' ? `[${step}]` : `[${JSON.stringify(step)}]`)).join('');
  }

  function refuse(kind, reason) {
    throw new wire.Refusal(where(), kind, reason);
  }

  function head(short, most, codes, count) {
    room(5);
    if (count <= most) out[at++] = short | count;
    else if (codes.length === 3 && count < 0x100) { out[at++] = codes[0]; out[at++] = count; }
    else if (count < 0x10000) { out[at++] = codes.at(-2); at = out.writeUInt16BE(count, at); }
    else { out[at++] = codes.at(-1); at = out.writeUInt32BE(count, at); }
  }

  /** Begin an extension whose length is not known yet; return what `close` takes. */
  function open(code) {
    flags &= ~wire.PLAIN;
    room(6);
    out[at] = 0xc9;
    out[at + 5] = code;
    at += 6;
    return at;
  }

  function close(start) {
    out.writeUInt32BE(at - start, start - 5);
  }

  function raw(block) {
    room(block.length);
    out.set(block, at);
    at += block.length;
  }

  /** Write an extension that carries a block of content, after some bytes that describe it. */
  function content(code, block, description = []) {
    const apart = block.length >= wire.OUT_OF_BAND && buffers.length < wire.MOST_BUFFERS;
    const start = open(apart ? code | wire.BESIDE : code);
    raw(description);
    if (apart) {
      spend(block.length);
      beside += block.length;
      buffers.push(block);
    } else raw(block);
    close(start);
  }

  function text(string) {
    if (!string.isWellFormed()) refuse('string', 'a lone surrogate has no UTF-8');
    if (string.length >= wire.OUT_OF_BAND) {
      const block = Buffer.from(string);
      content(block.length === string.length ? wire.ASCII : wire.TEXT, block);
    } else short(string);
  }

  function short(string) {
    const most = 3 * string.length;
    room(5 + most);
    const width = most < 32 ? 1 : most < 0x100 ? 2 : most < 0x10000 ? 3 : 5;
    const size = out.utf8Write(string, at + width, most);
    if (width === 1) out[at] = 0xa0 | size;
    else if (width === 2) { out[at] = 0xd9; out[at + 1] = size; }
    else if (width === 3) { out[at] = 0xda; out.writeUInt16BE(size, at + 1); }
    else { out[at] = 0xdb; out.writeUInt32BE(size, at + 1); }
    at += width + size;
  }

  function number(value) {
    room(9);
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      out[at++] = 0xcb;
      at = out.writeDoubleBE(value, at);
    } else if (value >= 0 && value < 0x80) out[at++] = value;
    else if (value < 0 && value >= -32) out[at++] = value + 256;
    else if (value >= -0x80000000 && value < 0x80000000) { out[at++] = 0xd2; at = out.writeInt32BE(value, at); }
    else { out[at++] = 0xd3; at = out.writeBigInt64BE(BigInt(value), at); }
  }

  function bigint(value) {
    if (value >= WHOLE[0] && value < WHOLE[1]) {
      room(9);
      out[at++] = value < 0n ? 0xd3 : 0xcf;
      at = value < 0n ? out.writeBigInt64BE(value, at) : out.writeBigUInt64BE(value, at);
      return;
    }
    const size = Math.floor((value < 0n ? -value : value).toString(16).length / 2) + 1;
    const hex = BigInt.asUintN(size * 8, value).toString(16).padStart(size * 2, '0');
    const start = open(wire.INT);
    raw(Buffer.from(hex, 'hex').reverse());
    close(start);
  }

  function value(item, depth) {
    switch (typeof item) {
      case 'string': return text(item);
      case 'number': return number(item);
      case 'boolean': return byte(item ? 0xc3 : 0xc2);
      case 'undefined': return byte(0xc0);
      case 'bigint': return bigint(item);
      case 'object': return item === null ? byte(0xc0) : object(item, depth);
      default: return refuse(typeof item, 'it is code, or an identity, and no data');
    }
  }

  function object(item, depth) {
    if (types.isArrayBufferView(item) || types.isAnyArrayBuffer(item)) return binary(item);
    if (types.isDate(item)) return date(item);
    if (types.isBoxedPrimitive(item)) return value(item.valueOf(), depth);
    if (above.has(item)) refuse(kindOf(item), 'it contains itself');
    if (depth >= wire.MOST_DEPTH) refuse(kindOf(item), `nested deeper than the ${wire.MOST_DEPTH} levels that cross`);
    deepest = Math.max(deepest, depth + 1);
    above.add(item);
    if (Array.isArray(item)) list(item, depth);
    else if (types.isMap(item)) map([...mapEntries.call(item)], depth);
    else if (types.isSet(item)) set([...setValues.call(item)], depth);
    else if (types.isNativeError(item)) pairs([['name', String(item.name)], ['message', String(item.message)]], depth);
    else if (isOpaque(item)) refuse(kindOf(item), 'it holds no data that could be copied');
    else pairs(Object.keys(item).map((key) => [key, item[key]]), depth);
    above.delete(item);
  }

  function isOpaque(item) {
    return types.isPromise(item) || types.isWeakMap(item) || types.isWeakSet(item) || types.isRegExp(item)
      || types.isGeneratorObject(item) || types.isModuleNamespaceObject(item) || types.isMapIterator(item)
      || types.isSetIterator(item) || types.isExternal(item) || types.isProxy(item);
  }

  function kindOf(item) {
    try {
      return types.isProxy(item) ? 'Proxy' : String(Object.getPrototypeOf(item)?.constructor?.name || 'Object');
    } catch {
      return 'Object';
    }
  }

  function list(items, depth) {
    const count = items.length;
    if (count > wire.PACKED_FROM && packed(items, count)) return;
    head(0x90, 15, [0xdc, 0xdd], count);
    for (let index = 0; index < count; index++) {
      path.push(index);
      value(items[index], depth + 1);
      path.pop();
    }
  }

  /** Write a long list of only whole numbers, or only others, as one block; false if it is none. */
  function packed(items, count) {
    const whole = Number.isSafeInteger(items[0]);
    for (let index = 0; index < count; index++) {
      const item = items[index];
      if (typeof item !== 'number' || Number.isSafeInteger(item) !== whole || (whole && Object.is(item, -0))) return false;
    }
    spend(count * 8);
    if (!whole) {
      const block = Buffer.allocUnsafeSlow(5 + 9 * count);
      block[0] = 0xdd;
      block.writeUInt32BE(count, 1);
      for (let index = 0; index < count; index++) {
        block[5 + 9 * index] = 0xcb;
        block.writeDoubleBE(items[index], 6 + 9 * index);
      }
      content(wire.FLOATS, block);
      return true;
    }
    const block = Buffer.allocUnsafeSlow(8 * count);
    for (let index = 0; index < count; index++) {
      block.writeUInt32LE(items[index] >>> 0, 8 * index);
      block.writeInt32LE(Math.floor(items[index] / 0x100000000), 8 * index + 4);
    }
    content(wire.INTS, block);
    return true;
  }

  function pairs(entries, depth) {
    head(0x80, 15, [0xde, 0xdf], entries.length);
    for (const [key, item] of entries) {
      path.push(key);
      if (!key.isWellFormed()) refuse('string', 'as a key: a lone surrogate has no UTF-8');
      short(key);
      value(item, depth + 1);
      path.pop();
    }
  }

  function map(entries, depth) {
    if (entries.every(([key]) => typeof key === 'string')) return pairs(entries, depth);
    checkKeys(entries.map(([key]) => key), 'Map');
    const start = open(wire.DICT);
    head(0x90, 15, [0xdc, 0xdd], 2 * entries.length);
    for (const [key, item] of entries) {
      path.push(String(key));
      value(key, depth + 1);
      value(item, depth + 1);
      path.pop();
    }
    close(start);
  }

  function set(items, depth) {
    checkKeys(items, 'Set');
    const start = open(wire.SET);
    head(0x90, 15, [0xdc, 0xdd], items.length);
    for (const item of items) value(item, depth + 1);
    close(start);
  }

  /** Refuse keys that Python has no hash for, and those that it takes for one another. */
  function checkKeys(keys, kind) {
    const seen = new Set();
    for (const key of keys) {
      if (typeof key === 'object' && key !== null && !types.isDate(key)) {
        refuse(kind, `it has a key of the type ${kindOf(key)}, which Python cannot look up`);
      }
      const same = typeof key === 'boolean' ? Number(key) : key === undefined ? null : key;
      const seenAs = typeof same === 'bigint' && Number.isSafeInteger(Number(same)) ? Number(same) : same;
      if (seen.has(seenAs)) refuse(kind, `two of its keys are one in Python: ${String(key)}`);
      seen.add(seenAs);
    }
  }

  function date(item) {
    const time = timeOf.call(item);
    const moment = new Date(time);
    const year = moment.getUTCFullYear();
    if (!(year >= 1 && year <= 9999)) refuse('Date', 'it is no date from the year 1 to 9999');
    const start = open(wire.DATETIME);
    room(20);
    at = out.writeUInt16LE(year, at);
    for (const part of [moment.getUTCMonth() + 1, moment.getUTCDate(), moment.getUTCHours(), moment.getUTCMinutes(),
      moment.getUTCSeconds()]) out[at++] = part;
    at = out.writeUInt32LE(moment.getUTCMilliseconds() * 1000, at);
    out[at++] = 0; // fold
    at = out.writeBigInt64LE(0n, at); // UTC
    close(start);
  }

  function binary(item) {
    if (types.isAnyArrayBuffer(item)) {
      return content(wire.BYTES, Buffer.from(new Uint8Array(item, 0, bufferLengthOf(item))));
    }
    const block = Buffer.from(item.buffer, item.byteOffset, item.byteLength);
    const kind = tagOf.call(item);
    if (kind === undefined || kind === 'Uint8Array') return content(wire.BYTES, block); // a DataView has no tag
    const code = Buffer.from(CODE_OF[kind]);
    const shape = shapeOf(item);
    const description = Buffer.alloc(1 + code.length + 2 + 8 * shape.length);
    description[0] = code.length;
    code.copy(description, 1);
    description[1 + code.length] = shape.length;
    shape.forEach((each, index) => description.writeBigUInt64LE(BigInt(each), 3 + code.length + 8 * index));
    flags |= wire.NEEDS_NUMPY;
    return content(wire.NDARRAY, block, description);
  }

  function bufferLengthOf(item) {
    return types.isSharedArrayBuffer(item) ? item.byteLength : bufferLength.call(item);
  }

  /** Return the shape of an array: that of its own property, if it has the right size. */
  function shapeOf(item) {
    const own = Object.getOwnPropertyDescriptor(item, 'shape')?.value;
    const good = Array.isArray(own) && own.length <= 32 && own.every((each) => Number.isSafeInteger(each) && each >= 0)
      && own.reduce((product, each) => product * each, 1) === item.length;
    return good ? own : [item.length];
  }

  value(root, 0);
  if (deepest > wire.PLAIN_DEPTH) flags &= ~wire.PLAIN;
  out[0] = wire.PAIR;
  out[1] = wire.FORMAT | flags;
  return [out.subarray(0, at), ...buffers];
}

module.exports = { encode };
