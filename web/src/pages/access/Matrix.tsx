// Roles × actions, and roles × the fields of a noun. A cell says why on hover and to screen readers.
import { useEffect, useState } from 'react';
import { useClient, useQuery } from 'urql';
import { Link } from 'wouter';
import { graphql } from '../../api/graphql';
import { Choice } from '../../components/Choice';
import { Answer, Panel, Skeleton } from '../../components/Page';
import { useUrlState } from '../../components/useUrlState';
import { askCells, askFields, cellKey, type Cell } from './cells';

const ROLES = graphql(`query Roles { roles { name actions } }`);

/** The nouns whose fields a policy may hide. */
export const NOUNS = ['Model', 'ModelVersion', 'ModelCard', 'Artifact', 'Alias', 'Transition', 'Deployment', 'Dataset', 'DatasetVersion', 'Feature', 'Run', 'Commit', 'Tag', 'Repository', 'TransitionRequest', 'Deprecation', 'Consumer', 'Review', 'LogEntry'] as const;

export function Matrix() {
  const [params, set] = useUrlState();
  const noun = NOUNS.find((name) => name === params.get('noun')) ?? '';
  const [{ data, fetching, error }] = useQuery({ query: ROLES });
  return (
    <>
      <div className="toolbar">
        <Choice name="Of" value={noun} all="actions" options={NOUNS.map((name) => [name, `fields of ${name}`] as const)} onSet={(value) => set({ noun: value })} />
      </div>
      <Answer data={data?.roles} fetching={fetching} error={error}>
        {(roles) => {
          const names = roles.map(({ name }) => name);
          if (noun !== '') return <Fields key={noun} noun={noun} roles={names} />;
          const actions = [...new Set(roles.flatMap((role) => role.actions))].sort();
          return (
            <Grid
              title="Roles and actions"
              roles={names}
              rows={actions}
              cell={(role, action) => ({ allowed: roles.find(({ name }) => name === role)!.actions.includes(action), why: '' })}
              href={(role, action) => `/access?${new URLSearchParams({ part: 'explain', role, action })}`}
            />
          );
        }}
      </Answer>
    </>
  );
}

function Fields({ noun, roles }: { noun: string; roles: string[] }) {
  const client = useClient();
  const [cells, setCells] = useState<Map<string, Cell> | null>(null);
  useEffect(() => {
    let left = false;
    const ask = async () => {
      const found = await askCells(client, roles, await askFields(client, noun));
      if (!left) setCells(found);
    };
    void ask().catch(() => undefined); // The frame tells of a server that does not answer.
    return () => {
      left = true;
    };
  }, [noun, client]);
  if (cells === null) return <Skeleton lines={12} />;
  const known = [...new Set([...cells.keys()].map((key) => key.slice(key.indexOf(' ') + 1)))];
  return <Grid title={`Roles and the fields of ${noun}`} roles={roles} rows={known} short={(field) => field.slice(noun.length + 1)} cell={(role, field) => cells.get(cellKey(role, field))} href={(role, field) => `/access?${new URLSearchParams({ part: 'explain', role, field })}`} />;
}

interface GridProps {
  title: string;
  roles: readonly string[];
  rows: readonly string[];
  short?: (row: string) => string;
  cell: (role: string, row: string) => Cell | undefined;
  href: (role: string, row: string) => string;
}

/** A table of yes and no. Each cell leads to its explanation. */
function Grid({ title, roles, rows, short = (row) => row, cell, href }: GridProps) {
  return (
    <Panel title={title}>
      <div className="scroll">
        <table className="matrix">
          <caption className="visually-hidden">{title}</caption>
          <thead>
            <tr>
              <th scope="col">{rows.length} rows</th>
              {roles.map((role) => (
                <th key={role} scope="col">
                  {role}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row}>
                <th scope="row">{short(row)}</th>
                {roles.map((role) => {
                  const one = cell(role, row);
                  return (
                    <td key={role} data-allowed={one?.allowed}>
                      <Link href={href(role, row)} title={one?.why || undefined}>
                        {one?.allowed ? '✓ yes' : '– no'}
                        <span className="visually-hidden">
                          , {role} on {row}
                        </span>
                      </Link>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
