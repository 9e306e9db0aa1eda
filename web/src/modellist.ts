import { hiddenFieldsText } from './errortext';
import { ask } from './api';
import { nodeIdInHash, type Context } from './context';
import { h, setChildren, withCode } from './dom';
import { MODELS, nodesOf, type Model, type ModelsData, type PageInfo, type VersionRef } from './queries';
import { enumLabel } from './labels';

/** The list of models. onChoose receives the model and whether the user chose it; otherwise the page did at its start. */
export function makeModelList(context: Context, onChoose: (model: Model, byUser: boolean) => void) {
  const status = h('p', { class: 'status', role: 'status' });
  const notice = h('div', {});
  const filter = h('input', { id: 'filter', type: 'search', autocomplete: 'off', spellcheck: 'false', placeholder: 'Filter by name or owner', 'aria-label': 'Filter the models' });
  const body = h('tbody', {});
  const table = h(
    'table',
    { class: 'models', 'aria-labelledby': 'models-title' },
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Model'), h('th', { scope: 'col' }, 'Production'), h('th', { scope: 'col' }, 'Latest'))),
    body,
  );
  const more = h('button', { type: 'button', hidden: true }, 'Load more models');
  const element = h('section', { class: 'panel', 'aria-labelledby': 'models-title' }, h('h2', { id: 'models-title' }, 'Models'), filter, notice, table, more, status);

  const rows: { model: Model; row: HTMLTableRowElement; button: HTMLButtonElement }[] = [];
  let page: PageInfo | null = null;

  function choose(model: Model, byUser: boolean): void {
    for (const entry of rows) {
      entry.button.setAttribute('aria-pressed', String(entry.model === model));
      entry.row.classList.toggle('chosen', entry.model === model);
    }
    onChoose(model, byUser);
  }

  function add(model: Model): void {
    const button = h('button', { type: 'button', class: 'link', 'aria-pressed': 'false' }, model.name ?? 'restricted model');
    // Versions are queried by the model's name: a model without a name cannot be chosen.
    button.disabled = model.name === null;
    button.addEventListener('click', () => choose(model, true));
    const row = h(
      'tr',
      {},
      h('th', { scope: 'row' }, button, model.owner !== null && h('span', { class: 'muted owner' }, model.owner)),
      h('td', {}, versionCell(model.productionVersion)),
      h('td', {}, versionCell(model.latestVersion)),
    );
    rows.push({ model, row, button });
    body.append(row);
  }

  function applyFilter(): void {
    const wanted = filter.value.trim().toLowerCase();
    let shown = 0;
    for (const { model, row } of rows) {
      row.hidden = !`${model.name ?? ''}\n${model.owner ?? ''}`.toLowerCase().includes(wanted);
      if (!row.hidden) shown++;
    }
    status.textContent = wanted !== '' ? `${shown} of ${rows.length} loaded models match.` : '';
  }
  filter.addEventListener('input', applyFilter);

  function showEmpty(): void {
    table.hidden = true;
    filter.hidden = true;
    setChildren(notice, h('p', { class: 'empty' }, withCode('No models yet: run `pedigree import dvc PATH`, which lists what may be models, or `pedigree demo load`. Models that your roles may not see are not listed.')));
  }

  /** Loads the next page. After the first, chooses the model of the node in the address, or one with a production version. */
  async function load(): Promise<void> {
    const first = page === null;
    more.disabled = true;
    status.textContent = 'Loading…';
    try {
      const { data, errors } = await ask<ModelsData>(MODELS, { after: page?.endCursor ?? null }, context.signal);
      for (const model of nodesOf(data.models)) add(model);
      page = data.models?.pageInfo ?? { hasNextPage: false, endCursor: null };
      more.hidden = !page.hasNextPage;
      setChildren(notice, errors.length > 0 && h('p', { class: 'notice' }, hiddenFieldsText(errors)));
      applyFilter();
      if (rows.length === 0) {
        if (errors.length === 0) showEmpty();
        return;
      }
      if (first) chooseFirst();
    } catch (err) {
      if (context.signal.aborted) return;
      status.textContent = '';
      setChildren(notice, h('p', { class: 'error', role: 'alert' }, withCode(context.onFailure(err))));
      more.hidden = false;
      more.textContent = 'Try again';
      return;
    } finally {
      more.disabled = false;
    }
    more.textContent = 'Load more models';
  }
  more.addEventListener('click', () => void load());

  function chooseFirst(): void {
    const wanted = nodeIdInHash();
    const named = rows.map((entry) => entry.model).filter((model) => model.name !== null);
    const model =
      wanted === null
        ? (named.find((candidate) => candidate.productionVersion !== null) ?? named[0])
        : named.find((candidate) => candidate.productionVersion?.id === wanted || candidate.latestVersion?.id === wanted);
    if (model) choose(model, false);
  }

  return { element, load };
}

function versionCell(version: VersionRef | null): Node {
  if (version === null) return h('span', { class: 'muted' }, 'none');
  const cell = document.createDocumentFragment();
  cell.append(h('span', { class: 'version' }, version.version ?? 'restricted'));
  if (version.stage !== null) cell.append(' ', h('span', { class: 'stage', 'data-stage': version.stage }, enumLabel(version.stage)));
  return cell;
}
