import { type PointerEvent, type ReactNode, useRef } from 'react';

export type SheetHeight = 'peek' | 'half' | 'full';

const NEXT: Record<SheetHeight, SheetHeight> = { peek: 'half', half: 'full', full: 'peek' };
const SHARE: [SheetHeight, number][] = [
  ['peek', 0.15],
  ['half', 0.48],
  ['full', 0.92],
];
const TAP = 6;

interface Props {
  height: SheetHeight;
  onHeight: (height: SheetHeight) => void;
  children: ReactNode;
}

/** A panel at the side; on a phone a sheet at the bottom that a finger draws up and down, or a tap or key lifts. */
export function Sheet({ height, onHeight, children }: Props) {
  const panel = useRef<HTMLElement>(null);
  const draggedAt = useRef(Number.NEGATIVE_INFINITY);
  const drag = useRef<{ y: number; height: number; moved: boolean } | null>(null);

  function begin(event: PointerEvent): void {
    if (panel.current === null) return;
    drag.current = { y: event.clientY, height: panel.current.getBoundingClientRect().height, moved: false };
    event.currentTarget.setPointerCapture(event.pointerId);
  }

  function move(event: PointerEvent): void {
    const from = drag.current;
    if (from === null || panel.current === null) return;
    const way = from.y - event.clientY;
    if (!from.moved && Math.abs(way) < TAP) return;
    from.moved = true;
    panel.current.dataset.dragging = '';
    panel.current.style.height = `${Math.min(innerHeight * 0.94, Math.max(72, from.height + way))}px`;
  }

  function end(event: PointerEvent): void {
    const from = drag.current;
    drag.current = null;
    if (from === null || panel.current === null || !from.moved) return;
    delete panel.current.dataset.dragging;
    panel.current.style.height = '';
    const share = (from.height + from.y - event.clientY) / innerHeight;
    const nearest = SHARE.reduce((best, next) => (Math.abs(next[1] - share) < Math.abs(best[1] - share) ? next : best));
    onHeight(nearest[0]);
    draggedAt.current = performance.now();
  }

  function tap(): void {
    // The click that ends a drag must not lift the sheet once more.
    if (performance.now() - draggedAt.current > 300) onHeight(NEXT[height]);
  }

  return (
    <aside className="sheet" data-height={height} ref={panel} aria-label="Trips">
      <button
        type="button"
        className="sheet-handle"
        onPointerDown={begin}
        onPointerMove={move}
        onPointerUp={end}
        onPointerCancel={end}
        onClick={tap}
        aria-label={height === 'full' ? 'Lower the panel' : 'Lift the panel'}
      >
        <span />
      </button>
      <div className="sheet-body">{children}</div>
    </aside>
  );
}
