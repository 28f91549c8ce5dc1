// Frames on the driver's socket, as in `_framing.py`: a header, then a table of parts and the parts.
//
// Reading and writing block: between requests there is nothing to do, and within one the worker answers at once.
'use strict';

const fs = require('node:fs');

const CHANNEL = 3;
const HEADER = 13; // u32 length, u8 type, u64 nonce, little-endian
const ALIGN = 16;

const TYPES = { EXECUTE: 1, READY: 2, FINAL: 4, TOOL_CALL: 5, TOOL_RESULT: 6, NOTES: 10 };

function readBlock(size) {
  const block = Buffer.allocUnsafeSlow(size);
  for (let at = 0; at < size;) {
    const count = fs.readSync(CHANNEL, block, at, size - at, null);
    if (count === 0) return null;
    at += count;
  }
  return block;
}

/** Return the type and the parts of the next frame, null at the end. */
function read() {
  const header = readBlock(HEADER);
  if (header === null) return null;
  const payload = readBlock(header.readUInt32LE(0));
  if (payload === null) return null;
  const count = payload.readUInt32LE(0);
  const parts = [];
  let at = 4 + 8 * count;
  for (let index = 0; index < count; index++) {
    const size = Number(payload.readBigUInt64LE(4 + 8 * index));
    at += -at & (ALIGN - 1);
    parts.push(payload.subarray(at, at + size));
    at += size;
  }
  return { type: header[4], parts };
}

/** Write all of some blocks to a descriptor. */
function writeAll(descriptor, block) {
  for (let at = 0; at < block.length;) {
    try {
      at += fs.writeSync(descriptor, block, at, block.length - at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error; // the guest has made it non-blocking
    }
  }
}

/** Send one frame; `head` becomes JSON, the other parts are blocks of bytes. */
function send(type, head, rest = []) {
  const parts = [Buffer.from(JSON.stringify(head)), ...rest];
  const blocks = [];
  let at = 4 + 8 * parts.length;
  const table = Buffer.alloc(HEADER + at);
  table.writeUInt32LE(parts.length, HEADER);
  parts.forEach((part, index) => {
    table.writeBigUInt64LE(BigInt(part.length), HEADER + 4 + 8 * index);
    const gap = -at & (ALIGN - 1);
    if (gap) blocks.push(Buffer.alloc(gap));
    blocks.push(part);
    at += gap + part.length;
  });
  table.writeUInt32LE(at, 0);
  table[4] = type;
  if (at < 65536) {
    writeAll(CHANNEL, Buffer.concat([table, ...blocks]));
    return;
  }
  writeAll(CHANNEL, table);
  for (const block of blocks) writeAll(CHANNEL, block);
}

module.exports = { TYPES, read, send, writeAll };
