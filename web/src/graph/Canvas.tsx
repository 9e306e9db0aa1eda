// The answer as a picture: causes on the left, effects on the right.
import '@xyflow/react/dist/style.css';
import './canvas.css';
import { memo, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Background, Controls, Handle, MarkerType, MiniMap, Position, ReactFlow, ReactFlowProvider, useReactFlow, type Edge, type Node, type NodeChange, type NodeProps } from '@xyflow/react';
import { count } from '../components/format';
import { KindIcon } from '../components/Marks';
import { Recalled } from '../components/Recalled';
import { enumLabel, nodeTitle } from './labels';
import { columns, layOut, type Box } from './layout';
import type { View, ViewNode } from './view';

interface Data extends Record<string, unknown> {
  node: ViewNode;
  root: boolean;
  selected: boolean;
  dim: boolean;
  onSelect: (id: string) => void;
  onOpen: (id: string) => void;
}

const NodeBox = memo(({ data }: NodeProps<Node<Data>>) => {
  const { node, root, selected, dim, onSelect, onOpen } = data;
  const rolled = node.members.length > 0;
  const name = rolled ? count(node.members.length, enumLabel(node.kind)) : nodeTitle(node);
  return (
    <div className={`node${root ? ' root' : ''}${selected ? ' selected' : ''}${dim ? ' dim' : ''}${rolled ? ' rolled' : ''}${node.restricted ? ' restricted' : ''}${node.recall === 'RECALLED' ? ' recalled' : ''}`} data-kind={node.kind} data-node={node.id}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
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
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
});

/** Returns the object of before when nothing in it changed, so that a large picture draws only what did. */
function same(known: Map<string, Data>, next: Data): Data {
  const before = known.get(next.node.id);
  if (before && Object.keys(next).every((key) => before[key] === next[key])) return before;
  known.set(next.node.id, next);
  return next;
}

const NODE_TYPES = { box: NodeBox };

interface Props {
  view: View;
  root: string;
  selected: string | null;
  found: ReadonlySet<string> | null;
  onSelect: (id: string) => void;
  onOpen: (id: string) => void;
  onPlaced: (boxes: ReadonlyMap<string, Box>) => void;
}

/** The picture, with its own pan and zoom. */
export function Canvas(props: Props) {
  return (
    <ReactFlowProvider>
      <Picture {...props} />
    </ReactFlowProvider>
  );
}

function Picture({ view, root, selected, found, onSelect, onOpen, onPlaced }: Props) {
  const [placed, setPlaced] = useState<{ view: View; boxes: Map<string, Box>; byColumns: boolean } | null>(null);
  const { fitView } = useReactFlow();
  const [sizes, setSizes] = useState<ReadonlyMap<string, { width: number; height: number }>>(new Map());
  const [moved, setMoved] = useState<ReadonlyMap<string, { x: number; y: number }>>(new Map());
  const measured = view.nodes.every(({ id }) => sizes.has(id));
  const change = useCallback((changes: NodeChange[]) => {
    const measures = changes.flatMap((one) => (one.type === 'dimensions' && one.dimensions ? [[one.id, one.dimensions] as const] : []));
    const moves = changes.flatMap((one) => (one.type === 'position' && one.position ? [[one.id, one.position] as const] : []));
    if (measures.length > 0) setSizes((before) => new Map([...before, ...measures]));
    if (moves.length > 0) setMoved((before) => new Map([...before, ...moves]));
  }, []);
  const known = useRef(new Map<string, Data>());
  const placing = useRef<View | null>(null);
  const first = useMemo(() => columns(view.nodes, new Map()), [view]);
  const current = placed?.view === view ? placed : null;

  // Nodes are drawn unseen, measured, laid out, and then shown.
  useEffect(() => {
    if (!measured || current || placing.current === view) return;
    placing.current = view;
    void layOut(view.nodes, view.edges, sizes).then(({ boxes, byColumns }) => {
      if (placing.current !== view) return;
      setPlaced({ view, boxes, byColumns });
      setMoved(new Map());
      onPlaced(boxes);
      requestAnimationFrame(() => void fitView({ padding: 0.12, maxZoom: 1.1, minZoom: 0.05 }));
    });
  }, [measured, view, current, sizes, fitView, onPlaced]);

  const nodes = useMemo<Node<Data>[]>(
    () =>
      view.nodes.map((node) => {
        const box = (current?.boxes ?? placed?.boxes)?.get(node.id) ?? first.get(node.id)!;
        return {
          id: node.id,
          type: 'box',
          position: moved.get(node.id) ?? { x: box.x, y: box.y },
          measured: sizes.get(node.id),
          data: same(known.current, { node, root: node.id === root, selected: node.id === selected, dim: found !== null && !found.has(node.id), onSelect, onOpen }),
          draggable: true,
          focusable: false,
        };
      }),
    [view, placed, current, first, sizes, moved, root, selected, found, onSelect, onOpen],
  );
  const edges = useMemo<Edge[]>(
    () =>
      view.edges.map((edge) => ({
        id: edge.id,
        source: edge.to,
        target: edge.from,
        markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: 'var(--control-line)' },
        className: selected !== null && (edge.from === selected || edge.to === selected) ? 'near' : '',
        label: view.edges.length <= 40 ? enumLabel(edge.kind) : undefined,
        focusable: false,
      })),
    [view, selected],
  );
  return (
    <div className={`canvas${placed ? '' : ' placing'}`} role="group" aria-label="Lineage graph; the table has the same nodes as rows" data-placed={current !== null} data-columns={current?.byColumns}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        onNodesChange={change}
        nodeTypes={NODE_TYPES}
        minZoom={0.05}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        onlyRenderVisibleElements={current !== null && view.nodes.length > 150}
        deleteKeyCode={null}
        disableKeyboardA11y
      >
        <Background gap={24} />
        <Controls showInteractive={false} />
        {view.nodes.length > 25 && <MiniMap pannable aria-label="Overview of the graph" nodeColor="var(--control-line)" />}
      </ReactFlow>
    </div>
  );
}
