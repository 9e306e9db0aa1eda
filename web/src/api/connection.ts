// What the last requests say about the server and the session. The frame of the pages shows it.

/** Whether the server answers, and whether it knows the session. */
export interface ConnectionState {
  online: boolean;
  sessionEnded: boolean;
}

let state: ConnectionState = { online: true, sessionEnded: false };
const listeners = new Set<() => void>();

function set(change: Partial<ConnectionState>): void {
  const next = { ...state, ...change };
  if (next.online === state.online && next.sessionEnded === state.sessionEnded) return;
  state = next;
  for (const listener of listeners) listener();
}

/** The state now. */
export const connectionState = () => state;

/** Calls the listener at every change, until the returned function is called. */
export function onConnectionChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Forgets that a session has ended: a new one has begun. */
export const sessionBegan = () => set({ sessionEnded: false });

/** fetch, which notes whether there was an answer. */
export const watchedFetch: typeof fetch = async (input, init) => {
  let response: Response;
  try {
    response = await fetch(input, init);
  } catch (err) {
    if (!init?.signal?.aborted) set({ online: false });
    throw err;
  }
  set({ online: response.status < 502 || response.status > 504, sessionEnded: response.status === 401 });
  return response;
};
