// Programs that begin with `import` declarations, which a script cannot have: they become calls of `require`.
//
// Only declarations before all other code are rewritten, each on its own lines, so that line numbers stay.
'use strict';

const DECLARATION = /^import\s+(?:([\w$]+)\s*,?\s*)?(?:\*\s*as\s+([\w$]+)|\{([^}]*)\})?\s*(?:from\s*)?(['"])([^'"\n]+)\4[ \t]*;?/;
const BETWEEN = /^(?:\s+|\/\/[^\n]*|\/\*[^]*?\*\/)+/;

function rewritten([whole, name, space, names, , source]) {
  const module = `require(${JSON.stringify(source)})`;
  const declared = [];
  if (name) declared.push(`${name} = ${module}`);
  if (space) declared.push(`${space} = ${module}`);
  if (names !== undefined) declared.push(`{ ${names.replace(/\s+as\s+/g, ': ').replace(/\s+/g, ' ').trim()} } = ${module}`);
  const lines = '\n'.repeat(whole.split('\n').length - 1);
  return `${declared.length ? `const ${declared.join(', ')}` : module};${lines}`;
}

/** Return code without its leading `import` declarations. */
function withoutImports(code) {
  let done = '';
  let rest = code;
  for (;;) {
    const between = BETWEEN.exec(rest);
    if (between) {
      done += between[0];
      rest = rest.slice(between[0].length);
    }
    const declaration = DECLARATION.exec(rest);
    if (!declaration) return done + rest;
    done += rewritten(declaration);
    rest = rest.slice(declaration[0].length);
  }
}

module.exports = { withoutImports };
