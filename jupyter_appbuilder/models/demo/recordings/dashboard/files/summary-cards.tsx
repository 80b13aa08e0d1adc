import { Bird, Ruler, Scale, Waves, type LucideIcon } from "lucide-react";

import { Card, CardContent } from "@/components/ui/card";
import { mean, type Penguin } from "@/lib/penguins";

interface SummaryCardsProps {
  shown: Penguin[];
  total: number;
}

export function SummaryCards({ shown, total }: SummaryCardsProps) {
  const figure = (value: number | null, digits: number, unit: string) =>
    value === null ? "–" : `${value.toLocaleString("en", { maximumFractionDigits: digits })} ${unit}`;
  return (
    <div className="grid grid-cols-2 gap-4 lg:grid-cols-4">
      <Summary icon={Bird} label="Penguins" value={String(shown.length)} note={`of ${total}`} testId="count" />
      <Summary icon={Scale} label="Mean body mass" value={figure(mean(shown.map((each) => each.mass)), 0, "g")} />
      <Summary icon={Waves} label="Mean flipper" value={figure(mean(shown.map((each) => each.flipper)), 0, "mm")} />
      <Summary icon={Ruler} label="Mean bill" value={figure(mean(shown.map((each) => each.billLength)), 1, "mm")} />
    </div>
  );
}

interface SummaryProps {
  icon: LucideIcon;
  label: string;
  value: string;
  note?: string;
  testId?: string;
}

function Summary({ icon: Icon, label, value, note, testId }: SummaryProps) {
  return (
    <Card className="py-4">
      <CardContent>
        <dl className="flex flex-col gap-1.5">
          <dt className="flex items-center justify-between text-sm text-muted-foreground">
            {label}
            <Icon aria-hidden className="size-4 text-primary" />
          </dt>
          <dd className="text-2xl font-semibold tracking-tight tabular-nums" data-testid={testId}>
            {value} {note && <span className="text-sm font-normal text-muted-foreground">{note}</span>}
          </dd>
        </dl>
      </CardContent>
    </Card>
  );
}
