// Freezes Pyodide with what runs guest code in it, for an image; run by `dspex-actors image build`, never by a worker.
//
//   node snapshot.cjs IMAGE LIBRARY MODULE...
//
// LIBRARY is the folder that this package is imported from; the MODULEs are imported before the snapshot is made.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { CACHE, PACKAGES, load } = require('./load.cjs');

const LIBRARY = '/library';
const FREEZE = `
def freeze(library, packages, modules):
    import compileall, importlib, sys
    from importlib.util import module_from_spec, spec_from_file_location

    def taken(name):
        spec = spec_from_file_location(name, f"{library}/dspex_actors/workers/engines/pyodide/{name}.py")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    sys.path.append(library)
    stand_ins = taken("_msgpack").stand_in()
    sys.modules.update(stand_ins)
    sys.modules["_guest"] = taken("_guest")
    for name in stand_ins:
        del sys.modules[name]
    sys.path.remove(library)
    sys.path.append(packages)
    unchecked = importlib.import_module("py_compile").PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(packages, quiet=2, invalidation_mode=unchecked):
        print("some files of the packages do not compile", file=sys.stderr)
    for name in modules:
        importlib.import_module(name)
    for each in [each for each in sys.path_importer_cache if each.startswith((library, packages))]:
        del sys.path_importer_cache[each]
`;

async function main(image, library, modules) {
  const { pyodide, script } = await load(image, { _makeSnapshot: true, env: { HOME: '/home/pyodide' } });
  pyodide.mountNodeFS(LIBRARY, library);
  const scope = pyodide.toPy({});
  pyodide.runPython(FREEZE, { globals: scope });
  const freeze = scope.get('freeze');
  freeze(LIBRARY, PACKAGES, pyodide.toPy(modules));
  freeze.destroy();
  scope.destroy();
  fs.writeFileSync(path.join(image, 'snapshot.bin'), pyodide.makeMemorySnapshot());
  fs.writeFileSync(path.join(image, 'pyodide', CACHE), script.createCachedData());
  process.stdout.write(`${pyodide.runPython('import platform; platform.python_version()')}\n`);
}

main(process.argv[2], process.argv[3], process.argv.slice(4)).then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${error?.stack ?? error}\n`);
    process.exit(1);
  },
);
