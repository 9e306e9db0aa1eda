import { useEffect, useRef, useState } from 'react';
import type { TreeNode } from './treemodel';
import { nodeTitle } from './labels';
import { TreeView } from './treeview';

interface Props {
  root: TreeNode;
  selected: string | null;
  onSelect: (id: string) => void;
}

/** The answer as a tree by treeParent: each node once, below the node that the walk found it from. */
export function Tree({ root, selected, onSelect }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const choose = useRef(onSelect);
  choose.current = onSelect;
  const [view, setView] = useState<TreeView | null>(null);
  useEffect(() => {
    const next = new TreeView(root, `Provenance of ${nodeTitle(root)}`, (node) => choose.current(node.id));
    place.current!.replaceChildren(next.element);
    setView(next);
  }, [root]);
  useEffect(() => {
    if (view && selected !== null) view.mark(selected);
  }, [view, selected]);
  return (
    <>
      {root.children.length > 0 && (
        <div className="toolbar no-print">
          <button type="button" onClick={() => view?.expandAll(true)}>
            Unfold all
          </button>
          <button type="button" onClick={() => view?.expandAll(false)}>
            Fold all
          </button>
          <span className="muted small">Arrow keys move through the tree, Enter shows a node’s details.</span>
        </div>
      )}
      <div ref={place} />
    </>
  );
}
