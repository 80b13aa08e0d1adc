export const speciesNames = ["Adelie", "Chinstrap", "Gentoo"] as const;
export const islandNames = ["Biscoe", "Dream", "Torgersen"] as const;

export type Species = (typeof speciesNames)[number];

/** One bird. A measurement that is missing in the file is null. */
export interface Penguin {
  id: number;
  species: Species;
  island: string;
  sex: "female" | "male" | null;
  billLength: number | null; // mm
  billDepth: number | null; // mm
  flipper: number | null; // mm
  mass: number | null; // g
  year: number;
}

export interface Filters {
  species: Species[];
  island: string; // "all" for any
  sex: string; // "all" for any
}

export const noFilters: Filters = { species: [...speciesNames], island: "all", sex: "all" };

export const colors: Record<Species, string> = {
  Adelie: "var(--chart-1)",
  Chinstrap: "var(--chart-4)",
  Gentoo: "var(--chart-2)",
};

/** Read the file's text. The fields hold no commas or quotes. */
export function parsePenguins(csv: string): Penguin[] {
  const [header, ...lines] = csv.trim().split(/\r?\n/);
  const names = header.split(",");
  return lines.map((line, id) => {
    const cells = line.split(",");
    const cell = (name: string) => cells[names.indexOf(name)] ?? "NA";
    const number = (name: string) => (cell(name) === "NA" ? null : Number(cell(name)));
    const sex = cell("sex");
    return {
      id,
      species: cell("species") as Species,
      island: cell("island"),
      sex: sex === "female" || sex === "male" ? sex : null,
      billLength: number("bill_length_mm"),
      billDepth: number("bill_depth_mm"),
      flipper: number("flipper_length_mm"),
      mass: number("body_mass_g"),
      year: number("year"),
    };
  });
}

export function matches(penguin: Penguin, filters: Filters): boolean {
  return (
    filters.species.includes(penguin.species) &&
    (filters.island === "all" || penguin.island === filters.island) &&
    (filters.sex === "all" || penguin.sex === filters.sex)
  );
}

/** The mean of what is known, or null. */
export function mean(values: (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
