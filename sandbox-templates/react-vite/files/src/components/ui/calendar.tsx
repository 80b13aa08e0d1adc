import type { ComponentProps } from "react";
import { ChevronDown, ChevronLeft, ChevronRight } from "lucide-react";
import { DayPicker, getDefaultClassNames } from "react-day-picker";

import { buttonVariants } from "@/components/ui/button";
import { cn } from "@/lib/utils";

/** Days to choose from: mode "single", "multiple" or "range". Inside a <Popover> it is a date picker. */
function Calendar({ className, classNames, showOutsideDays = true, ...props }: ComponentProps<typeof DayPicker>) {
  const standard = getDefaultClassNames();
  const arrow = cn(buttonVariants({ variant: "ghost", size: "icon-sm" }), "aria-disabled:opacity-40");
  return (
    <DayPicker
      showOutsideDays={showOutsideDays}
      className={cn("w-fit rounded-lg p-3", className)}
      classNames={{
        months: cn("relative flex flex-col gap-4 sm:flex-row", standard.months),
        month: cn("flex flex-col gap-3", standard.month),
        month_caption: cn("flex h-8 items-center justify-center text-sm font-medium", standard.month_caption),
        nav: cn("absolute inset-x-0 top-0 flex justify-between", standard.nav),
        button_previous: cn(arrow, standard.button_previous),
        button_next: cn(arrow, standard.button_next),
        month_grid: cn("border-collapse", standard.month_grid),
        weekday: cn("size-8 text-xs font-normal text-muted-foreground", standard.weekday),
        day: cn("size-8 p-0 text-center text-sm", standard.day),
        day_button: cn(
          "size-8 rounded-md outline-none hover:bg-accent focus-visible:ring-[3px] focus-visible:ring-ring/50 disabled:opacity-40",
          standard.day_button,
        ),
        selected: cn(
          "[&>button]:bg-primary [&>button]:text-primary-foreground [&>button]:hover:bg-primary/90",
          standard.selected,
        ),
        range_middle: cn(
          "[&>button]:rounded-none [&>button]:bg-accent [&>button]:text-accent-foreground",
          standard.range_middle,
        ),
        today: cn("font-semibold text-primary", standard.today),
        outside: cn("text-muted-foreground opacity-60", standard.outside),
        disabled: cn("opacity-40", standard.disabled),
        hidden: cn("invisible", standard.hidden),
        ...classNames,
      }}
      components={{
        Chevron: ({ orientation, className: size }) => {
          const Icon = orientation === "left" ? ChevronLeft : orientation === "right" ? ChevronRight : ChevronDown;
          return <Icon aria-hidden className={cn("size-4", size)} />;
        },
      }}
      {...props}
    />
  );
}

export { Calendar };
