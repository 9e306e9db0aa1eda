import { Suspense, lazy } from 'react';

const Markdown = lazy(() => import('./Markdown'));

/** A text that people wrote. Its plain form stands there until the renderer is loaded. */
export function Text({ text }: { text: string | null | undefined }) {
  if (text == null || text === '') return null;
  return (
    <Suspense fallback={<p className="description">{text}</p>}>
      <Markdown text={text} />
    </Suspense>
  );
}
