// What was just done, where the page does not show it by itself. The frame says it until the reader goes on.
let text = '';
const listeners = new Set<() => void>();

/** Says something in the frame's status line; '' says nothing. */
export function say(what: string) {
  if (what === text) return;
  text = what;
  for (const listener of listeners) listener();
}

export const said = () => text;

export function onSaid(listener: () => void) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
