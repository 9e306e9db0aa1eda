import { hiddenWords } from './advice';
import type { GraphQLError } from './api';
import { fill as fillElement, h, hint } from './dom';
import { nodesOf, type Deployment, type Model, type Version, type VersionsData } from './queries';
import { words } from './words';

type Versions = NonNullable<VersionsData['model']>['versions'];

/** The inputs that choose what the tree starts from: a version or deployment of the model, or any node by its id. */
export function makePicker(onPick: (id: string) => void) {
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

  function tell(text: string): void {
    fillElement(notice, hint(text));
    notice.hidden = text === '';
  }

  /** Lists a model's versions and deployments. Returns the first version's id, or null without versions. */
  function fill(model: Model, versions: Versions, errors: GraphQLError[]): string | null {
    const found = nodesOf(versions);
    label.textContent = `Version or deployment of ${model.name}`;
    const deployments = found.flatMap((version) => nodesOf(version.deployments).map((deployment) => ({ version, deployment })));
    fillElement(
      select,
      h('option', { value: '', hidden: true }, 'Choose…'),
      found.length > 0 && h('optgroup', { label: 'Versions' }, ...found.map(versionOption)),
      deployments.length > 0 && h('optgroup', { label: 'Deployments' }, ...deployments.map(deploymentOption)),
    );
    choice.hidden = found.length === 0;
    const cut = versions?.pageInfo?.hasNextPage || found.some((version) => version.deployments?.pageInfo?.hasNextPage);
    tell([cut ? 'Only the first versions and deployments are listed; the others open by their id.' : '', hiddenWords(errors)].filter(Boolean).join(' '));
    return found[0]?.id ?? null;
  }

  /** Shows which entry the tree starts from; none when it starts elsewhere. */
  function mark(id: string | null): void {
    select.value = id ?? '';
    if (select.selectedIndex < 0) select.value = '';
    input.value = id ?? '';
  }

  /** Tells that the versions could not be listed. */
  function fail(text: string): void {
    choice.hidden = true;
    tell(text);
  }

  return { element, fill, mark, fail };
}

function versionOption(version: Version): HTMLOptionElement {
  return h('option', { value: version.id }, [version.version ?? 'restricted version', version.stage === null ? '' : words(version.stage)].filter(Boolean).join(' — '));
}

function deploymentOption({ version, deployment }: { version: Version; deployment: Deployment }): HTMLOptionElement {
  const where = [deployment.environment, deployment.endpoint].filter((part) => part != null && part !== '').join(' / ');
  const state = deployment.live === null ? '' : deployment.live ? 'live' : 'ended';
  const text = [where || (deployment.name ?? 'restricted deployment'), version.version ?? '', state].filter(Boolean).join(' — ');
  return h('option', { value: deployment.id }, text);
}
