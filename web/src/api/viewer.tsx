// Who is signed in. The pages offer only what this caller may do; the server decides it again.
import { createContext, useContext, type ReactNode } from 'react';
import { useQuery } from 'urql';
import { graphql, type ResultOf } from './graphql';

const VIEWER = graphql(`query Viewer { viewer { subject roles actions } }`);

type Viewer = NonNullable<ResultOf<typeof VIEWER>['viewer']>;

const Context = createContext<Viewer | null>(null);

/** Gives the caller to the pages below. */
export function ViewerProvider({ children }: { children: ReactNode }) {
  const [{ data }] = useQuery({ query: VIEWER });
  return <Context.Provider value={data?.viewer ?? null}>{children}</Context.Provider>;
}

/** The caller; null while it is not known. */
export const useViewer = () => useContext(Context);

/** Whether the caller may do something at all; the server may still refuse it on one object. */
export const useMay = () => {
  const viewer = useContext(Context);
  return (action: string) => viewer?.actions.includes(action) ?? false;
};
