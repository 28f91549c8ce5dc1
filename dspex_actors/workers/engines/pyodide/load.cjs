// Loading Pyodide from an image: its files, a snapshot of its memory, and the folders that guests see.
//
//   /packages      the image's packages
//   /home/pyodide  the scratch folder of the sandbox, the working directory
//   /host          all that the sandbox shows of the host's files
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const { pathToFileURL } = require('node:url');

const PACKAGES = '/packages';
const EACCES = 2; // as Emscripten counts
const EIO = 29;
const CACHE = 'code.cache';
const CACHES = Number(process.versions.node.split('.')[0]) >= 24; // Node 20 forgets what cached code may import

/** Give Pyodide the one table that it asks a door of Node for which the permission model has shut. */
function withoutBinding() {
  if (process.permission === undefined) return;
  process.binding = (name) => {
    if (name === 'constants') return { fs: fs.constants };
    throw new Error(`process.binding('${name}') is shut`);
  };
}

/** Run the script that Pyodide would load itself, with the cache of its compiled code, if it is there and fits. */
function runScript(folder) {
  const filename = path.join(folder, 'pyodide.asm.js');
  const cache = path.join(folder, CACHE);
  const source = fs.readFileSync(filename, 'utf8');
  const script = new vm.Script(`(function (require, __dirname, __filename) {${source}\nreturn _createPyodideModule; })`, {
    filename,
    cachedData: CACHES && fs.existsSync(cache) ? fs.readFileSync(cache) : undefined,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  globalThis._createPyodideModule = script.runInThisContext()(require, folder, filename);
  return script;
}

/** Let every failure of Node's be one in Python: one whose code Emscripten does not know would count as done. */
function withRefusals({ NODEFS }) {
  const errnoOf = NODEFS.convertNodeCode;
  NODEFS.convertNodeCode = (error) => (error.code === 'ERR_ACCESS_DENIED' ? EACCES : errnoOf(error) ?? EIO);
}

/** Load Pyodide; `options` are those of `loadPyodide` beside the place. */
async function load(image, options) {
  withoutBinding();
  const folder = path.join(image, 'pyodide');
  const script = runScript(folder);
  const { loadPyodide } = await import(pathToFileURL(path.join(folder, 'pyodide.mjs')).href);
  const pyodide = await loadPyodide({ indexURL: `${folder}/`, ...options });
  withRefusals(pyodide.FS.filesystems);
  pyodide.mountNodeFS(PACKAGES, path.join(image, 'packages'));
  return { pyodide, script };
}

/** Load Pyodide as its image has frozen it. */
async function wake(image) {
  const frozen = fs.readFileSync(path.join(image, 'snapshot.bin'));
  const { pyodide } = await load(image, { _loadSnapshot: frozen });
  pyodide.mountNodeFS('/home/pyodide', process.cwd());
  pyodide.mountNodeFS('/host', '/');
  return pyodide;
}

module.exports = { CACHE, PACKAGES, load, wake };
