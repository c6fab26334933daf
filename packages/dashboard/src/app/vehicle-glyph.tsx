import type { Look } from '../live/fleet.ts';
import { HEADING_SHAPES } from '../map/vehicle-shapes.ts';

/** The same form that the map draws, for the words beside it. */
export function VehicleGlyph({ look, size = 20 }: { look: Look; size?: number }) {
  const shape = HEADING_SHAPES[look];
  return (
    <svg viewBox="0 0 40 40" width={size} height={size} className={`vehicle-glyph look-${look}`} aria-hidden="true">
      <path d={shape.body} className={shape.hollow ? 'hollow' : 'solid'} />
      {shape.mark !== null && <path d={shape.mark} className={shape.hollow ? 'solid' : 'mark'} />}
    </svg>
  );
}
