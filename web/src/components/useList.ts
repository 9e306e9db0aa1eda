import { useUrlState } from './useUrlState';

/** The state of a list that is read page by page: its filters are in the address, and a changed filter begins at the first page. */
export function useList() {
  const [params, set] = useUrlState();
  return {
    after: params.get('after'),
    go: (after: string | null) => set({ after }),
    value: (name: string) => params.get(name) ?? '',
    filter: (name: string, value: string) => set({ [name]: value, after: null }),
  };
}
