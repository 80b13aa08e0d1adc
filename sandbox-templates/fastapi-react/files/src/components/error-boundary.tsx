import { Component, type ReactNode } from "react";

import { Button } from "@/components/ui/button";

interface State {
  error: Error | null;
}

/** Shows that something went wrong in place of what it holds, so that the rest of the page goes on. */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div role="alert" className="mx-auto flex w-full max-w-md flex-col items-start gap-3 p-6">
        <h2 className="text-lg font-semibold">Something went wrong</h2>
        <p className="text-sm wrap-anywhere text-muted-foreground">{error.message}</p>
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => location.reload()}>Reload the page</Button>
          <Button variant="outline" onClick={() => this.setState({ error: null })}>
            Try again
          </Button>
        </div>
      </div>
    );
  }
}
