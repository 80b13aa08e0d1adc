"use client";

import { Button } from "@/components/ui/button";

/** Stands in place of a page that could not be shown. */
export function ErrorMessage({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  return (
    <div role="alert" className="mx-auto flex w-full max-w-md flex-col items-start gap-3 p-6">
      <h2 className="text-lg font-semibold">Something went wrong</h2>
      <p className="text-sm wrap-anywhere text-muted-foreground">{error.message}</p>
      <div className="flex flex-wrap gap-2">
        <Button onClick={() => location.reload()}>Reload the page</Button>
        <Button variant="outline" onClick={reset}>
          Try again
        </Button>
      </div>
    </div>
  );
}
