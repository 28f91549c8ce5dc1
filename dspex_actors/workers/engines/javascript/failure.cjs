// What a guest has thrown, as text: name, message, and a stack of the guest's own lines.
//
// It may be anything, and reading a property of it may run guest code that throws.
'use strict';

const { inspect, types } = require('node:util');

const GUEST_LINE = /<guest(?:-\d+)?>/;
const PLAIN = /^[\x20-\x7e]*$/;
const MOST_LINES = 40;
const MOST_CAUSES = 5;

function read(object, name, fallback = '') {
  try {
    const found = object[name];
    return found === undefined || found === null ? fallback : String(found);
  } catch {
    return fallback;
  }
}

function isErrorLike(error) {
  if (types.isNativeError(error)) return true;
  try {
    return typeof error === 'object' && error !== null && typeof error.stack === 'string';
  } catch {
    return false;
  }
}

/** Return the lines of a stack that are the guest's. */
function guestLines(stack) {
  const lines = stack.split('\n').filter((line) => /^\s+at /.test(line) && GUEST_LINE.test(line));
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES / 2), `    ... ${lines.length - MOST_LINES} more`, ...lines.slice(-MOST_LINES / 2)];
}

/** Return where a program that does not compile is wrong: the line, and a mark below it. */
function place(details, code, filename) {
  const { lineNumber, columnNumber } = details;
  const line = code.split('\n')[lineNumber];
  if (line === undefined) return [];
  return [`${filename}:${lineNumber + 1}`, line.slice(0, 200), `${' '.repeat(Math.min(columnNumber, 200))}^`];
}

/** Return the place of an error within the code: its end for one that is behind it, since the input has ended. */
function inside(details, code) {
  const lines = code.split('\n');
  if (details.lineNumber < lines.length) return details;
  return { ...details, lineNumber: lines.length - 1, columnNumber: lines.at(-1).length };
}

/** Return what is wrong with a program that does not compile, as a `Diagnostic`: its place as far as that is exact.
 *
 * `code` is what was compiled of `original`; lines are the same in both, unless TypeScript was transformed. A column
 * that was drawn is one on a screen.
 */
function misplaced(message, { lineNumber, columnNumber, drawn }, code, original) {
  const told = { level: 'error', message: message.slice(0, 8000).toWellFormed() };
  const [lines, own] = [code.split('\n'), original.split('\n')];
  if (lines.length !== own.length) return told;
  const end = lineNumber >= own.length; // the input has ended
  const line = end ? own.length : lineNumber + 1;
  const column = end ? own.at(-1).length : columnNumber;
  const before = own[line - 1].slice(0, column);
  const sure = drawn === undefined || (drawn && PLAIN.test(before));
  if (!sure || lines[line - 1].length !== own[line - 1].length) return { ...told, line };
  return { ...told, line, column: [...before].length + 1 }; // in characters
}

function summary(error) {
  const name = read(error, 'name', 'Error');
  const message = read(error, 'message');
  return { name, message, line: message ? `${name}: ${message}` : name };
}

/** Return `error_type`, `message` and `traceback` of something thrown; `diagnostics` of code that does not compile. */
function describe(error, { details, code = '', original = code, filename = '' } = {}) {
  if (!isErrorLike(error)) {
    let shown;
    try {
      shown = inspect(error, { depth: 2, customInspect: false });
    } catch {
      shown = typeof error;
    }
    return { error_type: 'Uncaught', message: shown, traceback: `Uncaught ${shown}` };
  }
  const { name, message, line } = summary(error);
  const lines = guestLines(read(error, 'stack'));
  if (name === 'SyntaxError' && details && lines.length === 0) {
    const seen = inside(details, code);
    const shown = `${message} (line ${seen.lineNumber + 1})`;
    const traceback = [...place(seen, code, filename), `${name}: ${shown}`].join('\n');
    const found = { error_type: name, message: shown, traceback };
    // What was thrown while code ran has no script.
    return details.scriptId === undefined ? found : { ...found, diagnostics: [misplaced(message, details, code, original)] };
  }
  return { error_type: name, message, traceback: [line, ...lines, ...causes(error)].join('\n') };
}

/** Return the lines about what an error was caused by. */
function causes(error) {
  const found = [];
  for (let cause = causeOf(error), count = 0; isErrorLike(cause) && count < MOST_CAUSES; cause = causeOf(cause), count++) {
    found.push(`Caused by: ${summary(cause).line}`, ...guestLines(read(cause, 'stack')));
  }
  return found;
}

function causeOf(error) {
  try {
    return error.cause;
  } catch {
    return undefined;
  }
}

module.exports = { describe };
