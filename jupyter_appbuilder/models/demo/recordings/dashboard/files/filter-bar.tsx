import { RotateCcw } from "lucide-react";

import { Button } from "@/components/ui/button";
import { Label } from "@/components/ui/label";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import { colors, islandNames, noFilters, speciesNames, type Filters, type Species } from "@/lib/penguins";
import { cn } from "@/lib/utils";

interface FilterBarProps {
  filters: Filters;
  onChange: (filters: Filters) => void;
}

export function FilterBar({ filters, onChange }: FilterBarProps) {
  const toggle = (name: Species) =>
    onChange({
      ...filters,
      species: filters.species.includes(name)
        ? filters.species.filter((each) => each !== name)
        : [...filters.species, name],
    });
  return (
    <section
      aria-label="Filters"
      className="flex flex-wrap items-end gap-x-6 gap-y-4 rounded-xl border bg-card px-5 py-4 shadow-xs"
    >
      <fieldset className="flex flex-col gap-2">
        <legend className="mb-2 text-sm leading-none font-medium">Species</legend>
        <div className="flex flex-wrap gap-2">
          {speciesNames.map((name) => {
            const on = filters.species.includes(name);
            return (
              <button
                key={name}
                type="button"
                aria-pressed={on}
                onClick={() => toggle(name)}
                className={cn(
                  "inline-flex h-9 items-center gap-2 rounded-full border px-3.5 text-sm font-medium transition-colors outline-none focus-visible:ring-[3px] focus-visible:ring-ring/50",
                  on ? "border-transparent bg-accent text-accent-foreground" : "text-muted-foreground hover:bg-accent/50",
                )}
              >
                <span
                  aria-hidden
                  className="size-2.5 rounded-full border-2"
                  style={{ borderColor: colors[name], background: on ? colors[name] : "transparent" }}
                />
                {name}
              </button>
            );
          })}
        </div>
      </fieldset>
      <Choice
        label="Island"
        value={filters.island}
        options={[["all", "All islands"], ...islandNames.map((name): [string, string] => [name, name])]}
        onChange={(island) => onChange({ ...filters, island })}
      />
      <Choice
        label="Sex"
        value={filters.sex}
        options={[
          ["all", "Both"],
          ["female", "Female"],
          ["male", "Male"],
        ]}
        onChange={(sex) => onChange({ ...filters, sex })}
      />
      <Button variant="ghost" className="text-muted-foreground lg:ml-auto" onClick={() => onChange(noFilters)}>
        <RotateCcw aria-hidden /> Reset
      </Button>
    </section>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: [value: string, label: string][];
  onChange: (value: string) => void;
}

function Choice({ label, value, options, onChange }: ChoiceProps) {
  const id = `filter-${label.toLowerCase()}`;
  return (
    <div className="flex w-36 flex-col gap-2">
      <Label htmlFor={id}>{label}</Label>
      <Select value={value} onValueChange={onChange}>
        <SelectTrigger id={id}>
          <SelectValue />
        </SelectTrigger>
        <SelectContent>
          {options.map(([option, text]) => (
            <SelectItem key={option} value={option}>
              {text}
            </SelectItem>
          ))}
        </SelectContent>
      </Select>
    </div>
  );
}
