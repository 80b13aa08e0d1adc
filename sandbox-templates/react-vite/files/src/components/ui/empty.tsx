import type { ComponentProps, ReactNode } from "react";
import type { LucideIcon } from "lucide-react";

import { cn } from "@/lib/utils";

interface EmptyProps extends ComponentProps<"div"> {
  icon?: LucideIcon;
  title: string;
  description?: ReactNode;
}

/** What stands where there is nothing yet: says so, and (as children) what to do about it. */
function Empty({ icon: Icon, title, description, className, children, ...props }: EmptyProps) {
  return (
    <div
      className={cn(
        "flex flex-col items-center justify-center gap-3 rounded-xl border border-dashed p-10 text-center",
        className,
      )}
      {...props}
    >
      {Icon && (
        <span className="grid size-10 place-items-center rounded-lg bg-muted">
          <Icon aria-hidden className="size-5 text-muted-foreground" />
        </span>
      )}
      <div className="flex max-w-sm flex-col gap-1">
        <p className="font-medium">{title}</p>
        {description && <p className="text-sm text-balance text-muted-foreground">{description}</p>}
      </div>
      {children}
    </div>
  );
}

export { Empty };
