/** The translator as the components use it: a subset of JupyterLab's `TranslationBundle`. */
export interface Translation {
  __(text: string, ...values: unknown[]): string;
  _n(one: string, many: string, n: number, ...values: unknown[]): string;
}

function fill(text: string, values: readonly unknown[]): string {
  return text.replace(/%(\d+)/g, (whole, place: string) => {
    const value = values[Number(place) - 1];
    return value === undefined ? whole : String(value);
  });
}

/**
 * What the server says of its own tools, templates and the like, which it says in English; src/core/testing/said.json
 * lists it. Anything else stays as it is: `%1` in it is no place for a value.
 */
export function known(text: string, trans: Translation): string {
  return text.includes('%') ? text : trans.__(text); // not translated: of the server
}

/** English as written: for places without a translator, such as a notebook cell. */
export const english: Translation = {
  __: (text, ...values) => fill(text, values),
  _n: (one, many, n, ...values) => fill(n === 1 ? one : many, [n, ...values])
};
