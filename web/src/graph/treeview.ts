import { count } from '../components/format';
import { h } from './dom';
import { flatten, type TreeNode } from './treemodel';
import { enumLabel, nodeTitle } from './labels';

/** A tree with more rows than this starts folded below UNFOLDED_DEPTH levels. */
const UNFOLDED_ROWS = 300;
const UNFOLDED_DEPTH = 3;

interface Row {
  node: TreeNode;
  item: HTMLLIElement;
  group: HTMLUListElement | null;
  parent: Row | null;
}

/**
 * A tree after WAI-ARIA's tree view pattern: a roving tabindex, arrow keys to move and fold, Home and End, Enter and
 * Space to choose, letters to find a row. Folded branches are display: none, which also hides them from screen readers.
 */
export class TreeView {
  readonly element: HTMLUListElement;
  private readonly rows = new Map<string, Row>();
  private readonly order: Row[] = [];
  /** The row with the tab stop. */
  private current: Row;
  private typed = '';
  private typedAt = 0;

  constructor(
    root: TreeNode,
    label: string,
    private readonly onChoose: (node: TreeNode) => void,
  ) {
    this.element = h('ul', { role: 'tree', 'aria-label': label, class: 'tree' });
    const nodes = flatten(root);
    const folded = nodes.length > UNFOLDED_ROWS ? UNFOLDED_DEPTH : Infinity;
    // Uses a stack, not recursion: a commit history is a chain that may be thousands of nodes deep.
    const queue: { node: TreeNode; parent: Row | null; level: number; at: number; size: number }[] = [
      { node: root, parent: null, level: 1, at: 1, size: 1 },
    ];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const { node, parent, level } = next;
      const row = makeRow(node, parent, level, next.at, next.size, level <= folded);
      (parent === null ? this.element : parent.group!).append(row.item);
      this.rows.set(node.id, row);
      this.order.push(row);
      const size = node.children.length;
      for (let i = size - 1; i >= 0; i--) {
        queue.push({ node: node.children[i]!, parent: row, level: level + 1, at: i + 1, size });
      }
    }
    this.current = this.order[0]!;
    this.current.item.tabIndex = 0;
    this.element.addEventListener('keydown', (event) => this.onKey(event));
    this.element.addEventListener('click', (event) => this.onClick(event));
    this.element.addEventListener('focusin', (event) => {
      const row = this.rowOf(event.target);
      if (row) this.makeCurrent(row);
    });
  }

  /** Marks a node as chosen. */
  mark(id: string): void {
    for (const other of this.order) other.item.setAttribute('aria-selected', String(other.node.id === id));
  }

  /** Marks a node as chosen and calls onChoose. */
  private choose(id: string): void {
    const row = this.rows.get(id);
    if (row === undefined) return;
    this.mark(id);
    this.onChoose(row.node);
  }

  /** Unfolds or folds all rows except the root, which stays unfolded. */
  expandAll(expanded: boolean): void {
    for (const row of this.order) this.setExpanded(row, expanded || row.parent === null);
    if (!expanded && this.current.parent !== null) {
      let top = this.current;
      while (top.parent?.parent) top = top.parent;
      this.makeCurrent(top);
    }
  }

  private onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const row = this.rowOf(event.target);
    if (row === null) return;
    const visible = this.order.filter((candidate) => isVisible(candidate));
    const at = visible.indexOf(row);
    const expanded = row.item.getAttribute('aria-expanded');
    switch (event.key) {
      case 'ArrowDown':
        this.move(visible[at + 1]);
        break;
      case 'ArrowUp':
        this.move(visible[at - 1]);
        break;
      case 'ArrowRight':
        if (expanded === 'false') this.setExpanded(row, true);
        else if (expanded === 'true') this.move(visible[at + 1]);
        break;
      case 'ArrowLeft':
        if (expanded === 'true') this.setExpanded(row, false);
        else this.move(row.parent ?? undefined);
        break;
      case 'Home':
        this.move(visible[0]);
        break;
      case 'End':
        this.move(visible.at(-1));
        break;
      case 'Enter':
      case ' ':
        this.choose(row.node.id);
        break;
      default:
        if (event.key.length !== 1 || !this.find(event.key, visible, at, event.timeStamp)) return;
    }
    event.preventDefault();
  }

  /** Moves to the next row whose title starts with the letters typed within 600 ms of each other. */
  private find(key: string, visible: Row[], at: number, now: number): boolean {
    this.typed = now - this.typedAt < 600 ? this.typed + key.toLowerCase() : key.toLowerCase();
    this.typedAt = now;
    const from = this.typed.length > 1 ? at : at + 1;
    const inOrder = [...visible.slice(from), ...visible.slice(0, from)];
    const hit = inOrder.find((row) => nodeTitle(row.node).toLowerCase().startsWith(this.typed));
    this.move(hit);
    return hit !== undefined;
  }

  private onClick(event: MouseEvent): void {
    const row = this.rowOf(event.target);
    if (row === null) return;
    row.item.focus({ preventScroll: true });
    if (event.target instanceof Element && event.target.closest('.twisty')) {
      this.setExpanded(row, row.item.getAttribute('aria-expanded') === 'false');
    } else {
      this.choose(row.node.id);
    }
  }

  private rowOf(target: EventTarget | null): Row | null {
    const item = target instanceof Element ? target.closest<HTMLElement>('[role=treeitem]') : null;
    return (item && this.rows.get(item.dataset['node'] ?? '')) ?? null;
  }

  private move(row: Row | undefined): void {
    row?.item.focus();
  }

  private makeCurrent(row: Row): void {
    this.current.item.tabIndex = -1;
    row.item.tabIndex = 0;
    this.current = row;
  }

  private setExpanded(row: Row, expanded: boolean): void {
    if (row.group === null) return;
    row.item.setAttribute('aria-expanded', String(expanded));
    // The tab stop must not disappear with a folded branch.
    if (!expanded && row.group.contains(this.current.item)) this.makeCurrent(row);
  }
}

