// Timers that a call leaves behind do not keep later ones waiting: they may still go off while another call awaits, but
// the event loop counts as empty without them.
'use strict';

const { promisify } = require('node:util');

const pending = new Set();

/** Return a function that starts timers as `start` does, and remembers those that have not gone off. */
function tracked(start, { isOnce }) {
  const started = (callback, ...rest) => {
    const handle = start((...given) => {
      if (isOnce) pending.delete(handle);
      callback(...given);
    }, ...rest);
    pending.add(handle);
    return handle;
  };
  started[promisify.custom] = start[promisify.custom];
  return started;
}

function forgetting(stop) {
  return (handle) => {
    pending.delete(handle);
    stop(handle);
  };
}

/** Track the timers of this process from now on. */
function track() {
  for (const name of ['setTimeout', 'setImmediate']) globalThis[name] = tracked(globalThis[name], { isOnce: true });
  globalThis.setInterval = tracked(globalThis.setInterval, { isOnce: false });
  for (const name of ['clearTimeout', 'clearImmediate', 'clearInterval']) {
    globalThis[name] = forgetting(globalThis[name]);
  }
}

/** Let nothing wait for the timers that are there. */
function release() {
  for (const handle of pending) handle.unref();
  pending.clear();
}

module.exports = { release, track };
