import { useCallback } from 'react';
import { useSearchParams } from 'wouter';

/**
 * A page's state, which is all in its address: a link shows a colleague the same picture. Setting a value to null or ''
 * removes it.
 */
export function useUrlState() {
  const [params, setParams] = useSearchParams();
  const set = useCallback(
    (change: Record<string, string | null>, how: 'push' | 'replace' = 'push') => {
      setParams(
        (before) => {
          const next = new URLSearchParams(before);
          for (const [key, value] of Object.entries(change)) {
            if (value === null || value === '') next.delete(key);
            else next.set(key, value);
          }
          return next;
        },
        { replace: how === 'replace' },
      );
    },
    [setParams],
  );
  return [params, set] as const;
}
