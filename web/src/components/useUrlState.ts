import { createContext, createElement, useCallback, useContext, useMemo, useSyncExternalStore, type ReactNode } from 'react';
import { useLocation } from 'wouter';

const UrlState = createContext('');

/** The router makes events of its own kinds of navigation too. */
const NAVIGATIONS = ['popstate', 'pushState', 'replaceState'];

function onNavigation(listener: () => void) {
  for (const kind of NAVIGATIONS) addEventListener(kind, listener);
  return () => {
    for (const kind of NAVIGATIONS) removeEventListener(kind, listener);
  };
}

/**
 * Tells the pages of the address's query. They do not subscribe to it by themselves: React 18 forgets what a component last
 * saw of a store when the component sets state while it renders, as one with a query does whose variables change. It then
 * misses that the query is again what it was at first, and a cleared filter stays.
 */
export function UrlStateProvider({ children }: { children: ReactNode }) {
  return createElement(UrlState.Provider, { value: useSyncExternalStore(onNavigation, () => location.search) }, children);
}

/**
 * A page's state, which is all in its address: a link shows a colleague the same picture. Setting a value to null or ''
 * removes it.
 */
export function useUrlState() {
  const search = useContext(UrlState);
  const params = useMemo(() => new URLSearchParams(search), [search]);
  const [, go] = useLocation();
  const set = useCallback(
    (change: Record<string, string | null>, how: 'push' | 'replace' = 'push') => {
      const next = new URLSearchParams(location.search);
      for (const [key, value] of Object.entries(change)) {
        if (value === null || value === '') next.delete(key);
        else next.set(key, value);
      }
      const query = next.toString();
      go(`~${location.pathname}${query && `?${query}`}`, { replace: how === 'replace' });
    },
    [go],
  );
  return [params, set] as const;
}
