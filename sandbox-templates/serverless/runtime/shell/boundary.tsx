import { Component, type ReactNode } from 'react';

interface Props {
  name: string;
  /** Another one: what failed was mended, and is tried again. */
  version: string;
  children: ReactNode;
}

interface Failed {
  error: Error | null;
  version: string;
}

/** Shows that a component failed in its place, so that the rest of the page goes on. */
export class Boundary extends Component<Props, Failed> {
  state: Failed = { error: null, version: this.props.version };

  static getDerivedStateFromError(error: unknown): Partial<Failed> {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  static getDerivedStateFromProps(props: Props, state: Failed): Partial<Failed> | null {
    return props.version === state.version ? null : { error: null, version: props.version };
  }

  render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div role="alert" className="app-box app-box-bad">
        <h2>Something went wrong</h2>
        <p>
          {this.props.name}: {error.message}
        </p>
        <div className="app-row">
          <button type="button" className="app-button" onClick={() => location.reload()}>
            Reload the page
          </button>
          <button type="button" className="app-button app-button-outline" onClick={() => this.setState({ error: null })}>
            Try again
          </button>
        </div>
      </div>
    );
  }
}

/** In place of what cannot be shown: what it is, and what to do. */
export function Box({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div role="alert" className="app-box">
      <h2>{title}</h2>
      {children}
    </div>
  );
}
