// What happens in the registry, while a page shows what waits. One connection serves all of a page, and ends with it.
import { useEffect, useRef } from 'react';
import { print } from 'graphql/language/printer';
import { graphql } from './graphql';
import { BASE, REQUEST_HEADER } from './session';
import { useViewer } from './viewer';

const LOG = graphql(`subscription LiveLog($after: Int64) { logEntries(after: $after) { seq } }`);
const APPROVALS = graphql(`subscription LiveApprovals($after: Int64) { approvals(after: $after) { seq } }`);
const TRANSITIONS = graphql(`subscription LiveTransitions($after: Int64) { transitions(after: $after) { seq } }`);

/** How long a page waits before it connects again, and for the rest of what happens together, in ms. */
const RECONNECT = 5000;
const TOGETHER = 250;

const listeners = new Set<() => void>();
let connection: AbortController | null = null;

/** Reads events until the connection ends. Returns the sequence of the last one. */
async function follow(query: string, after: string | null, signal: AbortSignal): Promise<string | null> {
  // A browser's EventSource cannot send the header that shows that this page asks.
  const response = await fetch(`${BASE}/graphql`, {
    method: 'POST',
    headers: { ...REQUEST_HEADER, 'Content-Type': 'application/json', Accept: 'text/event-stream' },
    body: JSON.stringify({ query, variables: { after } }),
    credentials: 'same-origin',
    cache: 'no-store',
    signal,
  });
  if (!response.ok || response.body === null) throw new Error(String(response.status));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let last = after;
  let rest = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return last;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('id: ')) last = line.slice(4).trim();
    if (!lines.includes('event: next')) continue;
    clearTimeout(timer);
    timer = setTimeout(() => {
      for (const listener of listeners) listener();
    }, TOGETHER);
  }
}

async function connect(query: string): Promise<void> {
  const own = new AbortController();
  connection = own;
  let after: string | null = null;
  while (!own.signal.aborted) {
    try {
      after = await follow(query, after, own.signal);
    } catch {
      // Refused, or the server is gone; the frame of the pages tells of the latter.
    }
    if (!own.signal.aborted) await new Promise((resolve) => setTimeout(resolve, RECONNECT));
  }
}

/** Calls again when something happened that the caller may see. */
export function useLive(again: () => void): void {
  const viewer = useViewer();
  const current = useRef(again);
  current.current = again;
  const may = (action: string) => viewer?.actions.includes(action) ?? false;
  const document = may('log.read') ? LOG : may('request.read') ? APPROVALS : may('catalog.read') ? TRANSITIONS : null;
  const query = document === null ? '' : print(document);
  useEffect(() => {
    if (query === '') return undefined;
    const listener = () => current.current();
    listeners.add(listener);
    if (connection === null) void connect(query);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      connection?.abort();
      connection = null;
    };
  }, [query]);
}
