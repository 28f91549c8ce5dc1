// The realm in which guest code runs: a fresh context with a console, timers and what programs for the web expect.
//
// A context is no boundary: what is handed in leads back to Node's own realm, and is meant to be of use. Guests are
// kept from the host by the sandbox around this process.
'use strict';

const { createRequire } = require('node:module');
const inspector = require('node:inspector');
const { promiseHooks } = require('node:v8');
const vm = require('node:vm');
const { consoleFor } = require('./console.cjs');

const REALM = `({ Object, Array, Map, Set, Date, Error, ArrayBuffer, Uint8Array, Int8Array, Uint8ClampedArray, Int16Array,
  Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array, Float32Array, Float64Array,
  Float16Array: globalThis.Float16Array })`;
const TOOL_MAKER = `(call) => {
  class ToolError extends Error {
    constructor(tool, kind, message) {
      super(tool + ': ' + kind + (message ? ': ' + message : ''));
      Object.assign(this, { name: 'ToolError', tool, error_type: kind });
    }
  }
  const named = (name) => ({ [name]: (...args) => {
    const answer = call(name, args);
    if (answer.failed) throw new ToolError(name, answer.failed, answer.message);
    return answer.value;
  } })[name];
  return { ToolError, named };
}`;
const WEB = ['AbortController', 'AbortSignal', 'Blob', 'Buffer', 'DOMException', 'Event', 'EventTarget', 'Headers',
  'MessageChannel', 'Performance', 'Request', 'Response', 'TextDecoder', 'TextEncoder', 'URL', 'URLSearchParams', 'atob',
  'btoa', 'crypto', 'fetch', 'performance', 'process', 'queueMicrotask', 'structuredClone'];
const EXCLUSIVE = ['setTimeout', 'setInterval', 'setImmediate'];

/** The connection to the inspector, whose evaluation knows `await` at top level and lets names be declared again. */
class Evaluator {
  constructor() {
    this.contexts = [];
    this.connect();
  }

  connect() {
    this.pending = 0;
    this.held = [];
    this.session = new inspector.Session();
    this.session.connect();
    this.session.on('Runtime.executionContextCreated', ({ params }) => this.contexts.push(params.context.uniqueId));
  }

  /** Make a context; return it and the inspector's name for it. */
  newContext() {
    this.session.post('Runtime.enable');
    const context = vm.createContext({}, {
      name: 'guest', importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    this.session.post('Runtime.disable'); // the other news are of no use
    return [context, this.contexts.at(-1)];
  }

  post(method, parameters) {
    return new Promise((resolve, reject) => {
      this.session.post(method, parameters, (error, found) => (error ? reject(error) : resolve(found)));
    });
  }

  /** Like `post`, but keep the first promise that is made meanwhile: that of the evaluated program.
   *
   * Were it collected because nothing can settle it, the inspector would tell us so in the middle of the collection,
   * and Node would end.
   */
  postHolding(method, parameters) {
    return new Promise((resolve, reject) => {
      let first = true;
      const stop = promiseHooks.onInit((promise) => {
        if (first) this.held.push(promise);
        first = false;
      });
      this.session.post(method, parameters, (error, found) => (error ? reject(error) : resolve(found)));
      stop();
    });
  }

  /** Forget what the inspector has kept alive for us, and what it would still tell. */
  release() {
    if (this.pending > 0) {
      this.session.disconnect();
      this.connect();
    } else this.session.post('Runtime.releaseObjectGroup', { objectGroup: 'call' });
    this.held.length = 0;
  }
}

/** One realm, and all that was set up in it. */
class Guest {
  constructor(evaluator, messages) {
    this.evaluator = evaluator;
    this.timers = new Set();
    [this.globals, this.id] = evaluator.newContext();
    this.realm = this.run(REALM);
    this.toolMaker = this.run(TOOL_MAKER);
    this.globals.console = consoleFor(messages);
    this.globals.require = createRequire(`${process.cwd()}/`);
    for (const name of WEB) define(this.globals, name, globalThis[name]);
    for (const name of EXCLUSIVE) define(this.globals, name, this.timer(globalThis[name]));
    for (const name of ['clearTimeout', 'clearInterval', 'clearImmediate']) define(this.globals, name, globalThis[name]);
    for (const name of ['global', 'self']) define(this.globals, name, this.run('globalThis'));
  }

  run(code) {
    return vm.runInContext(code, this.globals, { filename: 'dspex:guest' });
  }

  timer(start) {
    const { timers } = this;
    return (...args) => {
      const handle = start(...args);
      timers.add(handle);
      return handle;
    };
  }

  /** Let nothing that an ended call has started go on. */
  stop() {
    for (const handle of this.timers) {
      clearTimeout(handle);
      clearImmediate(handle);
    }
    this.timers.clear();
  }

  bind(variables) {
    for (const name of Object.keys(variables)) {
      this.globals[name] = variables[name];
      if (!this.sees(name, variables[name])) this.shadowed(name, variables[name]);
    }
  }

  sees(name, value) {
    try {
      return Object.is(this.run(name), value);
    } catch {
      return false;
    }
  }

  /** Give a name that an earlier call has declared by `let` or `class` another value. */
  shadowed(name, value) {
    try {
      this.run(`(value) => { ${name} = value; }`)(value);
    } catch (error) {
      const reason = error.name === 'SyntaxError' ? 'is no name in JavaScript' : 'is a constant of this session';
      throw Object.assign(new Error(`the variable ${name} ${reason}`), { name: 'NameError' });
    }
  }

  bindTools(names, call) {
    if (!names.length) return;
    const { ToolError, named } = this.toolMaker(call);
    this.globals.ToolError = ToolError;
    for (const name of names) this.globals[name] = named(name);
  }

  /** Run code; resolve to `{ value }` or `{ error, details }`. */
  async evaluate(code, filename) {
    const { evaluator } = this;
    evaluator.pending += 1;
    const found = await evaluator.postHolding('Runtime.evaluate', {
      expression: `${code}\n//# sourceURL=${filename}`,
      replMode: true,
      uniqueContextId: this.id,
      objectGroup: 'call',
    });
    evaluator.pending -= 1;
    const details = found.exceptionDetails;
    const value = await this.taken(details?.exception ?? found.result);
    return details ? { error: value, details } : { value };
  }

  /** Return the value that the inspector describes. */
  async taken(described) {
    let value;
    this.globals.__taken = (each) => { value = each; };
    const take = await this.evaluator.post('Runtime.evaluate', {
      expression: '__taken', uniqueContextId: this.id, objectGroup: 'call',
    });
    delete this.globals.__taken;
    const { objectId, unserializableValue, value: plain } = described;
    const argument = objectId ? { objectId } : unserializableValue ? { unserializableValue } : { value: plain };
    await this.evaluator.post('Runtime.callFunctionOn', {
      functionDeclaration: 'function (value) { this(value); }',
      objectId: take.result.objectId,
      arguments: [argument],
    });
    return value;
  }
}

function define(globals, name, value) {
  if (value !== undefined) {
    Object.defineProperty(globals, name, { value, writable: true, enumerable: false, configurable: true });
  }
}

module.exports = { Evaluator, Guest };
