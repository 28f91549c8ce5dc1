// Loading Pyodide from an image: its files, a snapshot of its memory, and the folders that guests see.
//
//   /packages      the image's packages
//   /home/pyodide  the scratch folder of the sandbox, the working directory
//   /host          all that the sandbox shows of the host's files
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const PACKAGES = '/packages';

/** Give Pyodide the one table that it asks a door of Node for which the permission model has shut. */
function withoutBinding() {
  if (process.permission === undefined) return;
  process.binding = (name) => {
    if (name === 'constants') return { fs: fs.constants };
    throw new Error(`process.binding('${name}') is shut`);
  };
}

/** Load Pyodide; `options` are those of `loadPyodide` beside the place. */
async function load(image, options) {
  withoutBinding();
  const folder = path.join(image, 'pyodide');
  const { loadPyodide } = await import(pathToFileURL(path.join(folder, 'pyodide.mjs')).href);
  const pyodide = await loadPyodide({ indexURL: `${folder}/`, ...options });
  pyodide.mountNodeFS(PACKAGES, path.join(image, 'packages'));
  return pyodide;
}

/** Load Pyodide as its image has frozen it. */
async function wake(image) {
  const frozen = fs.readFileSync(path.join(image, 'snapshot.bin'));
  const pyodide = await load(image, { _loadSnapshot: frozen });
  pyodide.mountNodeFS('/home/pyodide', process.cwd());
  pyodide.mountNodeFS('/host', '/');
  return pyodide;
}

module.exports = { PACKAGES, load, wake };
