// The guest's console: what it writes goes to stdout and stderr as under Node, and to the worker with its level.
//
// The level is the method that the guest has called: Node's own `table` calls `log`, and `trace` calls `error`.
'use strict';

const { Console } = require('node:console');
const { formatWithOptions } = require('node:util');
const frames = require('./frames.cjs');

// The first messages are told at once, later ones in batches.
const PROMPT = 64;
const BATCH = 16384; // characters
const BATCH_MS = 1;
const MOST = 10000;

/** Messages on their way to the worker. It bounds them; here we stop when it has had more than it may keep. */
class Messages {
  constructor() {
    this.begin();
  }

  /** Begin a call, whose texts may have so many bytes. */
  begin(most = Infinity) {
    this.room = most;
    this.dropped = 0;
    this.pending = [];
    this.size = 0;
    this.count = 0;
    this.sentAt = 0;
  }

  add(level, written) {
    if (this.room < 0 || this.count > MOST) {
      this.dropped += 1;
      return;
    }
    const text = written.endsWith('\n') ? written.slice(0, -1) : written;
    // One unit beyond the limit, so that the worker sees that there was more. No unit takes less than a byte.
    const told = text.slice(0, this.room + 1).toWellFormed();
    this.room -= told.length;
    this.pending.push([level, told]);
    this.size += told.length + 32;
    this.count += 1;
    if (this.count <= PROMPT || this.size >= BATCH || performance.now() - this.sentAt >= BATCH_MS) this.flush();
  }

  flush() {
    if (!this.pending.length) return;
    frames.send(frames.TYPES.NOTES, { console: this.pending });
    this.pending = [];
    this.size = 0;
    this.sentAt = performance.now();
  }
}

/** Return a console whose messages are told as well. */
function consoleFor(messages) {
  let level = null;
  const sink = (descriptor) => ({
    write(text) {
      frames.writeAll(descriptor, Buffer.from(text));
      if (level !== null) messages.add(level, text);
    },
    on() {},
    once() {},
    removeListener() {},
  });
  const own = new Console({ stdout: sink(1), stderr: sink(2), ignoreErrors: false, colorMode: false });
  const at = (name, write) => {
    const outermost = level === null;
    if (outermost) level = name;
    try {
      return write();
    } finally {
      if (outermost) level = null;
    }
  };
  const methods = { ...own };
  for (const [name, method] of Object.entries(methods)) {
    if (typeof method === 'function') own[name] = { [name]: (...args) => at(name, () => method(...args)) }[name];
  }
  // As Node's own, whose stack would begin with the function above.
  own.trace = function trace(...args) {
    const error = { name: 'Trace', message: formatWithOptions({ colors: false }, ...args) };
    Error.captureStackTrace(error, trace);
    at('trace', () => methods.error(error.stack));
  };
  return own;
}

module.exports = { Messages, consoleFor };