let rowsMade = 0;

function makeRow(node: TreeNode, parent: Row | null, level: number, at: number, size: number, expanded: boolean): Row {
  const label = `tree-row-${++rowsMade}`;
  const depth = `${label}-depth`;
  const branch = node.children.length > 0;
  const item = h('li', {
    role: 'treeitem',
    'aria-level': level,
    'aria-posinset': at,
    'aria-setsize': size,
    'aria-expanded': branch ? String(expanded) : null,
    'aria-selected': 'false',
    'aria-labelledby': `${label} ${depth}`,
    tabindex: -1,
    'data-node': node.id,
    'data-kind': node.kind,
  });
  item.append(
    h(
      'div',
      { class: node.restricted ? 'row restricted' : 'row' },
      h('span', { class: branch ? 'twisty' : 'twisty none', 'aria-hidden': 'true' }),
      h(
        'div',
        { class: 'text' },
        h(
          'span',
          { id: label, class: 'label' },
          node.relation !== null && h('span', { class: 'relation' }, enumLabel(node.relation)),
          node.relation !== null && ' ',
          !node.restricted && h('span', { class: 'kind' }, enumLabel(node.kind)),
          !node.restricted && ' ',
          h('span', { class: 'name' }, nodeTitle(node)),
          node.alsoFrom.length > 0 && ' ',
          node.alsoFrom.length > 0 && h('span', { class: 'shared' }, `also from ${count(node.alsoFrom.length, 'other')}`),
        ),
        ' ',
        h('span', { class: 'depth', id: depth }, `depth ${node.depth}`),
      ),
    ),
  );
  const group = branch ? h('ul', { role: 'group' }) : null;
  if (group) item.append(group);
  return { node, item, group, parent };
}

function isVisible(row: Row): boolean {
  for (let above = row.parent; above !== null; above = above.parent) {
    if (above.item.getAttribute('aria-expanded') === 'false') return false;
  }
  return true;
}
