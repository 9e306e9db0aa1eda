// Loads what lies around a node. The tree, the graph and the table all show this one answer.
import { useCallback, useEffect, useRef, useState } from 'react';
import type { CombinedError } from '@urql/core';
import { useClient } from 'urql';
import { MARK } from '../components/Recalled';
import { graphql, type ResultOf, type VariablesOf } from '../api/graphql';

export const LINEAGE = graphql(`
  query Lineage($of: ID!, $direction: LineageDirection!, $maxDepth: Int, $history: Int, $where: LineageFilter, $asOf: DateTime, $knownAt: DateTime, $after: String) {
    lineage(of: $of, direction: $direction, maxDepth: $maxDepth, history: $history, where: $where, asOf: $asOf, knownAt: $knownAt, after: $after) {
      root
      asOf
      nodes { node { id kind name ...Mark } depth layer treeParent upstreamDegree downstreamDegree }
      edges { id from to kind }
      pageInfo { hasNextPage endCursor }
      truncation { truncated reasons frontier redacted }
      historyCut
    }
  }
`, [MARK]);

type Lineage = NonNullable<ResultOf<typeof LINEAGE>['lineage']>;
export type LineageNode = Lineage['nodes'][number];
export type LineageEdge = Pick<Lineage['edges'][number], 'id' | 'from' | 'to' | 'kind'>;
export type LineageQuestion = Omit<VariablesOf<typeof LINEAGE>, 'after'>;

/** The pages of an answer that were loaded. */
export interface Loaded {
  nodes: LineageNode[];
  edges: LineageEdge[];
  last: Lineage;
}

interface State {
  loaded: Loaded | null;
  fetching: boolean;
  error: CombinedError | undefined;
}

/** The number of pages that load by themselves. The reader loads the rest, so that one click never loads thousands of rows. */
const PAGES_AT_ONCE = 5;

/** Asks for the lineage of a node, page by page. What was shown stays while the same question is asked again. */
export function useLineage(question: LineageQuestion): State & { loadMore: () => void } {
  const client = useClient();
  const [state, setState] = useState<State>({ loaded: null, fetching: true, error: undefined });
  const key = JSON.stringify(question);
  const current = useRef('');

  const load = useCallback(
    async (start: Loaded | null) => {
      const variables = JSON.parse(key) as LineageQuestion;
      let loaded = start;
      let error: CombinedError | undefined;
      setState({ loaded: start, fetching: true, error: undefined });
      for (let page = 0; page < PAGES_AT_ONCE; page++) {
        const after = loaded?.last.pageInfo.endCursor ?? null;
        const result = await client.query(LINEAGE, { ...variables, after }, { requestPolicy: 'network-only' }).toPromise();
        if (current.current !== key) return;
        error = result.error ?? error;
        const lineage = result.data?.lineage;
        if (lineage == null) break;
        loaded = { nodes: [...(loaded?.nodes ?? []), ...lineage.nodes], edges: [...(loaded?.edges ?? []), ...lineage.edges], last: lineage };
        if (!lineage.pageInfo.hasNextPage) break;
      }
      setState({ loaded, fetching: false, error });
    },
    [client, key],
  );

  useEffect(() => {
    current.current = key;
    void load(null);
    return () => {
      current.current = '';
    };
  }, [key, load]);

  return { ...state, loadMore: () => void load(state.loaded) };
}
