// What the page writes into its console and asks of servers, told to the panel around us for the person who looks there:
// in batches, of a bounded size, so that a page that says much neither waits nor keeps anybody busy.

const records = (() => {
  const MOST = 100; // in a batch
  const BATCH_MS = 250;
  const LONGEST = 4000; // characters of a line
  let batch = [];
  let missed = 0;
  let timer = 0;

  function send() {
    timer = 0;
    tell("records", { records: batch, missed });
    batch = [];
    missed = 0;
  }

  /** `make` is called only if there is room. */
  function add(make) {
    if (!framed) return;
    if (batch.length < MOST) batch.push({ at: Date.now(), ...make() });
    else missed++;
    timer ||= setTimeout(send, BATCH_MS);
  }

  /** A value in words, of so many characters at most; getters of the page's are not asked. */
  function worded(value, room, depth = 0) {
    if (typeof value === "string") return depth ? JSON.stringify(value.slice(0, room)) : value.slice(0, room);
    if (typeof value === "function") return `function ${value.name || "(anonymous)"}`;
    if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : typeof value === "bigint" ? `${value}n` : String(value);
    if (value instanceof Error) return described(value);
    if (value instanceof Element) return `<${value.localName}${value.id ? ` id="${value.id}"` : ""}>`;
    if (value instanceof Date || value instanceof RegExp) return String(value);
    if (value instanceof Map) return `Map(${value.size}) ${worded([...head(value)], room, depth)}`;
    if (value instanceof Set) return `Set(${value.size}) ${worded([...head(value)], room, depth)}`;
    if (depth > 3) return Array.isArray(value) ? "[…]" : "{…}";
    const list = Array.isArray(value) || ArrayBuffer.isView(value);
    const parts = [];
    let left = room;
    for (const key of list ? Array.from({ length: Math.min(value.length ?? 0, 100) }, (_, at) => at) : Object.keys(value).slice(0, 100)) {
      const { value: inner, get } = Object.getOwnPropertyDescriptor(value, key) ?? {};
      const part = (list ? "" : `${key}: `) + (get ? "(…)" : worded(inner, left, depth + 1));
      parts.push(part);
      left -= part.length;
      if (left <= 0) break;
    }
    const more = (list ? value.length : Object.keys(value).length) > parts.length ? ", …" : "";
    const name = list ? "" : value.constructor?.name;
    const of = !list && name && name !== "Object" ? `${name} ` : "";
    return list ? `[${parts.join(", ")}${more}]` : `${of}{${parts.join(", ")}${more}}`;
  }

  function* head(values) {
    let count = 0;
    for (const value of values) if (count++ < 100) yield value;
    else return;
  }

  /** What a console makes of its arguments. */
  function said([first, ...rest]) {
    if (typeof first === "string") {
      first = first.slice(0, LONGEST).replace(/%([sdifoOc%])/g, (mark, kind) => {
        if (kind === "%") return "%";
        if (!rest.length) return mark;
        const value = rest.shift();
        return kind === "c" ? "" : worded(value, LONGEST);
      });
    }
    let text = "";
    for (const value of [first, ...rest]) {
      text += (text && " ") + worded(value, LONGEST);
      if (text.length > LONGEST) break;
    }
    return cut(tidy(text), LONGEST);
  }

  /** The file of the app that wrote a line: its own lines are known to the dev server alone. */
  function writer() {
    const frames = (new Error().stack ?? "").split("\n").filter((frame) => frame.includes(config.base));
    const own = frames.find((frame) => !/\/(__appbuilder|node_modules|@vite|@react-refresh|@id|_next)\//.test(frame));
    return own ? tidy(/(https?:\/\/[^\s()]+?)(?:\?[^\s()]*)?:\d+:\d+/.exec(own)?.[1] ?? "") : "";
  }

  for (const level of ["debug", "log", "info", "warn", "error"]) {
    const native = console[level];
    console[level] = function (...values) {
      native.apply(console, values);
      add(() => {
        try {
          const text = said(values);
          return { what: "line", level, text, source: writer() };
        } catch {
          return { what: "line", level, text: "(a value that cannot be shown)" };
        }
      });
    };
    Object.defineProperty(console[level], "name", { value: level });
  }

  return {
    line: (level, text, source) => add(() => ({ what: "line", level, text: cut(tidy(text), LONGEST), source: source && tidy(source).replace(/^:.*/, "") })),
    /** A request that ended; `since`: `performance.now()` when it began. */
    call(method, url, { since, status = 0, how = "" }) {
      if (url.href.startsWith(own) && !isPythonCall(url)) return;
      const ms = since === undefined ? 0 : Math.round(performance.now() - since);
      add(() => ({ what: "call", at: Date.now() - ms, method, url: cut(tidy(shortened(url)), 2000), status, how, ms }));
    },
  };
})();

records.line("load", pathOf(location));
