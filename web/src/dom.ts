// Creates elements. Data is only ever set as text: these pages never parse it as markup.

type Child = Node | string | null | undefined | false;

/** Creates an element with attributes and children. Strings become text nodes; null and false are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number | boolean | null | undefined> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child): child is Node | string => child != null && child !== false));
  return element;
}

/** Replaces the children of an element. */
export function setChildren(element: Element, ...children: Child[]): void {
  element.replaceChildren(...children.filter((child): child is Node | string => child != null && child !== false));
}

/** Converts the parts of a text between backquotes to code elements. */
export function withCode(text: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  text.split('`').forEach((part, i) => {
    if (part !== '') fragment.append(i % 2 === 1 ? h('code', {}, part) : part);
  });
  return fragment;
}

/** "1 node", "2 nodes". */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? noun : plural}`;
}
