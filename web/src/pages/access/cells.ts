// Asks what roles may read, cell by cell, a few cells with each request.
import type { Client } from '@urql/core';

/** What a role may do with one field. */
export interface Cell {
  allowed: boolean;
  why: string;
}

/** The server answers at most 20 root fields with one request. */
const BATCH = 20;

/** The key of a cell. */
export const cellKey = (role: string, field: string) => `${role} ${field}`;

/** Asks for every cell of roles × fields. Fields that the registry does not know are left out. */
export async function askCells(client: Client, roles: readonly string[], fields: readonly string[]): Promise<Map<string, Cell>> {
  const pairs = fields.flatMap((field) => roles.map((role) => [role, field] as const));
  const found = new Map<string, Cell>();
  for (let at = 0; at < pairs.length; at += BATCH) {
    const part = pairs.slice(at, at + BATCH);
    const variables = Object.fromEntries(part.flatMap(([role, field], i) => [[`r${i}`, role], [`f${i}`, field]]));
    const query = `query AccessCells(${part.map((_, i) => `$r${i}: String!, $f${i}: String!`).join(', ')}) { ${part.map((_, i) => `c${i}: explain(role: $r${i}, field: $f${i}) { allowed why }`).join(' ')} }`;
    const { data, error } = await client.query<Record<string, Cell | null>>(query, variables).toPromise();
    if (error?.networkError) throw error;
    part.forEach(([role, field], i) => {
      const cell = data?.[`c${i}`];
      if (cell) found.set(cellKey(role, field), cell);
    });
  }
  return found;
}

/** Asks for the fields of a noun, as Noun.name. Introspection has no types at build time. */
export async function askFields(client: Client, noun: string): Promise<string[]> {
  const { data } = await client.query<{ __type: { fields: { name: string }[] } | null }>('query NounFields($noun: String!) { __type(name: $noun) { fields { name } } }', { noun }).toPromise();
  return (data?.__type?.fields ?? []).map(({ name }) => `${noun}.${name}`);
}
