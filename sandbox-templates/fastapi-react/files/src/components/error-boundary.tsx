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

  /** While the app is developed, a change may have mended what failed. */
  componentDidMount() {
    import.meta.hot?.on("vite:afterUpdate", this.tryAgain);
  }

  componentWillUnmount() {
    import.meta.hot?.off("vite:afterUpdate", this.tryAgain);
  }

  private tryAgain = () => {
    if (this.state.error) this.setState({ error: null });
  };

  render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div role="alert" className="mx-auto flex w-full max-w-md flex-col items-start gap-3 p-6">
        <h2 className="text-lg font-semibold">Something went wrong</h2>
        <p className="text-sm wrap-anywhere text-muted-foreground">{error.message}</p>
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => location.reload()}>Reload the page</Button>
          <Button variant="outline" onClick={this.tryAgain}>
            Try again
          </Button>
        </div>
      </div>
    );
  }
}
