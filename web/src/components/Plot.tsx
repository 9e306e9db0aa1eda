import { useEffect, useRef } from 'react';
import type { PlotOptions } from '@observablehq/plot';
import './plot.css';

interface Props {
  options: () => Promise<(plot: typeof import('@observablehq/plot'), width: number) => PlotOptions>;
  label: string;
}

/**
 * A figure. The library puts a style element into it, which the content security policy would block: it is taken out
 * before the figure enters the page, and plot.css has its rules.
 */
export function Plot({ options, label }: Props) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let current = true;
    const element = place.current!;
    const draw = async () => {
      const [plot, make] = await Promise.all([import('@observablehq/plot'), options()]);
      if (!current) return;
      const figure = plot.plot(make(plot, element.clientWidth || 600));
      for (const style of figure.querySelectorAll('style')) style.remove();
      // The names of the marks' groups are for the library's users; a reader gets the figure's own name.
      for (const part of figure.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
      figure.setAttribute('role', 'img');
      figure.setAttribute('aria-label', label);
      element.replaceChildren(figure);
    };
    void draw();
    let width = element.clientWidth;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      void draw();
    });
    observer.observe(element);
    return () => {
      current = false;
      observer.disconnect();
    };
  }, [options, label]);
  return <div ref={place} className="plot" />;
}
