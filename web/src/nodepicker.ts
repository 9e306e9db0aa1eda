import { hiddenFieldsText } from './errortext';
import type { GraphQLError } from './api';
import { h, setChildren, withCode } from './dom';
import { nodesOf, type Deployment, type Model, type Version, type VersionsData } from './queries';
import { enumLabel } from './labels';

type Versions = NonNullable<VersionsData['model']>['versions'];

/** The inputs that choose the root of the tree: a version or deployment of the model, or any node by its id. */
export function makeNodePicker(onPick: (id: string) => void) {
  const select = h('select', { id: 'start' });
  const label = h('label', { for: 'start' }, 'Version or deployment');
  const choice = h('div', { class: 'field', hidden: true }, label, select);
  const input = h('input', { id: 'node-id', type: 'text', autocomplete: 'off', spellcheck: 'false', required: true });
  const byId = h(
    'form',
    { class: 'field' },
    h('label', { for: 'node-id' }, 'Any node’s id'),
    h('span', { class: 'joined' }, input, h('button', { type: 'submit' }, 'Draw')),
  );
  const notice = h('p', { class: 'notice', hidden: true });
  const element = h('div', { class: 'picker' }, choice, byId, notice);

  select.addEventListener('change', () => {
    if (select.value !== '') onPick(select.value);
  });
  byId.addEventListener('submit', (event) => {
    event.preventDefault();
    const id = input.value.trim();
    if (id !== '') onPick(id);
  });

  function showNotice(text: string): void {
    setChildren(notice, withCode(text));
    notice.hidden = text === '';
  }

  /** Lists a model's versions and deployments. Returns the id of the first version, or null when there is none. */
  function showVersions(model: Model, versions: Versions, errors: GraphQLError[]): string | null {
    const found = nodesOf(versions);
    label.textContent = `Version or deployment of ${model.name}`;
    const deployments = found.flatMap((version) => nodesOf(version.deployments).map((deployment) => ({ version, deployment })));
    setChildren(
      select,
      h('option', { value: '', hidden: true }, 'Choose…'),
      found.length > 0 && h('optgroup', { label: 'Versions' }, ...found.map(versionOption)),
      deployments.length > 0 && h('optgroup', { label: 'Deployments' }, ...deployments.map(deploymentOption)),
    );
    choice.hidden = found.length === 0;
    const cut = versions?.pageInfo?.hasNextPage || found.some((version) => version.deployments?.pageInfo?.hasNextPage);
    showNotice([cut ? 'Only the first versions and deployments are listed; the others open by their id.' : '', hiddenFieldsText(errors)].filter(Boolean).join(' '));
    return found[0]?.id ?? null;
  }

  /** Selects the entry of the tree's root, or no entry when the root is another node. */
  function setSelected(id: string | null): void {
    select.value = id ?? '';
    if (select.selectedIndex < 0) select.value = '';
    input.value = id ?? '';
  }

  /** Shows that the versions could not be listed. */
  function showError(text: string): void {
    choice.hidden = true;
    showNotice(text);
  }

  return { element, showVersions, setSelected, showError };
}

function versionOption(version: Version): HTMLOptionElement {
  return h('option', { value: version.id }, [version.version ?? 'restricted version', version.stage === null ? '' : enumLabel(version.stage)].filter(Boolean).join(' — '));
}

function deploymentOption({ version, deployment }: { version: Version; deployment: Deployment }): HTMLOptionElement {
  const where = [deployment.environment, deployment.endpoint].filter((part) => part != null && part !== '').join(' / ');
  const state = deployment.live === null ? '' : deployment.live ? 'live' : 'ended';
  const text = [where || (deployment.name ?? 'restricted deployment'), version.version ?? '', state].filter(Boolean).join(' — ');
  return h('option', { value: deployment.id }, text);
}
