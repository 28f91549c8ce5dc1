// The driver: runs JavaScript, or TypeScript, for a worker; see `_driver_engine.py` for what they say to each other.
//
// A call is over when its value is settled and the event loop has nothing left to do, as for a program that Node
// runs; then the next one is read, in the `beforeExit` event. Between calls this process waits in a read.
'use strict';

const fs = require('node:fs');
const vm = require('node:vm');
const { types } = require('node:util');
const frames = require('./frames.cjs');
const { Messages } = require('./console.cjs');
const { decoder } = require('./decode.cjs');
const { encode } = require('./encode.cjs');
const { describe } = require('./failure.cjs');
const { Evaluator, Guest } = require('./guest.cjs');
const { withoutImports } = require('./imports.cjs');
const { Refusal, TooBig } = require('./wire.cjs');

const exit = process.exit.bind(process);
const typescript = process.argv.includes('--typescript') ? require('node:module') : null;
const evaluator = new Evaluator();
const BUFFER_FAILURE = /^(Array buffer allocation failed|Invalid (typed )?array( buffer)? length)$/;

let kept = null; // the realm of a session
const messages = new Messages();
let next = new Guest(evaluator, messages); // ready for whoever comes first
let calls = 0;
let current = null;

function stripped(code) {
  if (typescript === null) return code;
  try {
    return typescript.stripTypeScriptTypes(code, { mode: 'strip' });
  } catch (error) {
    if (error.code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') throw new Uncompiled(error);
    return typescript.stripTypeScriptTypes(code, { mode: 'transform' });
  }
}

/** TypeScript that is none; Node tells the place in the stack alone: the line, and a mark below its text. */
class Uncompiled extends SyntaxError {
  constructor({ message, stack }) {
    super(message.split('. Expected')[0]);
    const line = /^[^\n]*:(\d+)\n/.exec(stack);
    const mark = /^( *)\^/m.exec(stack);
    const columnNumber = mark ? mark[1].length : 0;
    const lineNumber = (line ? Number(line[1]) : 1) - 1;
    this.details = { lineNumber, columnNumber, scriptId: '', drawn: mark !== null };
  }
}

/** Return code whose value is what its reader takes it for: `{ a: 1 }` is an object and no block with a label. */
function asExpression(code) {
  if (!/^\s*\{/.test(code) || /;\s*$/.test(code)) return code;
  try {
    return new vm.Script(`(${code}\n)`) && `(${code}\n)`;
  } catch {
    return code;
  }
}

function prepared(code) {
  const script = stripped(code);
  return /^\s*import\b/m.test(script) ? withoutImports(script) : asExpression(script);
}

function guestFor(head) {
  if (head.rehearsal) return new Guest(evaluator, messages);
  if (head.keep && kept !== null) return kept;
  const guest = next ?? new Guest(evaluator, messages);
  next = null;
  if (head.keep) kept = guest;
  return guest;
}

/** One request, from its frame to its answer. */
class Execution {
  constructor({ parts }) {
    this.head = JSON.parse(parts[0]);
    this.parts = parts.slice(1);
    this.guest = guestFor(this.head);
    this.filename = this.head.keep ? `<guest-${calls}>` : '<guest>';
    this.settled = null;
    if (!this.head.read && !this.head.rehearsal) calls += 1;
    messages.begin(this.head.output_bytes ?? Infinity);
  }

  async run() {
    const { guest, head } = this;
    try {
      const decode = decoder(guest.realm);
      if (this.parts.length) guest.bind(decode(this.parts, 'value'));
      guest.bindTools(head.tools ?? [], (name, args) => this.callTool(name, args, decode));
      const code = head.read ? head.read : prepared(head.code ?? '');
      const found = await guest.evaluate(code, this.filename);
      if ('error' in found) {
        if (head.read && found.error?.name === 'ReferenceError') this.settle({ outcome: 'missing' });
        else this.fail(found.error, found.details, code);
        return;
      }
      const value = types.isPromise(found.value) ? await found.value : found.value;
      this.complete(guest.timers.has(value) ? undefined : value);
    } catch (error) {
      this.fail(error, error.details);
    }
  }

  callTool(name, args, decode) {
    if (current !== this) throw new Error('the execution that had this tool is over');
    frames.send(frames.TYPES.TOOL_CALL, { tool: name }, encode([args, {}], `${name}()`));
    const { parts } = frames.read() ?? exit(0);
    const head = JSON.parse(parts[0]);
    if (head.error_type) return { failed: head.error_type, message: head.message ?? '' };
    return { value: decode(parts.slice(1), `${name}()`) };
  }

  complete(value) {
    try {
      this.settle({ outcome: 'completed' }, encode(value, 'value', this.head.result_bytes ?? Infinity));
    } catch (error) {
      if (error instanceof TooBig) this.settle({ outcome: 'result', used: error.used });
      else if (error instanceof RangeError && !BUFFER_FAILURE.test(error.message)) {
        this.fail(new Refusal('value', 'Object', 'nested too deeply'));
      } else this.fail(error);
    }
  }

  fail(error, details, code = this.head.code ?? '') {
    if (types.isNativeError(error) && error.name === 'RangeError' && BUFFER_FAILURE.test(error.message)
      && error.message.includes('allocation')) {
      this.settle({ outcome: 'memory' });
    } else {
      const known = { details, code, original: this.head.code ?? '', filename: this.filename };
      this.settle({ outcome: 'failed', ...describe(error, known) });
    }
    this.guest.stop();
  }

  settle(head, parts = []) {
    this.settled ??= { head, parts };
  }

  /** Answer; what is still not settled never will be. */
  answer() {
    if (this.settled === null) this.fail(new Error('it waits for a promise that nothing will settle'));
    this.guest.stop();
    evaluator.release();
    current = null;
    const { head, parts } = this.settled;
    messages.flush();
    frames.send(frames.TYPES.FINAL, { ...head, ...usage(), dropped_notes: messages.dropped }, parts);
  }
}

function usage() {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpu_s: (userCPUTime + systemCPUTime) / 1e6, memory_peak_bytes: maxRSS * 1024 };
}

/** Answer the call that is over and wait for the next one. */
function turn() {
  if (current !== null) current.answer();
  const frame = frames.read();
  if (frame === null) exit(0);
  current = new Execution(frame);
  setImmediate(() => current.run());
}

/** Let a call fail for what nobody caught, even if it has its value already. */
function uncaught(error) {
  if (current === null) return;
  current.settled = null;
  current.fail(error);
}

process.on('beforeExit', turn);
process.on('uncaughtException', uncaught);
process.on('unhandledRejection', uncaught);
process.on('exit', (code) => {
  messages.flush();
  if (current === null || code !== 0 || current.head.keep) return;
  current.settle({ outcome: 'completed' }, encode(null)); // as a program that has said that it is done
  current.answer();
});

stripped('const warm: number = 1;');
next.evaluate('1 + 1', '<guest>').then(() => {
  evaluator.release();
  frames.send(frames.TYPES.READY, { version: process.versions.node, ...usage() });
});
fs.writeSync(1, '');
