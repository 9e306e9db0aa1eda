// One node of the picture, and how large it is.
import { memo, useLayoutEffect, useRef } from 'react';
import { Handle, Position, type Node, type NodeProps } from '@xyflow/react';
import { count } from '../components/format';
import { KindIcon } from '../components/Marks';
import { Recalled } from '../components/Recalled';
import { enumLabel, nodeTitle } from './labels';
import type { ViewNode } from './view';

/** What a node of the picture shows, and what it does. */
export interface NodeData extends Record<string, unknown> {
  node: ViewNode;
  root: boolean;
  selected: boolean;
  dim: boolean;
  onSelect: (id: string) => void;
  onOpen: (id: string) => void;
}

/** A node of the picture, between the ends of its lines. */
export const NodeBox = memo(({ data }: NodeProps<Node<NodeData>>) => (
  <>
    <Handle type="target" position={Position.Left} isConnectable={false} />
    <Box {...data} />
    <Handle type="source" position={Position.Right} isConnectable={false} />
  </>
));

function Box({ node, root, selected, dim, onSelect, onOpen }: NodeData) {
  const rolled = node.members.length > 0;
  const name = rolled ? count(node.members.length, enumLabel(node.kind)) : nodeTitle(node);
  return (
    <div className={`node${root ? ' root' : ''}${selected ? ' selected' : ''}${dim ? ' dim' : ''}${rolled ? ' rolled' : ''}${node.restricted ? ' restricted' : ''}${node.recall === 'RECALLED' ? ' recalled' : ''}`} data-kind={node.kind} data-node={node.id}>
      <button type="button" className="nodrag" aria-pressed={selected} onClick={() => (rolled ? onOpen(node.id) : onSelect(node.id))}>
        <span className="kind">
          <KindIcon kind={node.kind} /> {enumLabel(node.kind)} <Recalled id={node.id} state={node.recall} plain />
        </span>
        <span className="title">{name}</span>
        {rolled && <span className="muted small">show each</span>}
      </button>
      {node.hidden > 0 && (
        <button type="button" className="stub nodrag" title={`${count(node.hidden, 'more neighbour')}: show`} aria-label={`Show ${count(node.hidden, 'more neighbour')} of ${name}`} onClick={() => onOpen(node.id)}>
          +{node.hidden}
        </button>
      )}
    </div>
  );
}

/** How large a node is drawn. */
export interface Size {
  width: number;
  height: number;
}

const nothing = () => undefined;

/** Draws nodes unseen, outside of the picture, and tells how large they are. */
export function Measure({ nodes, root, onSizes }: { nodes: readonly ViewNode[]; root: string; onSizes: (sizes: [string, Size][]) => void }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    onSizes([...place.current!.children].map((child, i) => [nodes[i]!.id, { width: (child as HTMLElement).offsetWidth, height: (child as HTMLElement).offsetHeight }]));
  }, [nodes, onSizes]);
  return (
    <div ref={place} className="measure" aria-hidden="true">
      {nodes.map((node) => (
        <Box key={node.id} node={node} root={node.id === root} selected={false} dim={false} onSelect={nothing} onOpen={nothing} />
      ))}
    </div>
  );
}
