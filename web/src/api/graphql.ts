// The operations of the pages, with the types of their answers. The types come from schema/*.graphqls at build time: the
// build fails on an operation that the schema does not allow.
import { initGraphQLTada } from 'gql.tada';
import type { introspection } from '../../generated/graphql-env';

/** Marks a text as an operation or a fragment. */
export const graphql = initGraphQLTada<{
  introspection: introspection;
  /** A long number is a string where a double would not hold it. */
  scalars: { DateTime: string; JSON: unknown; Int64: number | string };
}>();

export type { FragmentOf, ResultOf, VariablesOf } from 'gql.tada';
export { readFragment } from 'gql.tada';

/** A page of a list, as the schema has it everywhere. */
interface Connection<T> {
  edges: { node: T | null }[];
}

/** The nodes of a list, without those that the caller may not see. */
export function nodesOf<T>(connection: Connection<T> | null | undefined): T[] {
  return (connection?.edges ?? []).flatMap((edge) => (edge.node === null ? [] : [edge.node]));
}
