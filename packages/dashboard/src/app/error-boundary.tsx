import { Component, type ReactNode } from 'react';

interface State {
  broken: string | null;
}

/** The last resort: says that something broke instead of leaving a blank page. */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { broken: null };

  static getDerivedStateFromError(error: unknown): State {
    return { broken: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    if (this.state.broken === null) return this.props.children;
    return (
      <main className="notice" role="alert">
        <h1>This page broke</h1>
        <p>The server and the vehicles are not affected. Reload to go on.</p>
        <pre>{this.state.broken}</pre>
        <button type="button" className="button primary" onClick={() => location.reload()}>
          Reload
        </button>
      </main>
    );
  }
}
