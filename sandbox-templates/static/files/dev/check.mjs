// Finds what would break the site: node dev/check.mjs. Prints one line a problem; exit code 1 if there is any.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const problems = [];

const files = fs
  .readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
  .filter((name) => !name.split(path.sep).some((part) => part.startsWith(".") || part === "node_modules" || part === "dev"));

function lineOf(text, index) {
  return text.slice(0, index).split("\n").length;
}

/** Whether what `file` refers to is there. Other sites, anchors, data and templates are not looked at. */
function refer(file, text, index, reference) {
  const wanted = reference.trim().replace(/[?#].*$/s, "");
  if (!wanted || /^([a-z][a-z0-9+.-]*:|\/\/|\$\{|\{)/i.test(wanted)) return;
  const where = `${file}:${lineOf(text, index)}`;
  if (wanted.startsWith("/")) {
    problems.push(`${where}: error: "${reference}" begins with "/", but the site is served below a path: make it relative`);
    return;
  }
  const target = path.resolve(root, path.dirname(file), decodeURI(wanted));
  const there = [target, path.join(target, "index.html"), `${target}.html`].some((name) => fs.existsSync(name));
  if (!there) problems.push(`${where}: error: "${reference}" does not exist`);
}

if (!files.includes("index.html")) problems.push("index.html: error: it does not exist, so the site has no first page");

for (const file of files) {
  const kind = path.extname(file).toLowerCase();
  if (![".html", ".css", ".js", ".mjs", ".json", ".svg"].includes(kind)) continue;
  const text = fs.readFileSync(path.join(root, file), "utf8");
  if (kind === ".html") {
    const markup = text.replace(/<!--.*?-->|<script\b(?![^>]*\bsrc=)[^>]*>.*?<\/script>/gis, (part) => part.replace(/[^\n]/g, " "));
    for (const found of markup.matchAll(/<[a-z][^>]*?\s(?:src|href|poster)\s*=\s*(?:"([^"]*)"|'([^']*)')/gi)) {
      refer(file, text, found.index, found[1] ?? found[2]);
    }
    const ids = new Map();
    for (const found of markup.matchAll(/\sid\s*=\s*["']([^"']+)["']/gi)) {
      if (ids.has(found[1])) problems.push(`${file}:${lineOf(text, found.index)}: error: the id "${found[1]}" is used twice`);
      ids.set(found[1], true);
    }
    for (const found of text.matchAll(/<script\b(?![^>]*\bsrc=)([^>]*)>(.*?)<\/script>/gis)) {
      if (/type\s*=\s*["']?(?!module|text\/javascript)/i.test(found[1])) continue;
      syntax(file, found[2], lineOf(text, found.index + found[0].indexOf(">") + 1) - 1);
    }
  } else if (kind === ".css") {
    const rules = text.replace(/\/\*.*?\*\//gs, (part) => part.replace(/[^\n]/g, " "));
    for (const found of rules.matchAll(/url\(\s*["']?([^"')]+)["']?\s*\)|@import\s+["']([^"']+)["']/gi)) {
      refer(file, text, found.index, found[1] ?? found[2]);
    }
    for (const found of rules.matchAll(/^\s*(@(?:tailwind|apply|theme|utility)\b|@import\s+["']tailwindcss["'])|[;{]\s*(@apply\b)/gm)) {
      problems.push(`${file}:${lineOf(rules, found.index)}: error: "${found[1] ?? found[2]}" is of Tailwind, which needs a build, and this site has none: write plain CSS`);
    }
    const open = rules.replace(/"[^"\n]*"|'[^'\n]*'/g, "");
    const depth = (open.match(/{/g)?.length ?? 0) - (open.match(/}/g)?.length ?? 0);
    if (depth) problems.push(`${file}: error: ${depth > 0 ? "a { is not closed" : "a } is too many"}`);
  } else if (kind === ".json") {
    try {
      JSON.parse(text);
    } catch (error) {
      problems.push(`${file}: error: ${error.message}`);
    }
  } else if (kind !== ".svg") {
    syntax(file, text, 0);
    for (const found of text.matchAll(/^\s*(?:import|export)\b([^"';]*?)\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm)) {
      const name = found[2] ?? found[3] ?? found[4];
      const where = `${file}:${lineOf(text, found.index)}`;
      if (/^\.{1,2}\//.test(name)) {
        refer(file, text, found.index, name);
        for (const missing of unexported(path.join(path.dirname(file), name), found[1] ?? "")) {
          problems.push(`${where}: error: "${name}" does not export "${missing}"`);
        }
      } else if (!/^[a-z]+:/.test(name)) {
        problems.push(`${where}: error: "${name}" is a package, and a site without a build has none: use a relative path`);
      }
    }
  }
}

/** Which of the names that `clause` imports no export of the module `file` mentions. */
function unexported(file, clause) {
  const module = path.join(root, file);
  if (!fs.existsSync(module) || !fs.statSync(module).isFile()) return [];
  const text = fs.readFileSync(module, "utf8");
  if (/\bexport\s*\*(?!\s*as\b)/.test(text)) return []; // whatever another one has
  const list = /\{([^}]*)\}/.exec(clause)?.[1] ?? "";
  const wanted = list.split(",").map((one) => one.trim().split(/\s+as\s+/)[0]);
  if (/^\s*[\w$]+\s*(?:,|$)/.test(clause)) wanted.push("default");
  const exported = (name) => new RegExp(`\\bexport\\b[^;]*?(?<![\\w$])${name.replaceAll("$", "\\$")}(?![\\w$])`).test(text);
  return wanted.filter((name) => /^[\w$]+$/.test(name) && !exported(name));
}

/** Whether a module can be parsed. `before` lines stand before it in its file. */
function syntax(file, code, before) {
  const run = spawnSync(process.execPath, ["--input-type=module", "--check", "-"], { input: code, encoding: "utf8" });
  if (run.status === 0) return;
  const line = Number(/^\[stdin\]:(\d+)/m.exec(run.stderr)?.[1] ?? 1) + before;
  const said = /^\w*Error: .*$/m.exec(run.stderr)?.[0] ?? "it cannot be parsed";
  problems.push(`${file}:${line}: error: ${said}`);
}

for (const problem of problems) console.log(problem);
process.exit(problems.length ? 1 : 0);
