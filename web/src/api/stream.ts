// A subscription over server-sent events.
import { BASE, REQUEST_HEADER } from './session';

/** The server answered, and not with a stream. */
export class Refused extends Error {}

/** Reads events until the connection ends or the signal comes. Tells when it is open, and the sequence of each event. */
export async function readStream(query: string, after: string | null, signal: AbortSignal, onOpen: () => void, onEvent: (seq: string | null) => void): Promise<void> {
  // A browser's EventSource cannot send the header that shows that this page asks.
  const response = await fetch(`${BASE}/graphql`, {
    method: 'POST',
    headers: { ...REQUEST_HEADER, 'Content-Type': 'application/json', Accept: 'text/event-stream' },
    body: JSON.stringify({ query, variables: { after } }),
    credentials: 'same-origin',
    cache: 'no-store',
    signal,
  });
  if (!response.ok || response.body === null) throw new Refused(String(response.status));
  onOpen();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let id: string | null = null;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('id: ')) id = line.slice(4).trim();
    if (lines.includes('event: next')) onEvent(id);
  }
}
