import { Component, type ReactNode } from 'react';
import { errorText } from '../api/errortext';

/** Tells when a page's script fails, or cannot be loaded, in the place of the page. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  /** Keeps the error for the next rendering. */
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <p className="error" role="alert">
        {errorText(this.state.error)}
      </p>
    );
  }
}
