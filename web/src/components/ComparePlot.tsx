import { useCallback } from 'react';
import { Plot } from './Plot';

interface Point {
  metric: string;
  before: number;
  after: number;
}

/** Metrics of two versions, each as a way from the one to the other. The ends differ by shape as well as by colour. */
export default function ComparePlot({ points, before, after }: { points: Point[]; before: string; after: string }) {
  const options = useCallback(
    async () => (plot: typeof import('@observablehq/plot'), width: number) => ({
      width,
      height: 60 + points.length * 30,
      marginLeft: 130,
      marginRight: 20,
      x: { grid: true, nice: true, label: null },
      y: { label: null },
      symbol: { legend: true, domain: [before, after], range: ['circle', 'triangle'] as const },
      marks: [
        plot.link(points, { x1: 'before', x2: 'after', y: 'metric', stroke: 'var(--control-line)', strokeWidth: 2, markerEnd: 'arrow' as const }),
        plot.dot(points, { x: 'before', y: 'metric', symbol: () => before, r: 5, stroke: 'var(--muted)', fill: 'var(--panel)', title: (d: Point) => `${before}: ${d.metric} ${d.before}` }),
        plot.dot(points, { x: 'after', y: 'metric', symbol: () => after, r: 5, stroke: 'var(--accent)', fill: 'var(--accent)', title: (d: Point) => `${after}: ${d.metric} ${d.after}` }),
      ],
    }),
    [points, before, after],
  );
  return <Plot options={options} label={`${points.length} metrics of ${before} and ${after}; the table below has the values`} />;
}
