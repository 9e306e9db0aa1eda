import { useMemo, type ReactNode } from 'react';
import Renderer from 'react-markdown';
import gfm from 'remark-gfm';
import { Link } from 'wouter';

interface Props {
  text: string;
  /** The page that an address within these pages leads to; null for any other address. */
  inside?: (url: string) => string | null;
}

/**
 * A text that people wrote, as Markdown. HTML in it is shown as text. Links lead to web pages only; an address of another
 * kind becomes plain text, unless it is a page of ours.
 */
export default function Markdown({ text, inside }: Props) {
  const components = useMemo(
    () => ({
      // A picture would ask another host; its text stands for it.
      img: ({ alt }: { alt?: string }) => <em>{alt}</em>,
      a: ({ href, children }: { href?: string; children?: ReactNode }) => {
        if (href === undefined || href === '') return <span>{children}</span>;
        if (!/^https?:\/\//i.test(href)) return <Link href={href}>{children}</Link>;
        return (
          <a href={href} rel="noopener noreferrer nofollow ugc" target="_blank">
            {children}
          </a>
        );
      },
      // The page has its own heading; those of a text lie below it.
      h1: ({ children }: { children?: ReactNode }) => <h2>{children}</h2>,
      // Wide code scrolls, also by keyboard.
      pre: ({ children }: { children?: ReactNode }) => <pre tabIndex={0}>{children}</pre>,
      table: ({ children }: { children?: ReactNode }) => (
        <div className="scroll" tabIndex={0}>
          <table>{children}</table>
        </div>
      ),
    }),
    [],
  );
  const transform = (url: string) => (/^https?:\/\//i.test(url) ? url : (inside?.(url) ?? ''));
  return (
    <div className="markdown">
      <Renderer remarkPlugins={[gfm]} urlTransform={transform} components={components}>
        {text}
      </Renderer>
    </div>
  );
}
