import { hiddenFieldsText } from './errortext';
import { RequestError, ask, type GraphQLError } from './api';
import { nodeIdInHash, nodeHref, type Context } from './context';
import { count, h, setChildren, withCode } from './dom';
import { makeNodePicker } from './nodepicker';
import { LINEAGE, VERSIONS, type Lineage, type LineageData, type LineageEdge, type LineageNode, type Model, type VersionsData } from './queries';
import { buildTree, type TreeNode } from './treemodel';
import { TreeView } from './treeview';
import { enumLabel, nodeTitle, truncationText } from './labels';

/** The number of pages that load automatically. The user loads the rest, so that one click never loads thousands of rows. */
const PAGES_AT_ONCE = 5;

/** The panel with the provenance tree of the node in the page's address. */
export function makeTreePanel(context: Context) {
  const heading = h('h2', { id: 'tree-title' }, 'Provenance');
  const status = h('p', { class: 'status', role: 'status' });
  const notices = h('div', { class: 'notices' });
  const tools = h('div', { class: 'tools', hidden: true });
  const treeSlot = h('div', { class: 'tree-place' });
  const details = h('div', { class: 'details', 'aria-live': 'polite' });
  const more = h('button', { type: 'button', hidden: true }, 'Load more nodes');
  const picker = makeNodePicker((id) => go(id, 'push'));
  const element = h('section', { class: 'panel', 'aria-labelledby': 'tree-title' }, heading, picker.element, status, notices, tools, treeSlot, more, details);

  const unfold = h('button', { type: 'button' }, 'Unfold all');
  const fold = h('button', { type: 'button' }, 'Fold all');
  tools.append(unfold, fold, h('span', { class: 'muted keys' }, 'Arrow keys move through the tree, Enter shows a node’s details.'));

  let tree: TreeView | null = null;
  let request = new AbortController();
  let versionsRequest = new AbortController();
  let shown: string | null = null;
  let focusNext = false;

  unfold.addEventListener('click', () => tree?.expandAll(true));
  fold.addEventListener('click', () => tree?.expandAll(false));

  /** Shows a node and puts it into the address, so that back, forward and links work. */
  function go(id: string, how: 'push' | 'replace'): void {
    history[how === 'push' ? 'pushState' : 'replaceState'](null, '', nodeHref(id));
    void show(id);
  }

  /** Loads a model's versions into the picker. Unless the address names a node, shows the production or latest version. */
  async function showModel(model: Model, byUser: boolean): Promise<void> {
    versionsRequest.abort();
    versionsRequest = new AbortController();
    const { signal } = versionsRequest;
    const wanted = byUser ? null : nodeIdInHash();
    const best = model.productionVersion ?? model.latestVersion;
    if (wanted === null && best !== null) go(best.id, byUser ? 'push' : 'replace');
    try {
      const { data, errors } = await ask<VersionsData>(VERSIONS, { name: model.name }, AbortSignal.any([signal, context.signal]));
      const first = picker.showVersions(model, data.model?.versions ?? null, errors);
      if (wanted === null && best === null) {
        if (first !== null) go(first, byUser ? 'push' : 'replace');
        else {
          shown = null;
          clear(`${model.name} has no versions that you may see.`);
        }
      } else picker.setSelected(nodeIdInHash());
    } catch (err) {
      if (!signal.aborted && !context.signal.aborted) picker.showError(context.onFailure(err));
    }
  }

  function clear(message = ''): void {
    tree = null;
    heading.textContent = 'Provenance';
    status.textContent = message;
    more.hidden = true;
    tools.hidden = true;
    setChildren(notices);
    setChildren(treeSlot);
    setChildren(details);
  }

  async function show(id: string): Promise<void> {
    request.abort();
    request = new AbortController();
    const signal = AbortSignal.any([request.signal, context.signal]);
    shown = id;
    picker.setSelected(id);
    clear('Loading…');
    element.setAttribute('aria-busy', 'true');
    const loaded: Loaded = { nodes: [], edges: [], errors: [], last: null };
    await loadPages(id, loaded, signal);
    if (!signal.aborted) element.removeAttribute('aria-busy');
  }

  async function loadPages(id: string, loaded: Loaded, signal: AbortSignal): Promise<void> {
    more.disabled = true;
    try {
      for (let page = 0; page < PAGES_AT_ONCE; page++) {
        const { data, errors } = await ask<LineageData>(LINEAGE, { of: id, after: loaded.last?.pageInfo?.endCursor ?? null }, signal);
        if (data.lineage === null) throw new RequestError(errors[0]?.extensions?.code ?? 'INTERNAL', errors[0]?.message ?? 'The server sent no lineage.');
        loaded.nodes.push(...(data.lineage.nodes ?? []).filter((node) => node !== null));
        loaded.edges.push(...(data.lineage.edges ?? []).filter((edge) => edge !== null));
        loaded.errors.push(...errors);
        loaded.last = data.lineage;
        if (!data.lineage.pageInfo?.hasNextPage) break;
      }
      draw(id, loaded, signal);
    } catch (err) {
      if (signal.aborted) return;
      if (loaded.nodes.length > 0) draw(id, loaded, signal);
      else clear();
      notices.prepend(h('p', { class: 'error', role: 'alert' }, withCode(context.onFailure(err))));
    } finally {
      more.disabled = false;
    }
  }

  function draw(id: string, loaded: Loaded, signal: AbortSignal): void {
    const root = buildTree(loaded.last?.root ?? id, loaded.nodes, loaded.edges);
    if (root === null) {
      clear('Nothing to draw: the server sent no nodes for this id.');
      if (loaded.errors.length > 0) setChildren(notices, h('p', { class: 'notice' }, hiddenFieldsText(loaded.errors)));
      return;
    }
    const hasFocus = treeSlot.contains(document.activeElement) || document.activeElement === more;
    setChildren(heading, 'Provenance of ', h('span', { class: 'subject-name' }, nodeTitle(root)));
    const next = loaded.last?.pageInfo?.hasNextPage === true;
    setChildren(status, ...summary(loaded, next));
    const sentences = truncationText(loaded.last?.truncation ?? null);
    setChildren(
      notices,
      sentences.length > 0 && h('p', { class: 'notice truncation' }, sentences.join(' ')),
      loaded.errors.length > 0 && h('p', { class: 'notice' }, hiddenFieldsText(loaded.errors)),
    );
    tree = new TreeView(root, `Provenance of ${nodeTitle(root)}`, (node) => showDetails(node, root));
    setChildren(treeSlot, tree.element);
    setChildren(details);
    tools.hidden = root.children.length === 0;
    more.hidden = !next;
    more.onclick = () => void loadPages(id, loaded, signal);
    if (focusNext || hasFocus) tree.focus();
    focusNext = false;
  }

  function showDetails(node: TreeNode, root: TreeNode): void {
    const facts = h('dl', {});
    const fact = (term: string, ...value: (Node | string)[]) => facts.append(h('div', {}, h('dt', {}, term), h('dd', {}, ...value)));
    fact('Kind', enumLabel(node.kind));
    // The id of a restricted node is generated for this caller, and the server does not accept it as input.
    if (!node.restricted) fact('Id', h('code', {}, node.id));
    fact('Depth', String(node.depth));
    if (node.layer !== null) fact('Layer', String(node.layer));
    if (node.upstreamDegree !== null) fact('Causes', String(node.upstreamDegree));
    if (node.downstreamDegree !== null) fact('Effects', String(node.downstreamDegree));
    if (node.alsoFrom.length > 0) fact('Also from', ...node.alsoFrom.flatMap((id, i) => (i > 0 ? [', ', jump(id)] : [jump(id)])));
    const start = !node.restricted && node !== root ? h('a', { href: nodeHref(node.id) }, 'Start the tree here') : null;
    start?.addEventListener('click', () => {
      focusNext = true;
    });
    setChildren(details, h('h3', {}, nodeTitle(node)), facts, start);
  }

  /** A button that moves the focus to another row of the tree. */
  function jump(id: string): HTMLElement {
    const node = tree?.node(id);
    const button = h('button', { type: 'button', class: 'link' }, node ? nodeTitle(node) : id);
    button.addEventListener('click', () => tree?.focus(id));
    return button;
  }

  /** Shows the node in the address, and again whenever the address changes. */
  function start(): void {
    const follow = () => {
      const id = nodeIdInHash();
      if (id !== null && id !== shown) void show(id);
    };
    window.addEventListener('popstate', follow, { signal: context.signal });
    window.addEventListener('hashchange', follow, { signal: context.signal });
    status.textContent = 'Choose a model to see where it came from.';
    follow();
  }

  return { element, showModel, start };
}

interface Loaded {
  nodes: LineageNode[];
  edges: LineageEdge[];
  errors: GraphQLError[];
  last: Lineage | null;
}

function summary({ nodes, edges, last }: Loaded, next: boolean): (Node | string)[] {
  const deepest = nodes.reduce((depth, node) => Math.max(depth, node.depth ?? 0), 0);
  const parts: (Node | string)[] = [`${next ? 'The nearest ' : ''}${count(nodes.length, 'node')} and ${count(edges.length, 'edge')}, ${count(deepest, 'step')} deep`];
  if (last?.asOf) {
    const when = new Date(last.asOf);
    const text = Number.isNaN(when.getTime()) ? last.asOf : when.toISOString().replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');
    parts.push(', as of ', h('time', { datetime: last.asOf }, text));
  }
  parts.push(next ? '. More nodes follow.' : '.');
  if (last?.historyCut) parts.push(' Older commits are not shown.');
  return parts;
}
