// Runs in an app's sandbox: bundles one component of an app, with all that it imports, as one script and one style
// sheet. Arguments: the template's module that bundles ("" for Vite; it exports `bundle(code)` and `styles`), the
// component's file below the app, its name. Prints JSON: `{script, styles, files}`, or `{error}`. The script hands a
// function that shows the component with given props to `componentHost.ready`.
import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";

const [bundler, file, name] = process.argv.slice(-3);
const [app, entry] = [process.cwd(), "virtual:component"];
const there = (...files) => files.filter((each) => existsSync(each));
const isVue = file.endsWith(".vue");

const own = bundler ? await import(bundler) : null;
const at = (each) => JSON.stringify(own ? `./${each}` : `/${each}`);
const usual = there("src/index.css", "src/style.css", "src/assets/main.css", "src/touch.css").map((each) => `/${each}`);
const styles = (own?.styles ?? usual).map((each) => `import ${JSON.stringify(each)};`);
const theme = there("src/components/theme-provider.tsx", "components/theme-provider.tsx");
const mount = isVue
  ? `import { createApp, h, shallowReactive } from "vue";
let props;
function show(given) {
  if (props) {
    for (const key of Object.keys(props)) if (!(key in given)) delete props[key];
    Object.assign(props, given);
    return;
  }
  props = shallowReactive({ ...given });
  const app = createApp({ render: () => h(Component, { ...props, modelValue: props.value, "onUpdate:modelValue": props.onChange }) });
  app.config.errorHandler = (error) => componentHost.failed(error);
  app.mount("#root");
}`
  : `import { Component as Base, createElement } from "react";
import { createRoot } from "react-dom/client";
${theme.map((each) => `import { ThemeProvider } from ${at(each)};`).join("")}
class Boundary extends Base {
  state = { failed: null };
  static getDerivedStateFromError(error) { return { failed: error }; }
  componentDidCatch(error) { componentHost.failed(error); }
  componentDidUpdate(before) { if (this.state.failed && before.children !== this.props.children) this.setState({ failed: null }); }
  render() { return this.state.failed ? null : this.props.children; }
}
const root = createRoot(document.getElementById("root"));
const within = (child) => ${theme.length ? "createElement(ThemeProvider, null, child)" : "child"};
const show = (given) => root.render(createElement(Boundary, null, within(createElement(Component, given))));`;
const code = `${styles.join("\n")}
import * as module from ${at(file)};
const name = ${JSON.stringify(name)};
const Component = module[name] ?? module.default;
if (!Component) throw new Error(${JSON.stringify(file)} + " exports no " + name + ", and nothing by default: it exports " + (Object.keys(module).join(", ") || "nothing") + ".");
${mount}
componentHost.ready(show);`;

async function byVite() {
  const { build } = await import(new URL("node_modules/vite/dist/node/index.js", `file://${app}/`).href);
  const result = await build({
    configLoader: "native",
    logLevel: "silent",
    plugins: [
      {
        name: "component",
        enforce: "pre",
        resolveId: (id) => (id === entry ? `\0${entry}` : undefined),
        load: (id) => (id === `\0${entry}` ? code : undefined),
      },
    ],
    build: {
      write: false,
      copyPublicDir: false,
      cssCodeSplit: false,
      assetsInlineLimit: 100_000_000,
      modulePreload: false,
      rollupOptions: { input: entry, output: { format: "es", codeSplitting: false } },
    },
  });
  const { output } = [result].flat()[0];
  const scripts = output.filter(({ type }) => type === "chunk");
  const styled = output.filter(({ type, fileName }) => type === "asset" && fileName.endsWith(".css"));
  const modules = scripts.flatMap(({ moduleIds, modules: those }) => moduleIds ?? Object.keys(those ?? {}));
  return {
    script: scripts.map((one) => one.code).join("\n"),
    styles: styled.map(({ source }) => (typeof source === "string" ? source : new TextDecoder().decode(source))).join("\n"),
    files: modules,
  };
}

try {
  const { script, styles, files } = await (own ? own.bundle(code) : byVite());
  const below = [...new Set(files.map((id) => relative(app, resolve(id.replace(/[?\0].*$/, "")))))].filter((id) => id && !/^(\.\.|node_modules)/.test(id));
  console.log(JSON.stringify({ script, styles, files: below.filter((each) => existsSync(each)) }));
} catch (error) {
  const first = error?.errors?.[0] ?? error;
  const plain = String(first?.message ?? first?.text ?? first).replace(/\x1b\[[0-9;]*m/g, "").replaceAll(`${app}/`, "");
  const drawn = /\[ ?([^\]\s]+:\d+:\d+) ?\]/.exec(plain)?.[1]; // above a drawing of the code
  const { file: where, line, column } = first?.location ?? {}; // esbuild's
  const place = drawn ?? (where ? `${where}:${line}:${column + 1}` : first?.loc ? `${relative(app, first.loc.file ?? first.id ?? "")}:${first.loc.line}` : "");
  const said = plain.split("\n").map((line) => line.replace(/^\[[\w:.-]+\]:? /, "").trim()).find((line) => line && !/^Build failed/.test(line)) ?? plain;
  console.log(JSON.stringify({ error: place && !said.includes(place) ? `${place}: ${said}` : said }));
}
