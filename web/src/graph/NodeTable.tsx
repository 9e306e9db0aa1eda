import { count } from '../components/format';
import { Kind } from '../components/Marks';
import { Recalled, stateOf } from '../components/Recalled';
import { enumLabel } from './labels';
import type { LineageEdge, LineageNode } from './useLineage';

interface Props {
  nodes: readonly LineageNode[];
  edges: readonly LineageEdge[];
  selected: string | null;
  onSelect: (id: string) => void;
}

/** The answer as a table: for screen readers, and for copying into a sheet. */
export function NodeTable({ nodes, edges, selected, onSelect }: Props) {
  const names = new Map(nodes.map(({ node }) => [node.id, node.name ?? `restricted ${enumLabel(node.kind)}`]));
  const causes = new Map<string, string[]>();
  for (const edge of edges) {
    const name = names.get(edge.to);
    if (name === undefined || !names.has(edge.from)) continue;
    (causes.get(edge.from) ?? causes.set(edge.from, []).get(edge.from)!).push(`${enumLabel(edge.kind)} ${name}`);
  }
  return (
    <div className="scroll">
      <table>
        <caption>
          {count(nodes.length, 'node')}, nearest first
        </caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Kind</th>
            <th scope="col" className="num">
              Steps
            </th>
            <th scope="col">Came from</th>
          </tr>
        </thead>
        <tbody>
          {nodes.map(({ node, depth }) => {
            const from = causes.get(node.id) ?? [];
            return (
              <tr key={node.id} aria-current={node.id === selected || undefined}>
                <th scope="row">
                  {node.name === null ? (
                    <em className="muted">{names.get(node.id)}</em>
                  ) : (
                    <button type="button" className="link" onClick={() => onSelect(node.id)}>
                      {node.name}
                    </button>
                  )}
                </th>
                <td>
                  <Kind kind={node.kind} /> <Recalled id={node.id} state={stateOf(node)} />
                </td>
                <td className="num">{depth}</td>
                <td>
                  {from.slice(0, 5).join('; ')}
                  {from.length > 5 && <span className="muted"> and {count(from.length - 5, 'other')}</span>}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
