// The driver: runs Python in Pyodide for a worker; see `_driver_engine.py` for what they say to each other.
//
//   node driver.cjs IMAGE
//
// A call is over when its program is, or what it awaits is settled. Between calls this process waits in a read.
'use strict';

const frames = require('../javascript/frames.cjs');
const { wake } = require('./load.cjs');
const timers = require('./timers.cjs');

const INTERRUPT = 2; // SIGINT, as Pyodide's interrupt buffer has it
const exit = process.exit.bind(process);
const abort = process.abort.bind(process);

/** An interrupt buffer that fills itself: Pyodide looks at its first item between instructions. */
class Alarm {
  constructor() {
    this.disarm();
  }

  arm(seconds) {
    this.fired = false;
    this.at = seconds === undefined ? Infinity : performance.now() + seconds * 1000;
  }

  disarm() {
    this.fired = false;
    this.at = Infinity;
  }

  get 0() {
    if (performance.now() < this.at) return 0;
    this.at = Infinity; // once: the program may tidy up
    this.fired = true;
    return INTERRUPT;
  }

  set 0(_) { /* Pyodide has seen it */ }
}

const alarm = new Alarm();
let giveUp = null; // ends the wait of the call under way with an answer
let deadline; // the timer that ends it

function usage() {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpu_s: (userCPUTime + systemCPUTime) / 1e6, memory_peak_bytes: maxRSS * 1024 };
}

/** Return a block as Python takes it: it does not know Node's buffers. */
function plain(block) {
  return new Uint8Array(block.buffer, block.byteOffset, block.length);
}

function callTool(name, encoded) {
  const parts = encoded.toJs();
  frames.send(frames.TYPES.TOOL_CALL, { tool: name }, parts);
  const [head, ...answer] = (frames.read() ?? exit(0)).parts;
  const { error_type: kind = '', message = '' } = JSON.parse(head);
  return [kind, message, ...answer.map(plain)];
}

/** Return what a proxy of Python's stands for: the parts of an answer. */
function taken(proxy) {
  const parts = proxy.toJs();
  proxy.destroy();
  return parts;
}

/** Return the answer of a program that awaits. */
function awaited(task, seconds) {
  return new Promise((resolve, reject) => {
    giveUp = resolve;
    deadline = seconds === undefined ? undefined : setTimeout(() => {
      alarm.fired = true;
      resolve([]);
    }, seconds * 1000).unref();
    task.then((proxy) => resolve(taken(proxy)), reject);
  });
}

async function answer(pyodide, guest, frame) {
  const [head, ...rest] = frame.parts;
  const text = head.toString();
  const seconds = JSON.parse(text).time_s;
  alarm.arm(seconds);
  let parts;
  try {
    const found = guest.execute(text, rest.map(plain));
    parts = found.type === 'list' ? taken(found) : await awaited(found, seconds);
  } catch (error) {
    if (!alarm.fired) throw error;
    parts = [];
  }
  giveUp = null;
  clearTimeout(deadline);
  const said = alarm.fired ? { outcome: 'time' } : JSON.parse(parts[0]);
  alarm.disarm();
  guest.end();
  timers.release();
  frames.send(frames.TYPES.FINAL, { ...said, ...usage() }, alarm.fired ? [] : parts.slice(1));
}

/** End this process: Pyodide is of no more use. */
function fail(error) {
  frames.writeAll(2, Buffer.from(`${error?.stack ?? error}\n`));
  abort();
}

function failed(kind, message) {
  return [JSON.stringify({ outcome: 'failed', error_type: kind, message, traceback: `${kind}: ${message}` })];
}

/** Let a call that awaits fail for what nobody caught. */
function uncaught(error) {
  if (giveUp === null) fail(error);
  else giveUp(failed('JsException', String(error?.message ?? error)));
}

async function main(image) {
  timers.track();
  const pyodide = await wake(image);
  const sink = (descriptor) => ({
    write(block) {
      frames.writeAll(descriptor, block);
      return block.length;
    },
  });
  pyodide.setStdout(sink(1));
  pyodide.setStderr(sink(2));
  pyodide.setStdin({ stdin: () => null });
  const module = pyodide.pyimport('_guest');
  module.wake(pyodide.toPy({ ...process.env }));
  const instance = module.Guest(callTool);
  const guest = { execute: instance.execute, end: instance.end };
  taken(guest.execute(JSON.stringify({ code: '1 + 1' }), [])); // so that the first call finds its way compiled
  guest.end();
  pyodide.setInterruptBuffer(alarm);
  process.on('uncaughtException', uncaught);
  process.on('unhandledRejection', uncaught);
  process.on('beforeExit', () => giveUp?.(failed('RuntimeError', 'it waits for what nothing will settle')));
  frames.send(frames.TYPES.READY, { version: pyodide.version, ...usage() });
  for (let frame = frames.read(); frame !== null; frame = frames.read()) await answer(pyodide, guest, frame);
  exit(0);
}

main(process.argv[2]).catch(fail);
